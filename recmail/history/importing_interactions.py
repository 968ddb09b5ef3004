"""What people did: checked by whole columns, written once however often it is delivered."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.inserting import insert
from recmail.db.tables import courses, interactions
from recmail.db.tombstones import Tombstones
from recmail.db.types import from_microseconds, to_microseconds
from recmail.history.correcting import COLUMNS as _WRITTEN
from recmail.history.correcting import compare_again, correct, forget_waiting, keep_again
from recmail.history.identity import (
    COURSE,
    PERSON,
    Due,
    Kept,
    KnownPeople,
    add_links,
    keep,
    keys_there,
    people_by_any_id,
    people_by_other_id,
    wait_for_other_imports,
)
from recmail.history.importing_checks import (
    LONGEST_ID,
    Checks,
    numbers,
    optional,
    reject_future,
    reject_ids,
    texts,
    times,
    too_long,
)
from recmail.history.importing_courses import currencies_of, minor_units
from recmail.history.importing_erased import of_living_people, under_their_names
from recmail.history.importing_target import Counts, Setting
from recmail.history.strangers import SAMPLE
from recmail.records import KINDS

COLUMNS = (
    *("event_id", "user_id", "other_id", "course_id", "kind", "at"),
    *("value", "amount", "currency", "seconds", "query"),
)
REQUIRED = (("user_id", "other_id"), "kind", "at")

# A row of `interactions`, but with the person's id in place of their number, and the id of a course that is
# not known; at in microseconds.
_Event = tuple[
    str, str, int | str | None, str, int, float | None, int | None, str | None, float | None, str | None, str
]
WAITS = "course_id: unknown course; kept until it is imported"
UNCHECKED = "course_id: not checked, because there are no courses yet"
CONFLICT = "an id that was linked to somebody else before: the first link stays"
PAYLOAD = ("course_no", "kind", "value", "amount_minor", "currency", "seconds", "query")
"""What is kept of an event, besides its key, source and time, until its person is known."""


class Interactions:
    """The target of interactions.

    An event's key is its source's id, or else a hash of person, course, kind, time, query and value, so that
    the same file, or an overlapping one, adds nothing twice. Searches carry no course. People are known by
    user_id, or by another id that the source linked to one; events of a source that is read every night, or
    that has other ids, are kept until their person is known. Those of such a source about courses that are
    not imported yet are kept until they are.

    Attributes:
        due: what is kept of people who became known.
        warnings: what is odd about links, with how often it came.
        sample: the user_ids of the first events that have one.
    """

    def __init__(self, setting: Setting, course_nos: Mapping[str, int]) -> None:
        """Prepare to check interactions with these courses, by course_id."""
        self._setting = setting
        self._course_nos = course_nos
        # A file that somebody names can be brought in again after its people; a source is not read twice.
        # The dry run of a new project has no courses to check by: those that it read were not written.
        self._waits_for_courses = bool(setting.options.section) or not course_nos
        until = setting.reread_until
        self._reread_until = -1 if until is None else to_microseconds(until)
        self._keeps = bool(setting.options.section) or "other_id" in setting.present
        self._people = KnownPeople()
        self._tombstones = Tombstones(setting.key)
        self.newest = -1
        self.due: Due = {}
        self.warnings = Counter[str]()
        self.sample: list[str] = []

    def check(self, columns: Mapping[str, list[str]], checks: Checks) -> list[_Event]:
        """Check a chunk of interactions."""
        empty = [""] * len(checks.lines)
        user_ids = _any_ids(columns, checks)
        if len(self.sample) < SAMPLE:
            self.sample += list(filter(None, columns.get("user_id", ())))[: SAMPLE - len(self.sample)]
        event_ids = columns.get("event_id", empty)
        checks.ids = (event_ids, user_ids)
        checks.reject(too_long(event_ids), f"event_id: longer than {LONGEST_ID} characters")
        kinds = self._kinds(columns["kind"], checks)
        micros = times("at", columns["at"], checks)
        if "" in columns["at"]:
            checks.reject([row for row, text in enumerate(columns["at"]) if not text], "at: empty")
        reject_future("at", micros, self._setting.latest, checks, written=columns["at"])
        course_ids = columns.get("course_id", empty)
        course_nos = self._courses(course_ids, kinds, checks)
        values = _values(columns.get("value", empty), kinds, checks)
        amounts, currencies = self._amounts(columns, empty, checks)
        seconds = optional(numbers("seconds", columns.get("seconds", empty), checks, low=0))
        queries = columns.get("query", empty)
        at = micros.tolist()
        keys = self._keys(event_ids, at, zip(user_ids, course_ids, kinds, at, queries, values, strict=True))
        accepted = checks.accepted()
        if _some_wait(course_nos):
            waiting = [row for row in accepted if isinstance(course_nos[row], str)]
            checks.warn(waiting, WAITS if self._course_nos else UNCHECKED)
        self.newest = max(self.newest, int(micros[accepted].max(initial=-1)))
        sources = [self._setting.options.source] * len(at)
        known = (keys, user_ids, course_nos, kinds, at)
        everything: list[_Event] = list(
            zip(*known, values, amounts, currencies, seconds, texts(queries), sources, strict=True)
        )
        return everything if len(accepted) == len(everything) else [everything[row] for row in accepted]

    def _kinds(self, written: Sequence[str], checks: Checks) -> list[str]:
        lower = {kind: kind.lower() for kind in set(written)}
        kinds = [lower[kind] for kind in written]
        if not set(lower.values()) <= set(KINDS):
            unknown = [row for row, kind in enumerate(kinds) if kind not in KINDS]
            checks.reject(unknown, f"kind: none of {', '.join(KINDS)}", written)
        return kinds

    def _courses(
        self, course_ids: Sequence[str], kinds: Sequence[str], checks: Checks
    ) -> list[int | str | None]:
        """The number of each row's course, or its id where it is waited for; None for searches."""
        found: list[int | str | None] = list(map(self._course_nos.get, course_ids))
        searched = {row for row, kind in enumerate(kinds) if kind == "searched"}
        for row in searched:
            found[row] = None
        if found.count(None) > len(searched):
            unknown = [row for row, number in enumerate(found) if number is None and row not in searched]
            checks.reject([row for row in unknown if not course_ids[row]], "course_id: empty")
            named = [row for row in unknown if course_ids[row]]
            if not self._waits_for_courses:
                checks.reject(named, "course_id: unknown course", course_ids)
                return found
            checks.reject(
                [row for row in named if len(course_ids[row]) > LONGEST_ID],
                f"course_id: longer than {LONGEST_ID} characters",
            )
            for row in named:
                found[row] = course_ids[row]
        return found

    def _amounts(
        self, columns: Mapping[str, list[str]], empty: list[str], checks: Checks
    ) -> tuple[Sequence[int | None], Sequence[str | None]]:
        currencies = currencies_of(columns.get("currency", empty), checks)
        default = self._setting.options.currency
        return minor_units("amount", columns.get("amount", empty), currencies, default, checks)

    def _keys(self, event_ids: Sequence[str], at: Sequence[int], events: Iterable[Any]) -> list[str]:
        # The time goes before the hash because files come in the order of time: their keys then go to one end
        # of the unique index, and not each to a page of its own. 80 bits tell events of one moment apart.
        source, digest = self._setting.options.source, hashlib.blake2b
        return [
            f"{source}:{event_id}"
            if event_id
            else f"{moment:014x}{digest(repr(event).encode(), digest_size=10).hexdigest()}"
            for event_id, moment, event in zip(event_ids, at, events, strict=True)
        ]

    def write(self, connection: sa.Connection, rows: Sequence[_Event]) -> Counts:
        """Write events of people who are known and not erased; keep those of others where that is wanted."""
        rows = under_their_names(connection, self._tombstones, rows, self._setting.options.source)
        rows, waiting = self._of_known_courses(connection, rows)
        known, unknown, erased = self._by_person(connection, rows)
        counts = self._write_known(connection, known) + Counts(erased=erased)
        if not self._keeps:
            return counts + Counts(unknown_people=len(unknown))
        waiting, of_erased = self._of_the_living(connection, waiting)
        counts += self._keep(connection, [_kept(event) for event in (*unknown, *waiting)])
        return counts + Counts(erased=of_erased)

    def wrote(self, connection: sa.Connection) -> None:
        """Take what the transaction has written for one's own: who is known need not be asked again."""
        self._people.wrote(connection)

    def _write_known(self, connection: sa.Connection, rows: list[tuple[Any, ...]]) -> Counts:
        again = [row for row in rows if row[4] <= self._reread_until] if self._reread_until >= 0 else []
        if not again:
            added = insert_interactions(connection, rows) if rows else 0
            return Counts(added=added, unchanged=len(rows) - added)
        found = compare_again(connection, again)
        correct(connection, found.changed)
        forget_waiting(connection, [row[0] for row in again])
        new = found.new + [row for row in rows if row[4] > self._reread_until]
        added = insert_interactions(connection, new) if new else 0
        unchanged = found.unchanged + len(new) - added
        return Counts(added=added, changed=len(found.changed), unchanged=unchanged, left=found.left)

    def _keep(self, connection: sa.Connection, events: list[Kept]) -> Counts:
        again = [event for event in events if event.at <= self._reread_until]
        if not again:
            kept = keep(connection, events) if events else 0
            return Counts(pending=kept, unchanged=len(events) - kept)
        fit, waited, left = keep_again(connection, again)
        kept = keep(connection, fit + [event for event in events if event.at > self._reread_until]) - waited
        return Counts(pending=kept, left=left, unchanged=len(events) - left - kept)

    def rehearse(self, connection: sa.Connection, rows: Sequence[_Event]) -> Counts:
        """Count what `write` would do, but for links; an event that is twice in one chunk counts once."""
        rows = under_their_names(connection, self._tombstones, rows, self._setting.options.source)
        rows, waiting = self._of_known_courses(connection, rows)
        known, unknown, erased = self._by_person(connection, rows)
        counts = self._compare_known(connection, known) + Counts(erased=erased)
        if not self._keeps:
            return counts + Counts(unknown_people=len(unknown), pending=len(waiting))
        waiting, of_erased = self._of_the_living(connection, waiting)
        keys = {event[0] for event in (*unknown, *waiting)}
        kept = len(keys - keys_there(connection, sorted(keys)))
        unchanged = len(unknown) + len(waiting) - kept
        return counts + Counts(pending=kept, unchanged=unchanged, erased=of_erased)

    def _compare_known(self, connection: sa.Connection, rows: list[tuple[Any, ...]]) -> Counts:
        again = compare_again(connection, [row for row in rows if row[4] <= self._reread_until])
        new = [row for row in rows if row[4] > self._reread_until]
        keys = {event[0] for event in new}
        query = sa.select(sa.func.count()).where(among(interactions.c.event_key, sorted(keys)))
        there = connection.scalar(query) or 0
        counts = Counts(added=len(keys) - there, unchanged=len(new) - len(keys) + there)
        known = Counts(changed=len(again.changed), unchanged=again.unchanged, left=again.left)
        return counts + known + Counts(added=len(again.new))

    def _of_known_courses(
        self, connection: sa.Connection, rows: Sequence[_Event]
    ) -> tuple[Sequence[_Event], list[_Event]]:
        """Events whose course is known, maybe only since this import began, and those that wait for it."""
        if not _some_wait(map(itemgetter(2), rows)):
            return rows, []
        course_ids = sorted({row[2] for row in rows if isinstance(row[2], str)})
        wait_for_other_imports(connection)
        found = read_course_nos(connection, among(courses.c.course_id, course_ids))
        rows = [
            (row[0], row[1], found.get(row[2], row[2]), *row[3:]) if isinstance(row[2], str) else row
            for row in rows
        ]
        waiting = [row for row in rows if isinstance(row[2], str)]
        return [row for row in rows if not isinstance(row[2], str)], waiting

    def _of_the_living(self, connection: sa.Connection, rows: Sequence[_Event]) -> tuple[list[_Event], int]:
        """Those of the events that are not of people who were erased, and how many are."""
        ids = sorted({row[1] for row in rows})
        people = people_by_any_id(connection, self._setting.options.source, ids) if ids else {}
        living = [row for row in rows if people.get(row[1], 0) >= 0]
        return living, len(rows) - len(living)

    def link(self, connection: sa.Connection, pairs: Sequence[tuple[str, str]]) -> Counts:
        """Write which other ids belong to people; what is kept under them is due then."""
        setting = self._setting
        pairs = of_living_people(connection, self._tombstones, pairs, setting.options.source)
        links = add_links(connection, setting.options.source, pairs, now=setting.now, due=self.due)
        if links.conflicts:
            self.warnings[CONFLICT] += links.conflicts
        return Counts(linked=links.linked)

    def _by_person(
        self, connection: sa.Connection, rows: Sequence[_Event]
    ) -> tuple[list[tuple[Any, ...]], list[_Event], int]:
        """Events as they are written, those of unknown people, and how many are of people who were erased.

        People's numbers are read in this transaction: the erased stay erased.
        """
        if not rows:
            return [], [], 0
        keys, user_ids, *others = zip(*rows, strict=True)
        people = self._people.numbers(connection, user_ids)
        if self._keeps and not people.keys() >= set(user_ids):
            wait_for_other_imports(connection)
            people = self._people.numbers(connection, user_ids)
        numbers_of = list(map(people.get, user_ids))
        if self._keeps and None in numbers_of:
            missing = sorted({one for one in user_ids if one not in people})
            linked = people_by_other_id(connection, self._setting.options.source, missing)
            numbers_of = [
                linked.get(one) if number is None else number
                for one, number in zip(user_ids, numbers_of, strict=True)
            ]
        known = list(zip(keys, numbers_of, *others, strict=True))
        if None not in numbers_of and min(filter(None, numbers_of), default=0) >= 0:
            return known, [], 0
        unknown = [row for row, number in zip(rows, numbers_of, strict=True) if number is None]
        known = [row for row in known if row[1] is not None and row[1] >= 0]
        return known, unknown, len(rows) - len(known) - len(unknown)


