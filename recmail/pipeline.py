"""The flow for one shard of people: audience, wishes, filters, slate, and what is frozen for each of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa

from recmail.campaign import Campaign, parse_frozen
from recmail.db.among import among
from recmail.db.connect import connect, reading, writing
from recmail.db.eligibility import skip_reasons
from recmail.db.ledger import PlannedRow, insert_rows
from recmail.db.runs import claim_shard, find_run, finish_shard
from recmail.deliver.crash import crash_at
from recmail.filters.fates import Asked, Fate, fates
from recmail.filters.limits import Exposure, how_deep
from recmail.filters.settling import Settled
from recmail.filters.slate import fill
from recmail.filters.wishing import Wishes, wishes
from recmail.history.frozen import thaw_catalogue
from recmail.history.reading import read_shard
from recmail.recommend import Scorer
from recmail.recommend.models import load
from recmail.records import SHARD_SIZE, Catalogue, MessageState, Shard, Slate
from recmail.render.frozen import freeze_people
from recmail.segment import Courses, Segment, audience_query, compile_segment
from recmail.settings import Limit
from recmail.settings.values import domain_of, parse_duration

# A planner reads one range of people after the other and comes back to none: more pages only fill up, and
# memory would grow with the audience until they are full.
_CACHE_MIB = 8


@dataclass(frozen=True)
class Facts:
    """What all shards of a run share; `run_no` is None for a preview, which has no run."""

    campaign: Campaign
    segment: Segment
    catalogue: Catalogue
    scorers: Mapping[str, Scorer]
    model_version: str | None
    grades: Mapping[str, float]
    half_life: timedelta
    cap: Limit
    language: str
    now: datetime
    domain: str
    run_no: int | None = None


@dataclass(frozen=True)
class ShardTask:
    """All that a worker is told: everything else it reads from the database.

    Attributes:
        settled: what the whole audience decided for the people of the shard; None where each decides alone.
    """

    database_url: str
    run_no: int
    shard: int
    settled: Settled | None = None


@dataclass(frozen=True)
class Composed:
    """One person of the audience: their slots and reserves, or the reason why there is no email."""

    user_no: int
    reason: str | None
    context: dict[str, Any] | None
    reserves: list[Any]


def compose(connection: sa.Connection, facts: Facts, low: int, high: int) -> list[Composed]:
    """Decide, for everybody of the audience with low <= user_no < high, what their email would show."""
    return compose_shard(connection, facts, low, high)[0]


def compose_people(connection: sa.Connection, facts: Facts, user_nos: Sequence[int]) -> list[Composed]:
    """Decide as `compose` does for these people of the audience alone; a shard's worth of them at most."""
    if not user_nos:
        return []
    low, high = min(user_nos), max(user_nos) + 1
    reasons, shard = _read(connection, facts, low, high, only=user_nos)
    emails = {} if shard is None else _emails(shard, choose(shard, facts))
    return [emails.get(user_no) or Composed(user_no, why, None, []) for user_no, why in reasons.items()]


def compose_shard(
    connection: sa.Connection, facts: Facts, low: int, high: int, *, settled: Settled | None = None
) -> tuple[list[Composed], list[list[float]]]:
    """Decide as `compose` does, and count what blocks fell short of: rows of SHORTFALL_COLUMNS."""
    reasons, shard = _read(connection, facts, low, high)
    emails, shortfall = {}, list[list[float]]()
    if shard is not None:
        slate = choose(shard, facts, settled)
        emails, shortfall = _emails(shard, slate), slate.shortfall.astype(object).to_numpy().tolist()
    people = (
        emails.get(user_no) or Composed(user_no, reason, None, []) for user_no, reason in reasons.items()
    )
    return list(people), shortfall


def wish(connection: sa.Connection, facts: Facts, low: int, high: int) -> Wishes | None:
    """Rank what could be shown to the people with low <= user_no < high; None when nobody may be mailed."""
    _, shard = _read(connection, facts, low, high)
    if shard is None:
        return None
    blocks = facts.campaign.blocks
    depth = how_deep(blocks, facts.catalogue, exposure_of(facts.campaign) or Exposure())
    return wishes(shard, facts.catalogue, blocks, facts.scorers, depth=depth)


