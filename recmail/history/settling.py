"""Events that were kept become interactions once it is known whose they are; some in each transaction."""

from __future__ import annotations

from itertools import islice
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import pending_events
from recmail.db.types import to_microseconds
from recmail.history.identity import (
    LINK,
    Due,
    add_aliases,
    note_due,
    people_by_any_id,
    wait_for_other_imports,
)
from recmail.history.importing_interactions import PAYLOAD, insert_interactions
from recmail.history.importing_target import Counts

_ROWS = 1_000  # of one transaction: about 30 ms on SQLite
_IDS = 200


def settle(connection: sa.Connection, due: Due) -> Counts:
    """Bring in some of what is kept under the first ids of `due`, and take those off that have nothing left.

    Events of people who were erased go for good. A link that waited is written, and its other id is due too.
    """
    wait_for_other_imports(connection)
    source = next(iter(due))[0]
    ids = [one for of, one in islice(due, _IDS) if of == source]
    people = people_by_any_id(connection, source, ids)
    kept = pending_events.c
    query = sa.select(kept.pending_no, kept.event_key, kept.other_id, kept.at, kept.payload).where(
        kept.source == source, among(kept.other_id, [one for one in ids if one in people])
    )
    rows = connection.execute(query.order_by(kept.pending_no).limit(_ROWS)).all()
    if len(rows) < _ROWS:
        for one in ids:
            del due[source, one]
    events, links = list[tuple[Any, ...]](), dict[str, int]()
    for row in rows:
        number = people[row.other_id]
        if LINK in row.payload:
            links.setdefault(row.payload[LINK], number)  # the first link stays
        elif number >= 0:
            course_no, kind, *others = (row.payload.get(name) for name in PAYLOAD)
            at = to_microseconds(row.at)
            events.append((row.event_key, number, course_no, kind, at, *others, source))
    linked = _add_waiting_links(connection, source, links, due)
    added = insert_interactions(connection, events) if events else 0
    numbers = [row.pending_no for row in rows]
    connection.execute(pending_events.delete().where(among(kept.pending_no, numbers)))
    return Counts(linked=linked, settled=added)


def _add_waiting_links(connection: sa.Connection, source: str, links: dict[str, int], due: Due) -> int:
    if not links:
        return 0
    ids = sorted(links)
    known = people_by_any_id(connection, source, ids)
    add_aliases(connection, source, {other_id: links[other_id] for other_id in ids if other_id not in known})
    note_due(connection, source, ids, due)
    return len(ids) - len(known)
