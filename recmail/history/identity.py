"""Who is who: other ids that people have, and events that are kept until it is known whose they are.

An id of a source is a user_id, or else another id that the source once said is the same person. The first
link to somebody stays: of two people who used one browser neither becomes the other. Where nobody has an id
yet, its events wait in pending_events, and so do links, under the id that they lead to, and
events about courses that are not imported yet.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.inserting import insert
from recmail.db.tables import aliases, interactions, pending_events, users
from recmail.db.types import from_microseconds, to_microseconds
from recmail.history.importing_checks import LONGEST_ID, cleaned

LINK = "link"
PERSON = "person"
COURSE = "\x1f"  # before the id of a course that is waited for: no other id has a control character
_IMPORTS = 0x7265636D  # any number: imports are the only ones that take this lock
_REMEMBERED = 200_000  # people: about 20 MB
# Most visitors never log in: the oldest that wait make place for new ones. Numbers are counted, and not rows,
# of which some came in meanwhile: so there may be fewer.
KEPT_AT_MOST = 5_000_000
# The number of a person who was erased: below zero, and ~number is the person's.
_NUMBER = sa.case((users.c.erased_at.is_(None), users.c.user_no), else_=-1 - users.c.user_no)
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Due = dict[tuple[str, str], None]
"""Sources and ids of which something is kept though it is known whose they are; in order, each once."""


class Kept(NamedTuple):
    """A row of pending_events: an event, or a link to an id that nobody has yet.

    Attributes:
        other_id: whichever id its person has to have; behind COURSE, the course that is waited for.
        at: microseconds since 1970.
        payload: of an event, by the columns of interactions, and while its course is waited for its person's
            id as PERSON; of a link, the id that is linked, as LINK.
    """

    event_key: str
    source: str
    other_id: str
    at: int
    payload: dict[str, Any]


@dataclass(frozen=True)
class Links:
    """What became of pairs of ids: how many were new, and how many contradict an earlier one."""

    linked: int = 0
    conflicts: int = 0


def wait_for_other_imports(connection: sa.Connection) -> None:
    """Be the only import until the transaction ends; SQLite has one writer at a time anyway.

    Whoever makes people known and whoever keeps events of the unknown come one after the other: else an event
    is kept of somebody who becomes known in the same moment, and nobody looks for it again.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_IMPORTS)))


