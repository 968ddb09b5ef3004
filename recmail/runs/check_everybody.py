"""`check --all`: writes the email of everybody whom a campaign would reach next, and sends none of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from recmail.campaign import Campaign
from recmail.campaign.calendar import Occurrence
from recmail.db.account import Account, expected
from recmail.db.connect import reading
from recmail.db.people import user_ids_by_no
from recmail.db.samples import people_by_lot, people_who_matter
from recmail.engine import give_memory_back
from recmail.history.reading import last_user_no
from recmail.pipeline import (
    Facts,
    SettledBy,
    WishesBy,
    compose_shard,
    exposure_of,
    run_facts,
    shard_engine,
    wish,
)
from recmail.records import SHARD_SIZE
from recmail.render.lint.tally import Tally
from recmail.runs.exposure import settle
from recmail.runs.facts import draft_run, due_of, read_facts
from recmail.runs.findings import Findings
from recmail.runs.funnel import read_funnel
from recmail.runs.linter import Linter
from recmail.runs.message import Links, stand_in_links
from recmail.runs.occurrences import next_occurrence, written_for
from recmail.runs.project import Project
from recmail.runs.shards import over_shards
from recmail.runs.summary import BY_LOT, WHO_MATTER
from recmail.segment import whole_audience

CheckProgress = Callable[[int, int, int], None] | None
"""Told the people looked at, the shards done, and how many shards there are."""
_INSTANTS = ("due_instant", "as_of")


@dataclass(frozen=True)
class Everybody:
    """What everybody of the audience would get.

    Attributes:
        account: who would be mailed, and why the others would not.
        compared: pages that were compared with the same pages, inlined by themselves.
        written_for: the next time of the schedule, in words; None: the emails are written for now.
    """

    account: Account
    findings: Findings
    compared: int
    written_for: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result with stable keys, for --json."""
        return {
            "account": self.account.to_dict(),
            "findings": self.findings.to_dict(),
            "compared": self.compared,
            "written_for": self.written_for,
        }


@dataclass(frozen=True)
class CheckTask:
    """All that a worker is told; no run is in the database, so a draft of it goes along.

    Attributes:
        draft: what a plan would freeze that is not about one person, as JSON.
        compare: user_id of people whose pages are inlined by themselves too, by user_no.
        settled: as of a ShardTask.
    """

    database_url: str
    draft: str
    shard: int
    links: Links
    compare: Mapping[int, str]
    settled: SettledBy | None = None

    @property
    def low(self) -> int:
        """The first user_no of the shard."""
        return self.shard * SHARD_SIZE


@dataclass(frozen=True)
class _Checked:
    """What a worker answers: people by why they would get no email (None: they would), and a tally."""

    outcomes: Counter[str | None]
    tally: Tally
    compared: int


def check_everybody(
    project: Project, campaign: Campaign, *, now: datetime, progress: CheckProgress = None
) -> Everybody:
    """Write and look at the emails that a plan made now would freeze; nothing is written to the database.

    Raises:
        RenderError: a page whose styles are inlined once is not the same inlined by itself.
        ModelError: a block needs a model and there is none.
    """
    # As a worker reads: what all enrolments are counted from would fill a larger cache of pages for good.
    project = replace(project, engine=shard_engine(project.settings.database_url))
    audience = read_funnel(project, campaign, now=now)[-1].people
    when = next_occurrence(project, campaign, now=now)
    due = due_of(campaign, when, now, project.settings.project.timezone)
    tasks, shards = _tasks(project, campaign, now, when)
    outcomes, tally, compared = Counter[str | None](), Tally(), 0
    for done, checked in enumerate(over_shards(project, check_shard, tasks, shards), start=1):
        outcomes += checked.outcomes
        tally.merge(checked.tally)
        compared += checked.compared
        if progress:
            progress(outcomes.total(), done, shards)
    with reading(project.engine) as connection:
        findings = Findings.of(connection, tally)
    return Everybody(expected(outcomes, people=audience), findings, compared, written_for(due, now))


def _tasks(
    project: Project, campaign: Campaign, now: datetime, when: Occurrence | None
) -> tuple[Iterator[CheckTask], int]:
    """Return the task of every shard, and how many there are."""
    with reading(project.engine) as connection:
        facts = read_facts(connection, project, campaign, now, occurrence=when)
        draft = draft_run(project, facts)
        compare = _whom_to_compare(connection, facts, seed=draft["seed"])
        shards = last_user_no(connection) // SHARD_SIZE + 1
    give_memory_back()  # all enrolments were counted
    url, links = project.settings.database_url, stand_in_links(project)
    text = json.dumps({**draft, **{name: draft[name].isoformat() for name in _INSTANTS}, "run_no": None})
    asked = (CheckTask(url, text, shard, links, compare) for shard in range(shards))
    exposure = exposure_of(campaign)
    if exposure is None:
        return asked, shards
    wishes = over_shards(project, wish_again, asked, shards)
    last = shards * SHARD_SIZE - 1
    settlement = settle(facts, exposure, wishes, last=last, seed=draft["seed"])
    return (
        CheckTask(
            url, text, shard, links, compare, settlement.of(shard * SHARD_SIZE, (shard + 1) * SHARD_SIZE)
        )
        for shard in range(shards)
    ), shards


def _whom_to_compare(connection: sa.Connection, facts: Facts, *, seed: int) -> dict[int, str]:
    audience, topic = whole_audience(connection, facts.segment), facts.campaign.topic
    matter = people_who_matter(connection, audience, topic=topic, now=facts.now, at_most=WHO_MATTER)
    lot = people_by_lot(connection, audience, topic=topic, now=facts.now, seed=seed, at_most=BY_LOT)
    return user_ids_by_no(connection, [*(user_no for _, user_no in matter), *lot])


def wish_again(task: CheckTask) -> WishesBy:
    """Ask one shard what its people wish."""
    facts, _ = _shared(task.database_url, task.draft, task.links)
    with reading(shard_engine(task.database_url)) as connection:
        return wish(connection, facts, task.low, task.low + SHARD_SIZE)


def check_shard(task: CheckTask) -> _Checked:
    """Compose, write and look at the emails of one shard; nothing is kept, so it may run twice."""
    facts, linter = _shared(task.database_url, task.draft, task.links)
    with reading(shard_engine(task.database_url)) as connection:
        low, high = task.low, task.low + SHARD_SIZE
        composed, _ = compose_shard(connection, facts, low, high, settled=task.settled)
    emails = [(one.user_no, one.variant, one.context) for one in composed if one.context is not None]
    outcomes = Counter(one.outcome for one in composed)
    tally = linter.tally(emails, compare=task.compare)
    compared = task.compare.keys() & {user_no for user_no, *_ in emails}
    return _Checked(outcomes, tally, len(compared))


@lru_cache(maxsize=1)
def _shared(database_url: str, draft: str, links: Links) -> tuple[Facts, Linter]:
    """Read what all shards share, once in each process."""
    run: Mapping[str, Any] = json.loads(draft)
    run = {**run, **{name: datetime.fromisoformat(run[name]) for name in _INSTANTS}}
    with reading(shard_engine(database_url)) as connection:
        return run_facts(connection, run), Linter(run, links)
