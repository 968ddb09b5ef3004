"""Events that are read again after their source's section changed: known ones are corrected, none is doubled.

An event is the same when its source gives it the same id. One without an id is known by all that is read of
it, so after such a change it cannot be told from a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import interactions, pending_events
from recmail.db.types import from_microseconds, to_microseconds
from recmail.history.identity import Kept, keys_there

COLUMNS = (
    *("event_key", "user_no", "course_no", "kind", "at"),
    *("value", "amount_minor", "currency", "seconds", "query", "source"),
)
_Row = tuple[Any, ...]
_USER, _KIND, _AT, _SOURCE = (COLUMNS.index(name) for name in ("user_no", "kind", "at", "source"))


@dataclass
class Reread:
    """Events by COLUMNS, at in microseconds, beside what is there.

    Attributes:
        new: to be written.
        changed: known, and read differently now.
        unchanged: how many are as they were.
        left: how many may be there in another form.
    """

    new: list[_Row] = field(default_factory=list)
    changed: list[_Row] = field(default_factory=list)
    unchanged: int = 0
    left: int = 0


def compare_again(connection: sa.Connection, rows: Sequence[_Row]) -> Reread:
    """Tell known events from new ones; of two with one key the first counts."""
    first = {row[0]: row for row in reversed(rows)}
    table = [interactions.c[name] for name in COLUMNS]
    query = sa.select(*table).where(among(interactions.c.event_key, sorted(first)))
    there = {key: (key, *others) for key, *others in connection.execute(query)}
    found = Reread(unchanged=len(rows) - len(first))
    new = []
    for key, row in first.items():
        if key not in there:
            new.append(row)
        elif _moments(there[key]) == row:
            found.unchanged += 1
        else:
            found.changed.append(row)
    named = [row for row in new if is_named(row[0], row[_SOURCE])]
    elsewhere = _under_another_id(connection, named)
    for row in named:
        base, _, _ = row[0].rpartition("#")  # a further course of an event that is known by its id
        is_part = base and (base in there or base in first)
        if is_part or (row[_USER], row[_AT], row[_KIND]) not in elsewhere:
            found.new.append(row)
    found.left = len(new) - len(found.new)
    return found


def is_named(event_key: str, source: str) -> bool:
    """Whether the source has an id for the event."""
    return event_key.startswith(f"{source}:")


def _moments(row: _Row) -> _Row:
    return (*row[:_AT], to_microseconds(row[_AT]), *row[_AT + 1 :])


def _under_another_id(connection: sa.Connection, rows: Sequence[_Row]) -> set[tuple[int, int, str]]:
    """Person, time and kind of what is there of these people, from the first of these times to the last."""
    if not rows:
        return set()
    of, times = interactions.c, [row[_AT] for row in rows]
    query = sa.select(of.user_no, of.at, of.kind).where(
        among(of.user_no, sorted({row[_USER] for row in rows})),
        of.at.between(from_microseconds(min(times)), from_microseconds(max(times))),
        of.source == rows[0][_SOURCE],
    )
    return {(user_no, to_microseconds(at), kind) for user_no, at, kind in connection.execute(query)}


def forget_waiting(connection: sa.Connection, keys: Sequence[str]) -> int:
    """Forget events that wait in an earlier form, and return how many did."""
    replaced = pending_events.delete().where(among(pending_events.c.event_key, list(keys)))
    return connection.execute(replaced).rowcount


def keep_again(connection: sa.Connection, events: Sequence[Kept]) -> tuple[list[Kept], int, int]:
    """Those of the events that can be kept as they are read now.

    What waits of them in an earlier form is forgotten. The others may wait, or be there, in another form:
    they have no id, or the time of another one that waits for the same person.

    Returns:
        with them, how many of them waited already, and how many of the others are left as they are.
    """
    there = keys_there(connection, [event.event_key for event in events])
    waiting = _waiting_times(connection, events)
    named = [event for event in events if is_named(event.event_key, event.source)]
    fit = [event for event in named if event.event_key in there or (event.other_id, event.at) not in waiting]
    keys = [event.event_key for event in fit]
    unfit = {event.event_key for event in events} - set(keys) - there
    waited = forget_waiting(connection, keys)
    return fit, waited, sum(event.event_key in unfit for event in events)


def _waiting_times(connection: sa.Connection, events: Sequence[Kept]) -> set[tuple[str, int]]:
    if not events:
        return set()
    kept = pending_events.c
    query = sa.select(kept.other_id, kept.at).where(
        kept.source == events[0].source,
        among(kept.other_id, sorted({event.other_id for event in events})),
    )
    return {(other_id, to_microseconds(at)) for other_id, at in connection.execute(query)}


def correct(connection: sa.Connection, rows: Sequence[_Row]) -> None:
    """Write what is read differently now over what is there."""
    if rows:
        cells: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in COLUMNS if name != "event_key"}
        statement = interactions.update().where(interactions.c.event_key == sa.bindparam("new_event_key"))
        changes = [
            {f"new_{name}": cell for name, cell in zip(COLUMNS, row, strict=True)}
            | {"new_at": from_microseconds(row[_AT])}
            for row in rows
        ]
        connection.execute(statement.values(cells), changes)