def _any_ids(columns: Mapping[str, list[str]], checks: Checks) -> list[str]:
    """Each row's user_id, or its other id where it has none."""
    if "other_id" not in columns:
        reject_ids("user_id", columns["user_id"], checks)
        return columns["user_id"]
    ids = columns["other_id"]
    if "user_id" in columns:
        ids = [user_id or other_id for user_id, other_id in zip(columns["user_id"], ids, strict=True)]
    reject_ids("user_id or other_id", ids, checks)
    return ids


def _some_wait(course_nos: Iterable[int | str | None]) -> bool:
    """Whether any of them is the id of a course that is waited for."""
    return str in set(map(type, course_nos))


def _kept(event: _Event) -> Kept:
    """An event that waits for its course, or for its person."""
    key, any_id, course_no, kind, at, *others, source = event
    if isinstance(course_no, str):
        payload = {PERSON: any_id, **_payload(None, kind, others)}
        return Kept(key, source, f"{COURSE}{course_no}", at, payload)
    return Kept(key, source, any_id, at, _payload(course_no, kind, others))


def _payload(course_no: int | None, kind: str, others: Sequence[Any]) -> dict[str, Any]:
    fields = zip(PAYLOAD, (course_no, kind, *others), strict=True)
    return {name: field for name, field in fields if field is not None}


