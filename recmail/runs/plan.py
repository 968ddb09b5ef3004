"""Planning: who gets what, frozen shard by shard under one content hash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

from recmail.campaign import Campaign, not_yet
from recmail.db.connect import reading, writing
from recmail.db.runs import find_run, insert_run, move_run, shard_hashes, write_exposure
from recmail.deliver.crash import crash_at
from recmail.engine import give_memory_back
from recmail.errors import ConfigError, RecmailError, RefusedError
from recmail.filters.limits import Exposure
from recmail.history.reading import last_user_no
from recmail.pipeline import ShardTask, exposure_of, plan_shard, run_facts, wish_shard
from recmail.records import SHARD_SIZE, RunState
from recmail.runs.check import check_templates_of, unknown_names
from recmail.runs.exposure import settle
from recmail.runs.facts import draft_run, read_facts
from recmail.runs.funnel import read_funnel
from recmail.runs.project import Project
from recmail.runs.seal import content_hash
from recmail.runs.shards import over_shards
from recmail.runs.summary import compare_samples

SHELF_LIFE = timedelta(days=7)
Progress = Callable[[int, int], None] | None
Result = TypeVar("Result")


def plan(
    project: Project,
    name: str,
    *,
    now: datetime,
    who: str,
    progress: Progress = None,
) -> int:
    """Freeze who gets what into a new run; returns its number.

    Raises:
        ConfigError: the campaign has mistakes, uses what is not built yet, or names unknown courses.
        RefusedError: the audience is larger than `at_most`, or the campaign has a run for this instant.
        ModelError: a block needs a model and there is none.
    """
    campaign = project.campaign(name)
    if problems := [*not_yet(campaign), *unknown_names(project, campaign)]:
        raise ConfigError(problems)
    check_templates_of(project, campaign)
    _check_size(project, campaign, now)
    run_no = _open_run(project, campaign, now)
    project.engine.dispose()  # it read all enrolments, and would keep pages of them while shards need memory
    give_memory_back()
    try:
        if exposure := exposure_of(campaign):
            shards = _plan_limited(project, run_no, exposure, progress)
        else:
            shards = _plan_shards(project, run_no, progress)
        compare_samples(project, run_no)  # a wrong plan must not be there to be approved
        _close_run(project, run_no, shards, now=now, who=who)
    except RecmailError as error:
        with writing(project.engine) as connection:
            move_run(connection, run_no, RunState.FAILED, who=who, now=now, reason=str(error))
        raise
    return run_no


def _check_size(project: Project, campaign: Campaign, now: datetime) -> None:
    at_most = campaign.audience.at_most
    if at_most is None:
        return
    people = read_funnel(project, campaign, now=now)[-1].people
    if people > at_most:
        raise RefusedError(f"the audience is {people:,} people, and the campaign says at_most: {at_most:,}")


def _open_run(project: Project, campaign: Campaign, now: datetime) -> int:
    """Write the run with everything that all its shards share."""
    with reading(project.engine) as connection:
        draft = draft_run(project, read_facts(connection, project, campaign, now))
    with writing(project.engine) as connection:
        run_no = insert_run(connection, draft)
        crash_at("before-run")
    crash_at("after-run")
    if run_no is None:
        raise RefusedError(f"{campaign.name} already has a run for {now:%Y-%m-%d %H:%M:%S} UTC")
    return run_no


def _plan_shards(project: Project, run_no: int, progress: Progress) -> int:
    """Plan every shard by itself; returns how many there are."""
    with reading(project.engine) as connection:
        shards = last_user_no(connection) // SHARD_SIZE + 1
    url = project.settings.database_url
    tasks = (ShardTask(url, run_no, shard) for shard in range(shards))
    for done, _rows in enumerate(over_shards(project, plan_shard, tasks, shards), start=1):
        if progress:
            progress(done, shards)
    return shards


def _plan_limited(project: Project, run_no: int, exposure: Exposure, progress: Progress) -> int:
    """Ask all shards what their people wish, settle it, and plan every shard; returns how many there are."""
    with reading(project.engine) as connection:
        shards = last_user_no(connection) // SHARD_SIZE + 1
        run = find_run(connection, run_no)
        facts = run_facts(connection, run)
    last, done = shards * SHARD_SIZE - 1, count(1)  # whoever is imported meanwhile has room in the last one
    url = project.settings.database_url

    def counted(results: Iterable[Result]) -> Iterator[Result]:
        for result in results:
            if progress:
                progress(next(done), 2 * shards)
            yield result

    asked = (ShardTask(url, run_no, shard) for shard in range(shards))
    wishes = counted(over_shards(project, wish_shard, asked, shards))
    settlement = settle(facts, exposure, wishes, last=last, seed=run["seed"])
    lows = ((shard, shard * SHARD_SIZE) for shard in range(shards))
    tasks = (ShardTask(url, run_no, shard, settlement.of(low, low + SHARD_SIZE)) for shard, low in lows)
    for _rows in counted(over_shards(project, plan_shard, tasks, shards)):
        pass
    with writing(project.engine) as connection:
        write_exposure(connection, run_no, settlement.to_json())
    return shards


def _close_run(project: Project, run_no: int, shards: int, *, now: datetime, who: str) -> None:
    with writing(project.engine) as connection:
        hashes = shard_hashes(connection, run_no)
        if sorted(hashes) != list(range(shards)):
            raise RecmailError(f"run {run_no} misses shards {sorted(set(range(shards)) - set(hashes))}")
        digest = content_hash(find_run(connection, run_no), hashes)
        move_run(
            connection,
            run_no,
            RunState.PLANNED,
            who=who,
            now=now,
            content_hash=digest,
            planned_at=now,
            planned_by=who,
            shelf_until=now + SHELF_LIFE,
        )
        crash_at("before-plan")
    crash_at("after-plan")
