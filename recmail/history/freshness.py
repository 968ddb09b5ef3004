"""What there is and how fresh it is: counts, and every source with its last import and what it rejected."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import sqlalchemy as sa

from recmail.db.consent import consent_reason
from recmail.db.tables import courses, imports, interactions, suppressions, users
from recmail.history.metadata import Finding, inspect_courses
from recmail.history.strangers import Strangers, Unidentified, find_strangers, find_unidentified
from recmail.history.watermarks import GONE

_LATELY = timedelta(days=90)  # imports of so long tell the usual rhythm of a source
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_APART = timedelta(hours=1)  # imports closer together are one occasion
_BREAKS = 3  # how many times its usual gap a source may be silent
_HELD = {"users": users, "courses": courses, "suppressions": suppressions}


@dataclass(frozen=True)
class Source:
    """What came from one source into one table.

    Attributes:
        rows: there now. A row that two sources bring counts for the one that changed it last.
        last_import: when it was last finished; None when it never was.
        newest: the time of the newest interaction, not after now; of other kinds, the last import.
        usual_gap: between its imports of the last 90 days; None with fewer than three of them.
        state: fresh, old or unfinished. Old is what is silent for three times its usual gap, or for a week
            where that is not known; never a list of suppressions, which an old tool gives once. Unfinished
            is what stopped half-way the last time.
        files: what was read the last time, and was there when the source was looked at again.
        counts: what became of its rows then.
        rejects: how many of them were rejected, by reason.
    """

    source: str
    kind: str
    rows: int
    last_import: datetime | None
    newest: datetime | None
    usual_gap: timedelta | None
    state: str
    files: list[str | None]
    counts: dict[str, int]
    rejects: dict[str, int]


@dataclass(frozen=True)
class DataSurvey:
    """Everything `recmail data` says.

    Attributes:
        people: known and not erased; `mailable` and `not_mailable`, by reason, add up to them.
        newest_change: when people were last added or changed.
        newest_interaction: not after now.
        strangers: sources of events whose user_ids seem not to be those of our people.
        findings: what looks wrong in active courses.
    """

    people: int
    erased: int
    mailable: int
    not_mailable: dict[str, int]
    newest_change: datetime | None
    courses: int
    active_courses: int
    interactions: int
    newest_interaction: datetime | None
    suppressions: int
    sources: list[Source]
    unidentified: list[Unidentified]
    strangers: list[Strangers]
    findings: list[Finding]

    def to_json(self) -> dict[str, Any]:
        """The same as plain values: times in ISO 8601, gaps in seconds."""
        plain = _plain(dataclasses.asdict(self))
        assert isinstance(plain, dict)
        return plain


def survey(connection: sa.Connection, now: datetime) -> DataSurvey:
    """Count and inspect all histories and courses; nothing but courses is read row by row."""
    reasons = _reasons(connection, now)
    events = _events(connection, now)
    sources, unidentified = _sources(connection, events, now), find_unidentified(connection)
    of_events = {one.source: one for one in sources if one.kind == "interactions"}
    return DataSurvey(
        people=sum(reasons.values()),
        erased=_count(connection, users, users.c.erased_at.is_not(None)),
        mailable=reasons.get(None, 0),
        not_mailable={reason: people for reason, people in sorted(reasons.items(), key=str) if reason},
        newest_change=connection.scalar(sa.select(sa.func.max(users.c.imported_at))),
        courses=_count(connection, courses),
        active_courses=_count(connection, courses, courses.c.active.is_(True)),
        interactions=sum(rows for rows, _ in events.values()),
        newest_interaction=max((newest for _, newest in events.values() if newest), default=None),
        suppressions=_count(connection, suppressions),
        sources=sources,
        unidentified=unidentified,
        strangers=find_strangers(
            connection,
            unidentified,
            {source: rows for source, (rows, _) in events.items()},
            {source: one.counts for source, one in of_events.items()},
        ),
        findings=inspect_courses(connection, now),
    )


def _count(connection: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return int(connection.execute(query).scalar_one())


def _reasons(connection: sa.Connection, now: datetime) -> dict[str | None, int]:
    """How many people may get email (None), and how many may not, by reason; consent to all topics."""
    reason = consent_reason(users.c.user_no, users.c.email_hash, "", now).label("reason")
    each = sa.select(reason).select_from(users).where(users.c.erased_at.is_(None)).subquery()
    query = sa.select(each.c.reason, sa.func.count()).group_by(each.c.reason)
    return {why: int(people) for why, people in connection.execute(query)}


def _events(connection: sa.Connection, now: datetime) -> dict[str, tuple[int, datetime | None]]:
    """How many interactions each source brought, and the newest of them up to now: one reading of all."""
    happened = sa.case((interactions.c.at <= now, interactions.c.at))
    newest = sa.func.max(happened, type_=interactions.c.at.type)
    query = sa.select(interactions.c.source, sa.func.count(), newest).group_by(interactions.c.source)
    return {source: (int(rows), at) for source, rows, at in connection.execute(query)}


# --- sources --------------------------------------------------------------------------------------


def _sources(
    connection: sa.Connection, events: Mapping[str, tuple[int, datetime | None]], now: datetime
) -> list[Source]:
    """Every pair of source and kind that was ever imported, in the order of the first time."""
    rows = {("interactions", source): count for source, (count, _) in events.items()}
    for kind, table in _HELD.items():
        by_source = sa.select(table.c.source, sa.func.count()).group_by(table.c.source)
        rows |= {(kind, source): int(count) for source, count in connection.execute(by_source)}
    last, gaps = _last_imports(connection), _usual_gaps(connection, now)
    found = []
    for kind, source, finished_at in _known(connection):
        files = [one for one in last[kind, source] if GONE not in one.counts]
        unfinished = any(one.finished_at is None for one in files)
        of_events = events.get(source, (0, None))[1] if kind == "interactions" else None
        newest, gap = of_events or finished_at, gaps.get((kind, source))
        found.append(
            Source(
                source=source,
                kind=kind,
                rows=rows.get((kind, source), 0),
                last_import=finished_at,
                newest=newest,
                usual_gap=gap,
                state="unfinished" if unfinished else _state(kind, newest, gap, now),
                files=[one.file for one in files],
                counts=_added_up(one.counts for one in files),
                rejects=_added_up(one.rejects for one in files),
            )
        )
    return found


def _state(kind: str, newest: datetime | None, gap: timedelta | None, now: datetime) -> str:
    if newest is None or kind == "suppressions":
        return "fresh"
    allowed = _WEEK if gap is None else max(_BREAKS * gap, _DAY)
    return "old" if now - newest > allowed else "fresh"


def _known(connection: sa.Connection) -> list[tuple[str, str, datetime | None]]:
    """Kind, source, and when its last import was finished."""
    last = sa.func.max(imports.c.finished_at, type_=imports.c.finished_at.type)
    query = sa.select(imports.c.kind, imports.c.source, last).group_by(imports.c.kind, imports.c.source)
    in_order = connection.execute(query.order_by(sa.func.min(imports.c.import_no)))
    return [(kind, source, finished_at) for kind, source, finished_at in in_order]


def _last_imports(connection: sa.Connection) -> dict[tuple[str, str], list[sa.Row[Any]]]:
    """All files that were read the last time, by kind and source: they were begun at the same time."""
    begun = sa.func.max(imports.c.started_at, type_=imports.c.started_at.type).label("begun")
    pair = imports.c.kind, imports.c.source
    newest = sa.select(*pair, begun).group_by(*pair).subquery("newest")
    columns = [imports.c[name] for name in ("kind", "source", "file", "finished_at", "counts", "rejects")]
    query = sa.select(*columns).join(
        newest,
        sa.and_(
            imports.c.kind == newest.c.kind,
            imports.c.source == newest.c.source,
            imports.c.started_at == newest.c.begun,
        ),
    )
    last: defaultdict[tuple[str, str], list[sa.Row[Any]]] = defaultdict(list)
    for row in connection.execute(query.order_by(imports.c.import_no)):
        last[row.kind, row.source].append(row)
    return last


def _usual_gaps(connection: sa.Connection, now: datetime) -> dict[tuple[str, str], timedelta]:
    """The median time between imports, by kind and source, where two gaps at least are known."""
    times: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
    query = (
        sa.select(imports.c.kind, imports.c.source, imports.c.started_at)
        .where(imports.c.finished_at.is_not(None), imports.c.started_at.between(now - _LATELY, now))
        .distinct()
        .order_by(imports.c.started_at)
    )
    for kind, source, at in connection.execute(query):
        before = times[kind, source]
        if not before or at - before[-1] >= _APART:
            before.append(at)
    return {
        pair: timedelta(seconds=median((later - sooner).total_seconds() for sooner, later in pairwise(at)))
        for pair, at in times.items()
        if len(at) > 2
    }


def _added_up(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