def read_course_nos(connection: sa.Connection, *those: sa.ColumnElement[bool]) -> dict[str, int]:
    """The numbers of all courses, or of those, by their ids."""
    rows = connection.execute(sa.select(courses.c.course_id, courses.c.course_no).where(*those))
    return {course_id: int(course_no) for course_id, course_no in rows}


def _values(written: Sequence[str], kinds: Sequence[str], checks: Checks) -> list[float | None]:
    values = numbers("value", written, checks)
    kind = np.array(kinds)
    rated, progressed = kind == "rated", kind == "progressed"
    within = (values >= 1) & (values <= 5)
    checks.reject(rated & ~within, "value: a rating goes from 1 to 5", written)
    checks.reject(progressed & ((values < 0) | (values > 1)), "value: progress goes from 0 to 1", written)
    return optional(values)


def insert_interactions(connection: sa.Connection, rows: list[tuple[Any, ...]]) -> int:
    """Write events in the order of _WRITTEN, at in microseconds, and return how many were new."""
    write = _insert_sqlite if connection.dialect.name == "sqlite" else _insert_postgresql
    return write(connection, rows)


def _insert_sqlite(connection: sa.Connection, rows: list[tuple[Any, ...]]) -> int:
    # The driver's executemany with total_changes() took 200,000 rows at 41,000/s; insertmanyvalues with
    # RETURNING 23,000/s, json_each 33,000/s. total_changes() counts inserted rows only, unlike rowcount.
    statement = insert(connection, interactions).on_conflict_do_nothing()
    text = str(statement.compile(dialect=connection.dialect, column_keys=list(_WRITTEN)))
    before = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    connection.exec_driver_sql(text, rows)
    return int(connection.exec_driver_sql("SELECT total_changes()").scalar_one()) - int(before)


def _insert_postgresql(connection: sa.Connection, rows: list[tuple[Any, ...]]) -> int:
    columns = dict(zip(_WRITTEN, map(list, zip(*rows, strict=True)), strict=True))
    columns["at"] = [from_microseconds(at) for at in columns["at"]]
    arrays = [
        sa.bindparam(
            None, columns[name], sa.ARRAY(interactions.c[name].type.dialect_impl(connection.dialect))
        )
        for name in _WRITTEN
    ]
    listed = sa.func.unnest(*arrays).table_valued(*_WRITTEN).render_derived(name="listed")
    statement = (
        insert(connection, interactions)
        .from_select(_WRITTEN, sa.select(*(listed.c[name] for name in _WRITTEN)))
        .on_conflict_do_nothing(index_elements=[interactions.c.event_key])
        .returning(interactions.c.interaction_no)
    )
    return len(connection.scalars(statement).all())
