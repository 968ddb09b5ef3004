"""The flow for one shard of people: audience, wishes, filters, slate, and what is frozen for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa

from recmail.campaign import Campaign, parse_frozen
from recmail.campaign.dealing import Part, expected_allotment, is_held_out, parts
from recmail.campaign.due import Due
from recmail.campaign.variants import looks_back
from recmail.db.among import among
from recmail.db.connect import connect, reading, writing
from recmail.db.eligibility import Eligibility, skip_reasons
from recmail.db.ledger import PlannedRow, insert_rows
from recmail.db.ledger_hash import row_hash, shard_hash
from recmail.db.people import time_zones
from recmail.db.runs import claim_shard, find_run, finish_shard
from recmail.db.tables import users
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
from recmail.segment.variants import Allotment, numbers_of
from recmail.settings import Limit
from recmail.settings.values import domain_of, parse_duration

# A planner reads one range of people after the other and comes back to none: more pages only fill up, and
# memory would grow with the audience until they are full.
_CACHE_MIB = 8

# By the variant whose blocks they are; None for the campaign's own.
WishesBy = Mapping[str | None, Wishes]
SettledBy = Mapping[str | None, Settled]


@dataclass(frozen=True)
class Facts:
    """What all shards of a run share.

    Attributes:
        now: the instant as of which people, histories and courses are judged.
        due: when the emails are due; a course that has closed by then is not shown.
        run_no: None for a preview, which has no run.
        allotment: who gets which variant; None where the campaign has none.
    """

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
    due: Due
    domain: str
    run_no: int | None = None
    allotment: Allotment | None = None


@dataclass(frozen=True)
class ShardTask:
    """All that a worker is told: everything else it reads from the database.

    Attributes:
        allotment: counted over the whole audience; None where nobody counted yet, or there are no variants.
        settled: what the whole audience decided for the people of the shard, by the variant whose blocks it
            is; None where each decides alone.
    """

    database_url: str
    run_no: int
    shard: int
    allotment: Allotment | None = None
    settled: SettledBy | None = None


@dataclass(frozen=True)
class Composed:
    """One person of the audience: their slots and reserves, or the reason why there is no email.

    Attributes:
        variant: of those who may be mailed, whether they have enough courses or not.
        held_out: they would get an email, and are in the control group: nothing is kept of it.
    """

    user_no: int
    reason: str | None
    context: dict[str, Any] | None
    reserves: list[Any]
    variant: str | None = None
    held_out: bool = False

    @property
    def outcome(self) -> str | None:
        """Why there is no email, "held_out" being one more reason; None when there is one."""
        return MessageState.HELD_OUT.value if self.held_out else self.reason


def compose(connection: sa.Connection, facts: Facts, low: int, high: int) -> list[Composed]:
    """Decide, for everybody of the audience with low <= user_no < high, what their email would show."""
    return compose_shard(connection, facts, low, high)[0]


def compose_people(connection: sa.Connection, facts: Facts, user_nos: Sequence[int]) -> list[Composed]:
    """Decide as `compose` does for these people of the audience alone; a shard's worth of them at most."""
    if not user_nos:
        return []
    low, high = min(user_nos), max(user_nos) + 1
    reasons, shard = _read(connection, facts, low, high, only=user_nos)
    return _composed(reasons, shard, facts)[0]


def compose_shard(
    connection: sa.Connection, facts: Facts, low: int, high: int, *, settled: SettledBy | None = None
) -> tuple[list[Composed], list[list[float]]]:
    """Decide as `compose` does, and count what blocks fell short of: rows of SHORTFALL_COLUMNS."""
    reasons, shard = _read(connection, facts, low, high)
    return _composed(reasons, shard, facts, settled)


def _composed(
    reasons: Mapping[int, str | None], shard: Shard | None, facts: Facts, settled: SettledBy | None = None
) -> tuple[list[Composed], list[list[float]]]:
    emails, shortfall = dict[int, Composed](), list[list[float]]()
    for part in parts(shard, facts.campaign, facts.allotment):
        given = None if settled is None or part.held_out else settled[part.group]
        slate = fill(part.shard, facts.catalogue, part.campaign.blocks, facts.scorers, settled=given)
        emails |= _emails(part, slate, facts.due)
        shortfall += [] if part.held_out else slate.shortfall.astype(object).to_numpy().tolist()
    people = (emails.get(user_no) or Composed(user_no, why, None, []) for user_no, why in reasons.items())
    return list(people), shortfall


def wish(connection: sa.Connection, facts: Facts, low: int, high: int) -> WishesBy:
    """Rank what could be shown to the people with low <= user_no < high who may be mailed.

    Nobody of the control group wishes anything: they take no course from others.
    """
    exposure = exposure_of(facts.campaign) or Exposure()
    found = dict[str | None, Wishes]()
    for part in parts(_read(connection, facts, low, high)[1], facts.campaign, facts.allotment):
        if not part.held_out:
            blocks = part.campaign.blocks
            depth = how_deep(blocks, facts.catalogue, exposure)
            found[part.group] = wishes(part.shard, facts.catalogue, blocks, facts.scorers, depth=depth)
    return found


def draw(connection: sa.Connection, facts: Facts, low: int, high: int) -> np.ndarray:
    """Draw the numbers, for allotting variants, of those with low <= user_no < high who may be mailed."""
    reasons = _reasons(connection, facts, low, high)
    in_reach = users.c.user_no >= low, users.c.user_no < high
    known = connection.execute(sa.select(users.c.user_no, users.c.user_id).where(*in_reach))
    ids = np.array([one for user_no, one in known if reasons.get(user_no, "") is None], dtype=object)
    mailed = ids[~is_held_out(ids, facts.campaign)]
    return numbers_of(mailed, facts.allotment.run) if facts.allotment else np.zeros(0, dtype=np.uint64)


