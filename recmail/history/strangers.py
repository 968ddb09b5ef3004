"""Whose events wait: ids that are not ours, and sources whose user_ids are not those of our people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db.tables import aliases, pending_events, users
from recmail.history.identity import COURSE, people_by_user_id

SAMPLE = 20_000  # events of each file: the first ones
_ENOUGH = 100
_FEW = 0.05
_EXAMPLES = 3


@dataclass(frozen=True)
class Recognised:
    """Of how many events that have a user_id the person is known, among the first of a file.

    Attributes:
        theirs: user_ids that nobody is known by.
        ours: user_ids of people who are known.
    """

    events: int
    known: int
    theirs: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()


def recognise(connection: sa.Connection, user_ids: Sequence[str]) -> Recognised:
    """Count them, and give examples of both sides' ids where there are some."""
    known = people_by_user_id(connection, sorted(set(user_ids)))
    strange = [user_id for user_id in user_ids if user_id not in known]
    theirs = tuple(dict.fromkeys(strange[:1_000]))[:_EXAMPLES]
    ours = _our_ids(connection) if theirs else ()
    return Recognised(len(user_ids), len(user_ids) - len(strange), theirs, ours)


def are_strange(events: int, known: int) -> bool:
    """Whether so few of the events have a known person that their user_ids may be of another kind."""
    return events >= _ENOUGH and known < _FEW * events


@dataclass(frozen=True)
class Unidentified:
    """A source's ids that are not ours: how many are known to be whose, how many events wait for that.

    Attributes:
        pending_events: those that wait for their person; a link that waits counts, too.
        of_unknown_courses: those that wait for their course.
    """

    source: str
    linked_ids: int
    pending_events: int
    of_unknown_courses: int
    oldest_pending: datetime | None


@dataclass(frozen=True)
class Strangers:
    """A source (nearly) none of whose people are known.

    Attributes:
        interactions: those that came in.
        waiting: events that wait for their person.
        theirs: ids that these wait for.
        ours: user_ids of people who are known.
    """

    source: str
    interactions: int
    waiting: int
    theirs: tuple[str, ...]
    ours: tuple[str, ...]


def find_unidentified(connection: sa.Connection) -> list[Unidentified]:
    """Count other ids and waiting events of each source."""
    linked = sa.select(aliases.c.source, sa.func.count()).group_by(aliases.c.source)
    by_source = {source: int(count) for source, count in connection.execute(linked)}
    kept = pending_events.c
    oldest = sa.func.min(kept.at, type_=kept.at.type)
    for_courses = sa.func.sum(sa.case((kept.other_id.startswith(COURSE), 1), else_=0))
    waiting = sa.select(kept.source, sa.func.count(), for_courses, oldest).group_by(kept.source)
    pending = {
        source: (int(count) - int(of_courses), int(of_courses), at)
        for source, count, of_courses, at in connection.execute(waiting)
    }
    return [
        Unidentified(source, by_source.get(source, 0), *pending.get(source, (0, 0, None)))
        for source in sorted({*by_source, *pending})
    ]


def find_strangers(
    connection: sa.Connection,
    unidentified: Sequence[Unidentified],
    interactions: Mapping[str, int],
    last_counts: Mapping[str, Mapping[str, int]],
) -> list[Strangers]:
    """Sources of waiting events whose user_ids seem to be of another kind than ours; with none at all, each.

    Many events of visitors who never log in are no sign of that: only those that had a user_id count.

    Args:
        interactions: how many came in from each source.
        last_counts: what the last import of each wrote down; see `importing`.
    """
    found = []
    for one in unidentified:
        came, counts = interactions.get(one.source, 0), last_counts.get(one.source, {})
        strange = are_strange(counts.get("with_user_id", 0), counts.get("known_user_id", 0))
        most_wait = came < _FEW * (came + one.pending_events)
        if one.pending_events and ((strange and most_wait) or not any(interactions.values())):
            theirs = _waiting_ids(connection, one.source)
            found.append(Strangers(one.source, came, one.pending_events, theirs, _our_ids(connection)))
    return found


def _waiting_ids(connection: sa.Connection, source: str) -> tuple[str, ...]:
    kept = pending_events.c
    newest = (
        sa.select(kept.other_id)
        .where(kept.source == source, ~kept.other_id.startswith(COURSE))
        .order_by(kept.pending_no.desc())
        .limit(1_000)
    )
    return tuple(dict.fromkeys(connection.scalars(newest)))[:_EXAMPLES]


def _our_ids(connection: sa.Connection) -> tuple[str, ...]:
    query = sa.select(users.c.user_id).where(users.c.erased_at.is_(None)).order_by(users.c.user_no)
    return tuple(connection.scalars(query.limit(_EXAMPLES)))
