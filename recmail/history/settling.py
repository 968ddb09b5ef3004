"""Events that were kept become interactions once person and course are known; some in each transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import courses, pending_events
from recmail.db.types import to_microseconds
from recmail.history.identity import (
    COURSE,
    LINK,
    PERSON,
    Due,
    add_aliases,
    note_due,
    people_by_any_id,
    wait_for_other_imports,
)
from recmail.history.importing_interactions import PAYLOAD, insert_interactions, read_course_nos
from recmail.history.importing_target import Counts

_ROWS = 1_000  # of one transaction: about 30 ms on SQLite
_IDS = 200


def settle(connection: sa.Connection, due: Due) -> Counts:
    """Bring in some of what is kept under the first ids of `due`, and take those off that have nothing left.

    Events of people who were erased go for good. A link that waited is written, and its other id is due too.
    """
    wait_for_other_imports(connection)
    source, first = next(iter(due))
    ids = [one for of, one in islice(due, _IDS) if of == source and _is_course(one) == _is_course(first)]
    if _is_course(first):
        return _settle_courses(connection, source, ids, due)
    people = people_by_any_id(connection, source, ids)
    rows = _kept_under(connection, source, ids, [one for one in ids if one in people], due)
    events, links = list[tuple[Any, ...]](), dict[str, int]()
    for row in rows:
        number = people[row.other_id]
        if LINK in row.payload:
            links.setdefault(row.payload[LINK], number)  # the first link stays
        elif number >= 0:
            events.append(_event(row, source, number))
    linked = _add_waiting_links(connection, source, links, due)
    added = insert_interactions(connection, events) if events else 0
    _forget(connection, rows)
    return Counts(linked=linked, settled=added)


def _settle_courses(connection: sa.Connection, source: str, ids: Sequence[str], due: Due) -> Counts:
    """The same for events whose course came; those of people who are not known wait on for them."""
    wanted = [one.removeprefix(COURSE) for one in ids]
    numbers = read_course_nos(connection, among(courses.c.course_id, wanted))
    rows = _kept_under(
        connection, source, ids, [one for one in ids if one.removeprefix(COURSE) in numbers], due
    )
    people = people_by_any_id(connection, source, sorted({row.payload[PERSON] for row in rows}))
    events, waiting = list[tuple[Any, ...]](), list[dict[str, Any]]()
    for row in rows:
        payload = {**row.payload, "course_no": numbers[row.other_id.removeprefix(COURSE)]}
        person = payload.pop(PERSON)
        number = people.get(person)
        if number is None:
            waiting.append({"this": row.pending_no, "person": person, "event": payload})
        elif number >= 0:
            events.append(_event(row, source, number, payload))
    added = insert_interactions(connection, events) if events else 0
    if waiting:
        kept = pending_events.c
        statement = pending_events.update().where(kept.pending_no == sa.bindparam("this"))
        changes = {
            "other_id": sa.bindparam("person"),
            "payload": sa.bindparam("event", type_=kept.payload.type),
        }
        connection.execute(statement.values(changes), waiting)
    on = {change["this"] for change in waiting}
    _forget(connection, [row for row in rows if row.pending_no not in on])
    return Counts(settled=added)


def _is_course(one: str) -> bool:
    return one.startswith(COURSE)


def _kept_under(
    connection: sa.Connection, source: str, ids: Sequence[str], known: Sequence[str], due: Due
) -> list[sa.Row[Any]]:
    """The first of what is kept under those ids that are known; what has no more is not due any more."""
    kept = pending_events.c
    query = sa.select(kept.pending_no, kept.event_key, kept.other_id, kept.at, kept.payload).where(
        kept.source == source, among(kept.other_id, known)
    )
    rows: list[sa.Row[Any]] = list(connection.execute(query.order_by(kept.pending_no).limit(_ROWS)))
    if len(rows) < _ROWS:
        for one in ids:
            del due[source, one]
    return rows


def _event(
    row: sa.Row[Any], source: str, user_no: int, payload: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    course_no, kind, *others = ((payload or row.payload).get(name) for name in PAYLOAD)
    return (row.event_key, user_no, course_no, kind, to_microseconds(row.at), *others, source)


def _forget(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> None:
    numbers = [row.pending_no for row in rows]
    connection.execute(pending_events.delete().where(among(pending_events.c.pending_no, numbers)))


def _add_waiting_links(connection: sa.Connection, source: str, links: dict[str, int], due: Due) -> int:
    if not links:
        return 0
    ids = sorted(links)
    known = people_by_any_id(connection, source, ids)
    add_aliases(connection, source, {other_id: links[other_id] for other_id in ids if other_id not in known})
    note_due(connection, source, ids, due)
    return len(ids) - len(known)