@dataclass(frozen=True)
class Explained:
    """What one person would be shown, and what became of all other courses.

    Attributes:
        in_audience: they match `who`.
        reason: why there would be no email; None when there would be, or they are not in the audience.
        slate: of this person only; it is made whether there would be an email or not.
        held_out: as in Composed.
    """

    in_audience: bool
    reason: str | None
    slate: Slate
    fates: list[Fate]
    held_out: bool


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
        facts: with the campaign as the person's variant has it.
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
    held_out = user_no in reasons and reason is None
    held_out = held_out and bool(is_held_out(shard.people["user_id"].to_numpy(), facts.campaign)[0])
    return Explained(user_no in reasons, reason, slate, found, held_out)


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
    rules = Eligibility(
        addressed=facts.segment.where,
        topic=facts.campaign.topic,
        now=facts.now,
        cap=facts.cap.cap,
        run_no=facts.run_no,
        due=facts.due.last,
        priority=facts.campaign.priority,
    )
    return skip_reasons(connection, audience, rules)


def _histories(connection: sa.Connection, facts: Facts, low: int, high: int, only: np.ndarray) -> Shard:
    shard = read_shard(
        connection,
        low,
        high,
        only=only,
        courses=len(facts.catalogue),
        now=facts.now,
        grades=facts.grades,
        language=facts.language,
        emailed_within=looks_back(facts.campaign),
        half_life=facts.half_life,
    )
    return replace(shard, due=facts.due.last)


def _emails(part: Part, slate: Slate, due: Due) -> dict[int, Composed]:
    shard = part.shard
    contexts = freeze_people(slate.slots, shard.people, shard.pairs)
    zones = shard.people["timezone"].tolist()
    for context, day in zip(contexts, due.days(zones, due.times(zones)), strict=True):
        if day != due.day:
            context["date"] = day.isoformat()
    reserves = freeze_people(slate.reserves, shard.people, shard.pairs)
    numbers, found = shard.people["user_no"].tolist(), dict[int, Composed]()
    for user_no, variant, enough, context, reserve in zip(
        numbers, part.variants, slate.enough, contexts, reserves, strict=True
    ):
        if not enough:
            found[user_no] = Composed(user_no, "too_few_courses", None, [], variant)
        elif part.held_out:
            found[user_no] = Composed(user_no, None, None, [], held_out=True)
        else:
            found[user_no] = Composed(user_no, None, context, reserve["slots"], variant)
    return found


def draw_shard(task: ShardTask) -> np.ndarray:
    """Draw the numbers of one shard's people; writes nothing, as `wish_shard`."""
    low = task.shard * SHARD_SIZE
    with reading(shard_engine(task.database_url)) as connection:
        return draw(connection, _task_facts(task), low, low + SHARD_SIZE)


def wish_shard(task: ShardTask) -> WishesBy:
    """Ask one shard of a run what its people wish; writes nothing, so it may run again and die anywhere."""
    facts = _task_facts(task)
    low = task.shard * SHARD_SIZE
    with reading(shard_engine(task.database_url)) as connection:
        return wish(connection, facts, low, low + SHARD_SIZE)


def plan_shard(task: ShardTask) -> int:
    """Plan one shard of a run, in one transaction with its marker; returns its rows, 0 when it was planned.

    May run twice, on any machine, and may die at any moment.
    """
    facts = _task_facts(task)
    engine = shard_engine(task.database_url)
    low = task.shard * SHARD_SIZE
    with reading(engine) as connection:
        composed, shortfall = compose_shard(connection, facts, low, low + SHARD_SIZE, settled=task.settled)
        zones = time_zones(connection, low, low + SHARD_SIZE)
    times = facts.due.times([zones.get(one.user_no) for one in composed])
    rows = [_planned_row(one, at, facts.due) for one, at in zip(composed, times, strict=True)]
    with writing(engine) as connection:
        if not claim_shard(connection, task.run_no, task.shard, now=facts.now):
            return 0
        insert_rows(connection, task.run_no, rows, now=facts.now, domain=facts.domain)
        digest = shard_hash(row.row_hash for row in rows)
        finish_shard(connection, task.run_no, task.shard, rows=len(rows), digest=digest, shortfall=shortfall)
        crash_at("before-shard")
    crash_at("after-shard")
    return len(rows)


def _planned_row(one: Composed, due_at: datetime, due: Due) -> PlannedRow:
    state = MessageState.PLANNED if one.outcome is None else MessageState.SKIPPED
    return PlannedRow(
        user_no=one.user_no,
        state=MessageState.HELD_OUT if one.held_out else state,
        reason=one.reason,
        due_at=due_at,
        context=one.context,
        reserves=one.reserves,
        row_hash=row_hash(one.user_no, one.outcome, due_at, one.context, one.reserves, variant=one.variant),
        send_before=due.send_before(due_at),
        variant=one.variant,
    )


@lru_cache(maxsize=2)
def shard_engine(database_url: str) -> sa.Engine:
    """Return what a worker reads and writes a database by, one in each process."""
    return connect(database_url, cache_mib=_CACHE_MIB)


def _task_facts(task: ShardTask) -> Facts:
    facts = _facts(task.database_url, task.run_no)
    return facts if task.allotment is None else replace(facts, allotment=task.allotment)


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
            run["as_of"],
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
        now=run["as_of"],
        due=Due.of_run(run),
        domain=domain_of(settings["printed"]["from"]),
        run_no=run["run_no"],
        allotment=expected_allotment(campaign, run["seed"]),
    )