@dataclass(frozen=True)
class Explained:
    """What one person would be shown, and what became of all other courses.

    Attributes:
        in_audience: they match `who`.
        reason: why there would be no email; None when there would be, or they are not in the audience.
        slate: of this person only; it is made whether there would be an email or not.
    """

    in_audience: bool
    reason: str | None
    slate: Slate
    fates: list[Fate]


def explain(
    connection: sa.Connection,
    facts: Facts,
    user_no: int,
    *,
    settled: Settled | None = None,
    closed: np.ndarray | None = None,
) -> Explained:
    """Decide for one person as planning does, and tell what became of every candidate.

    Args:
        settled: what the whole audience decided; None where each person is decided alone.
        closed: bool, one for each course: the whole audience used it up.
    """
    reasons = _reasons(connection, facts, user_no, user_no + 1)
    shard = _histories(connection, facts, user_no, user_no + 1, np.array([user_no]))
    asked = list[Asked]()
    slate = fill(shard, facts.catalogue, facts.campaign.blocks, facts.scorers, settled=settled, asked=asked)
    reason = reasons.get(user_no)
    if user_no in reasons and reason is None and not slate.enough.all():
        reason = "too_few_courses"
    none = np.zeros(len(facts.catalogue), dtype=bool)
    found = fates(asked, slate, facts.catalogue, none if closed is None else closed)
    return Explained(user_no in reasons, reason, slate, found)


def exposure_of(campaign: Campaign) -> Exposure | None:
    """Return what limits one person's email by what others get; None when nothing does."""
    keys = campaign.exposure
    if keys is None or (keys.max_share_per_course is None and not keys.respect_seats):
        return None
    return Exposure(keys.max_share_per_course, keys.respect_seats)


def _read(
    connection: sa.Connection, facts: Facts, low: int, high: int, *, only: Sequence[int] | None = None
) -> tuple[dict[int, str | None], Shard | None]:
    """Read why people of the audience get no email, and those who do; None when nobody does."""
    reasons = _reasons(connection, facts, low, high, only=only)
    mailable = np.array([user_no for user_no, reason in reasons.items() if reason is None], dtype=np.int64)
    return reasons, _histories(connection, facts, low, high, mailable) if len(mailable) else None


def _reasons(
    connection: sa.Connection, facts: Facts, low: int, high: int, *, only: Sequence[int] | None = None
) -> dict[int, str | None]:
    """Read for everybody of the audience why they get no email; None where nothing is against it."""
    audience = audience_query(facts.segment, low, high)
    if only is not None:
        audience = audience.where(among(audience.selected_columns.user_no, only))
    return skip_reasons(
        connection,
        audience,
        addressed=facts.segment.where,
        topic=facts.campaign.topic,
        now=facts.now,
        cap=facts.cap,
        run_no=facts.run_no,
    )


def _histories(connection: sa.Connection, facts: Facts, low: int, high: int, only: np.ndarray) -> Shard:
    return read_shard(
        connection,
        low,
        high,
        only=only,
        courses=len(facts.catalogue),
        now=facts.now,
        grades=facts.grades,
        language=facts.language,
        emailed_within=_looked_back(facts.campaign),
        half_life=facts.half_life,
    )


def _looked_back(campaign: Campaign) -> timedelta | None:
    """How far back a block asks what people were emailed; None when none does."""
    asked = (getattr(block, "not_again_within", None) for block in campaign.blocks)
    return max((within for within in asked if within is not None), default=None)


def choose(shard: Shard, facts: Facts, settled: Settled | None = None) -> Slate:
    """Let every block offer courses, drop what may not be shown, and fill the slots."""
    return fill(shard, facts.catalogue, facts.campaign.blocks, facts.scorers, settled=settled)


