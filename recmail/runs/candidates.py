"""Why one person would be shown these courses by a campaign, and not others: the fate of every candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from recmail.campaign import in_variant
from recmail.db.connect import reading
from recmail.db.tables import users
from recmail.errors import ConfigError, RefusedError, did_you_mean
from recmail.feedback.traces import find_living
from recmail.filters import fates
from recmail.filters.fates import Fate
from recmail.filters.limits import Exposure
from recmail.history.reading import last_user_no
from recmail.pipeline import Explained, Facts, WishesBy, explain, exposure_of, wish
from recmail.records import SHARD_SIZE, SKIP_WORDS, STATE_WORDS, MessageState
from recmail.runs.check import unknown_names
from recmail.runs.exposure import Settlement, settle
from recmail.runs.facts import draft_run, read_facts
from recmail.runs.project import Project

Progress = Callable[[int, int], None] | None
FILTER_WORDS = {
    "already_taken": "taken already",
    "closed": "closed",
    "full": "no free seat",
    "language": "another language",
    "not_again_within": "emailed lately",
    "opted_out": "personalization is off",
    "prerequisites": "needs another course first",
    "unpublished": "not published yet",
    "where": "not what `where` asks for",
}


@dataclass(frozen=True)
class Candidate:
    """One course in one offer.

    Attributes:
        rank: from 1, by score within the offer; None where the offer does not have it.
        outcome, filters: as in Fate.
        says: the same in words.
        reason: as printed, where it is shown.
    """

    block: int
    source: str
    rank: int | None
    course_id: str
    title: str
    score: float | None
    outcome: str
    filters: Sequence[str]
    says: str
    reason: str | None


@dataclass(frozen=True)
class Explanation:
    """What a campaign would do for one person as of now.

    Attributes:
        verdict: whether there would be an email, in words.
        variant: whose blocks are told of; a plan counts the audience, and may give them another one.
        blocks: names of the campaign's blocks, in order.
        candidates: by offer, in the order in which offers were asked, best first.
        note: what else one has to know; None when there is nothing.
    """

    user_id: str
    campaign: str
    verdict: str
    variant: str | None
    blocks: Sequence[str]
    candidates: Sequence[Candidate]
    note: str | None

    def to_dict(self) -> dict[str, Any]:
        """The explanation with stable keys, for --json."""
        return asdict(self)


def explain_candidates(
    project: Project, who: str, name: str, *, now: datetime, progress: Progress = None
) -> Explanation:
    """Tell what becomes of every candidate of one person; with `exposure` the whole audience is asked.

    Raises:
        DataError: there is no such person.
        RefusedError: there is no such campaign, or the person was erased.
        ConfigError: the campaign has mistakes, or names courses or clusters that are not there.
        ModelError: a block needs a model and there is none.
    """
    campaign = project.campaign(name)
    if problems := unknown_names(project, campaign):
        raise ConfigError(problems)
    with reading(project.engine) as connection:
        user_no = find_living(connection, project.settings, who)
        user_id = str(connection.scalar(sa.select(users.c.user_id).where(users.c.user_no == user_no)))
        facts = read_facts(connection, project, campaign, now)
        variant = facts.allotment.name_of(user_id) if facts.allotment else None
        mine = replace(facts, campaign=in_variant(campaign, variant))
        found, exposure, note = explain(connection, mine, user_no), exposure_of(campaign), None
        if exposure and _may_be_mailed(found):
            seed = draft_run(project, facts)["seed"]
            settlement = _settlement(connection, facts, exposure, seed=seed, progress=progress)
            found = _explain_limited(connection, mine, settlement, user_no, variant)
        elif exposure:
            note = "limits count only those who may be mailed: this is without `exposure`"
    return Explanation(
        user_id=user_id,
        campaign=campaign.name,
        verdict=_verdict(found),
        variant=None if found.held_out else variant,
        blocks=mine.campaign.block_names,
        candidates=_candidates(found, facts),
        note=note,
    )


def _settlement(
    connection: sa.Connection, facts: Facts, exposure: Exposure, *, seed: int, progress: Progress
) -> Settlement:
    last = last_user_no(connection)
    asked = _asked(connection, facts, last // SHARD_SIZE + 1, progress)
    return settle(facts, exposure, asked, last=last, seed=seed)


def _explain_limited(
    connection: sa.Connection, mine: Facts, settlement: Settlement, user_no: int, variant: str | None
) -> Explained:
    """Explain by what the whole audience settled, for those who get the same blocks."""
    group = variant if variant in settlement.allocations else None
    settled, closed = settlement.of(user_no, user_no + 1)[group], settlement.allocations[group].closed
    return explain(connection, mine, user_no, settled=settled, closed=closed)


def _asked(connection: sa.Connection, facts: Facts, shards: int, progress: Progress) -> Iterator[WishesBy]:
    for shard in range(shards):
        yield wish(connection, facts, shard * SHARD_SIZE, (shard + 1) * SHARD_SIZE)
        if progress:
            progress(shard + 1, shards)


def _may_be_mailed(found: Explained) -> bool:
    return found.in_audience and found.reason in (None, "too_few_courses") and not found.held_out


def only_course(found: Explanation, course_id: str) -> Explanation:
    """Keep what became of one course.

    Raises:
        RefusedError: there is no such course.
    """
    kept = [one for one in found.candidates if one.course_id == course_id]
    if found.candidates and not kept:
        known = sorted({one.course_id for one in found.candidates})
        hint = did_you_mean(course_id, known) or "; courses are named by their course_id"
        raise RefusedError(f"there is no course {course_id!r}{hint}")
    return Explanation(**{**vars(found), "candidates": kept})


def _verdict(found: Explained) -> str:
    if not found.in_audience:
        return "would get no email: not in the audience"
    if found.held_out:
        return f"would get no email: {STATE_WORDS[MessageState.HELD_OUT]}"
    if found.reason is None:
        return "would get an email"
    return f"would get no email: {SKIP_WORDS[found.reason]}"


def _candidates(found: Explained, facts: Facts) -> list[Candidate]:
    frame = facts.catalogue.frame
    ids, titles = frame["course_id"].tolist(), frame["title"].tolist()
    ranks: dict[tuple[int, str], int] = {}
    candidates = []
    for fate in found.fates:
        rank = None
        if fate.score is not None:
            rank = ranks[fate.block, fate.source] = ranks.get((fate.block, fate.source), 0) + 1
        candidates.append(
            Candidate(
                block=fate.block,
                source=fate.source,
                rank=rank,
                course_id=ids[fate.course_no],
                title=titles[fate.course_no],
                score=None if fate.score is None else float(np.round(fate.score, 4)),
                outcome=fate.outcome,
                filters=list(fate.filters),
                says=_words(fate),
                reason=fate.reason,
            )
        )
    return candidates


def _words(fate: Fate) -> str:
    if fate.outcome == fates.SHOWN:
        return f"shown, place {(fate.position or 0) + 1}"
    dropped = " and ".join(f"{FILTER_WORDS.get(name, name)} ({name})" for name in fate.filters)
    return {
        fates.RESERVE: "kept in reserve",
        fates.ABOVE: "in the email already",
        fates.RANK: "others rank higher",
        fates.FILTER: f"dropped: {dropped}",
        fates.QUOTA: "enough of its category (per_category)",
        fates.VARIETY: "gave way to a more varied one (variety)",
        fates.EXPOSURE: "its limit was reached by others (exposure)",
        fates.NOT_OFFERED: f"not offered{f'; {dropped}' if dropped else ''}",
    }[fate.outcome]