def people_by_user_id(connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
    """The numbers of people by their user_ids, ~number of those who were erased."""
    query = sa.select(users.c.user_id, _NUMBER).where(among(users.c.user_id, ids))
    # Fetched at once: an import asks for thousands, and row by row that took a sixth of its time.
    return {user_id: int(number) for user_id, number in connection.execute(query).all()}


class KnownPeople:
    """The numbers of people by their user_ids, asked for once as long as nobody else writes.

    SQLite tells whether anything was committed in between, by which somebody may have been erased. On
    PostgreSQL, which does not, they are asked for each time.
    """

    def __init__(self) -> None:
        self._found: dict[str, int] = {}
        self._state: tuple[Any, ...] | None = None

    def numbers(self, connection: sa.Connection, ids: Collection[str]) -> Mapping[str, int]:
        """The numbers of these people, and maybe of others, ~number of those who were erased."""
        if self._state is None or self._state != _state(connection) or len(self._found) > _REMEMBERED:
            self._found = {}
        missing = {one for one in ids if one not in self._found}
        if missing:
            self._found |= people_by_user_id(connection, sorted(missing))
        return self._found

    def wrote(self, connection: sa.Connection) -> None:
        """Take what was written until here, in the same transaction, for one's own."""
        self._state = _state(connection)


def _state(connection: sa.Connection) -> tuple[Any, ...] | None:
    """What changes with each commit, of another connection or of this one."""
    if connection.dialect.name != "sqlite":
        return None
    driver: Any = connection.connection.driver_connection
    others = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    return driver, others, driver.total_changes


def people_by_other_id(connection: sa.Connection, source: str, ids: Sequence[str]) -> dict[str, int]:
    """The same by other ids of a source."""
    if not ids:
        return {}
    query = (
        sa.select(aliases.c.other_id, _NUMBER)
        .join(users, users.c.user_no == aliases.c.user_no)
        .where(aliases.c.source == source, among(aliases.c.other_id, ids))
    )
    return {other_id: int(number) for other_id, number in connection.execute(query)}


def people_by_any_id(connection: sa.Connection, source: str, ids: Sequence[str]) -> dict[str, int]:
    """The same by user_ids, or else by other ids of a source."""
    found = people_by_user_id(connection, ids)
    return found | people_by_other_id(connection, source, [one for one in ids if one not in found])


def add_links(
    connection: sa.Connection,
    source: str,
    pairs: Sequence[tuple[str, str]],
    *,
    now: datetime,
    due: Due,
) -> Links:
    """Write pairs of another id and a user_id, and add to `due` what can be brought in now.

    Nothing changes for an id that is linked already, or is somebody's user_id.
    """
    wait_for_other_imports(connection)
    wanted = _usable(pairs)
    ids = sorted({one for pair in wanted for one in pair})
    known = people_by_any_id(connection, source, ids)
    new, waiting, conflicts = dict[str, int](), list[Kept](), 0
    for other_id, user_id in wanted:
        number = known.get(user_id)
        if other_id in known:
            conflicts += number is not None and number != known[other_id]
        elif number is None:
            waiting.append(_link_row(source, other_id, user_id, now=now))
        else:
            new[other_id] = known[other_id] = number
    add_aliases(connection, source, new)
    _insert_pending(connection, waiting)
    note_due(connection, source, list(known), due)
    return Links(len(new), conflicts)


def _usable(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each pair once, in their order."""
    others, ids = cleaned([pair[0] for pair in pairs]), cleaned([pair[1] for pair in pairs])
    return [
        (other_id, user_id)
        for other_id, user_id in dict.fromkeys(zip(others, ids, strict=True))
        if 0 < len(other_id) <= LONGEST_ID and 0 < len(user_id) <= LONGEST_ID and other_id != user_id
    ]


def _link_row(source: str, other_id: str, user_id: str, *, now: datetime) -> Kept:
    # No event's key begins with a colon: no source is without a name. No id has a control character.
    key = f":{source}\x1f{other_id}\x1f{user_id}"
    return Kept(key, source, user_id, to_microseconds(now), {LINK: other_id})


def add_aliases(connection: sa.Connection, source: str, numbers: Mapping[str, int]) -> None:
    """Write which people other ids belong to; numbers below zero are ~number of people who were erased."""
    if numbers:
        rows = [
            {"source": source, "other_id": other_id, "user_no": number if number >= 0 else ~number}
            for other_id, number in numbers.items()
        ]
        connection.execute(insert(connection, aliases).on_conflict_do_nothing(), rows)


def keep(connection: sa.Connection, events: Sequence[Kept]) -> int:
    """Keep events and return how many were neither kept nor brought in before.

    Those are forgotten behind which KEPT_AT_MOST others have come to wait.
    """
    known = keys_there(connection, [event.event_key for event in events])
    new = {event.event_key: event for event in events if event.event_key not in known}
    _insert_pending(connection, list(new.values()))
    _forget_oldest(connection, 2 * len(new))
    return len(new)


def keys_there(connection: sa.Connection, keys: Sequence[str]) -> set[str]:
    """Those of the keys that an event has which was kept or brought in before."""
    found: set[str] = set()
    for column in (interactions.c.event_key, pending_events.c.event_key):
        found |= set(connection.scalars(sa.select(column).where(among(column, keys))))
    return found


def _insert_pending(connection: sa.Connection, events: Sequence[Kept]) -> None:
    if not events:
        return
    statement = insert(connection, pending_events).on_conflict_do_nothing()
    if connection.dialect.name == "sqlite":
        # The driver's executemany, as for interactions: half of the time went into making parameters.
        text = str(statement.compile(dialect=connection.dialect, column_keys=list(Kept._fields)))
        rows = [(*event[:-1], _as_json(event.payload)) for event in events]
        connection.exec_driver_sql(text, rows)
    else:
        named = [event._asdict() | {"at": from_microseconds(event.at)} for event in events]
        connection.execute(statement, named)


def _forget_oldest(connection: sa.Connection, most: int) -> None:
    if not most:
        return
    number = pending_events.c.pending_no
    # One by one: SQLite reads the whole table for both in one query.
    first = connection.scalar(sa.select(sa.func.min(number))) or 0
    last = connection.scalar(sa.select(sa.func.max(number))) or 0
    if last - first >= KEPT_AT_MOST:
        too_old = min(last - KEPT_AT_MOST, first + most)
        connection.execute(pending_events.delete().where(number <= too_old))


def note_arrived(connection: sa.Connection, user_ids: Sequence[str], due: Due) -> None:
    """Add what is kept under these ids, in any source, to `due`."""
    for source in _sources(connection):
        note_due(connection, source, user_ids, due)


def note_courses(connection: sa.Connection, course_ids: Sequence[str], due: Due) -> None:
    """Add what waits for these courses, in any source, to `due`."""
    note_arrived(connection, [f"{COURSE}{course_id}" for course_id in course_ids], due)


def note_due(connection: sa.Connection, source: str, ids: Sequence[str], due: Due) -> None:
    """Add those of the ids that something is kept under to `due`."""
    column = pending_events.c.other_id
    query = sa.select(column).where(pending_events.c.source == source, among(column, ids))
    due.update(dict.fromkeys((source, one) for one in connection.scalars(query.distinct())))


def note_linked(connection: sa.Connection, due: Due) -> None:
    """Add everything that is kept under an id that is linked: what a killed import had linked and no more."""
    kept = pending_events.c
    linked = sa.and_(aliases.c.source == kept.source, aliases.c.other_id == kept.other_id)
    query = sa.select(kept.source, kept.other_id).join(aliases, linked).distinct()
    due.update(dict.fromkeys((source, other_id) for source, other_id in connection.execute(query)))


def _sources(connection: sa.Connection) -> Iterator[str]:
    """The sources of what is kept: steps from one to the next in the index, however many events there are."""
    column = pending_events.c.source
    source = connection.scalar(sa.select(sa.func.min(column)))
    while source is not None:
        yield source
        source = connection.scalar(sa.select(sa.func.min(column)).where(column > source))