def _emails(shard: Shard, slate: Slate) -> dict[int, Composed]:
    contexts = freeze_people(slate.slots, shard.people, shard.pairs)
    reserves = freeze_people(slate.reserves, shard.people, shard.pairs)
    numbers = shard.people["user_no"].tolist()
    return {
        user_no: Composed(user_no, None, context, reserve["slots"])
        if enough
        else Composed(user_no, "too_few_courses", None, [])
        for user_no, enough, context, reserve in zip(numbers, slate.enough, contexts, reserves, strict=True)
    }


def wish_shard(task: ShardTask) -> Wishes | None:
    """Ask one shard of a run what its people wish; writes nothing, so it may run again and die anywhere."""
    facts = _facts(task.database_url, task.run_no)
    low = task.shard * SHARD_SIZE
    with reading(shard_engine(task.database_url)) as connection:
        return wish(connection, facts, low, low + SHARD_SIZE)


def plan_shard(task: ShardTask) -> int:
    """Plan one shard of a run, in one transaction with its marker; returns its rows, 0 when it was planned.

    May run twice, on any machine, and may die at any moment.
    """
    facts = _facts(task.database_url, task.run_no)
    engine = shard_engine(task.database_url)
    low = task.shard * SHARD_SIZE
    with reading(engine) as connection:
        composed, shortfall = compose_shard(connection, facts, low, low + SHARD_SIZE, settled=task.settled)
    rows = [_planned_row(one, facts.now) for one in composed]
    with writing(engine) as connection:
        if not claim_shard(connection, task.run_no, task.shard, now=facts.now):
            return 0
        insert_rows(connection, task.run_no, rows, now=facts.now, domain=facts.domain)
        digest = shard_hash(row.row_hash for row in rows)
        finish_shard(connection, task.run_no, task.shard, rows=len(rows), digest=digest, shortfall=shortfall)
        crash_at("before-shard")
    crash_at("after-shard")
    return len(rows)


def _planned_row(one: Composed, due_at: datetime) -> PlannedRow:
    state = MessageState.PLANNED if one.reason is None else MessageState.SKIPPED
    return PlannedRow(
        user_no=one.user_no,
        state=state,
        reason=one.reason,
        due_at=due_at,
        context=one.context,
        reserves=one.reserves,
        row_hash=row_hash(one.user_no, one.reason, due_at, one.context, one.reserves),
    )


def row_hash(
    user_no: int, reason: str | None, due_at: datetime, context: dict[str, Any] | None, reserves: list[Any]
) -> str:
    """The hash of what is frozen for one person."""
    frozen = [user_no, reason, due_at.isoformat(), context, reserves]
    text = json.dumps(frozen, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def shard_hash(rows: Iterable[str]) -> str:
    """The hash of a shard: over its rows' hashes, in the order of user_no."""
    return hashlib.sha256("".join(rows).encode()).hexdigest()


@lru_cache(maxsize=2)
def shard_engine(database_url: str) -> sa.Engine:
    """Return what a worker reads and writes a database by, one in each process."""
    return connect(database_url, cache_mib=_CACHE_MIB)


@lru_cache(maxsize=2)
def _facts(database_url: str, run_no: int) -> Facts:
    """Read what all shards of the run share, once in each process."""
    with reading(shard_engine(database_url)) as connection:
        return run_facts(connection, find_run(connection, run_no))


def run_facts(connection: sa.Connection, run: Mapping[str, Any]) -> Facts:
    """Read again what a run was made of, from what was frozen with it."""
    scorers = load(connection, run["model_version"]) if run["model_version"] else {}
    settings = run["settings"]
    campaign = parse_frozen(run["campaign_yaml"], run["campaign"])
    catalogue = thaw_catalogue(run["courses"])
    return Facts(
        campaign=campaign,
        segment=compile_segment(
            campaign.audience.who,
            run["due_instant"],
            attributes=settings.get("attributes", {}),
            courses=Courses.of_frame(catalogue.frame),
        ),
        catalogue=catalogue,
        scorers=scorers,
        model_version=run["model_version"],
        grades=settings["grades"],
        half_life=parse_duration(settings["half_life"]),
        cap=Limit.parse(settings["emails_per_person"]),
        language=settings["printed"]["language"],
        now=run["due_instant"],
        domain=domain_of(settings["printed"]["from"]),
        run_no=run["run_no"],
    )
