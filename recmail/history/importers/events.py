"""Exports of events: which of them are ours, whose they are and about which course; one file a vendor.

A vendor's class derives from EventOptions and says how its events read: their name, person, time and id.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
from pydantic import AfterValidator, Field

from recmail.db.types import from_microseconds
from recmail.errors import DataError, did_you_mean
from recmail.history.importers import Chunk, FileOptions, Knows, Table
from recmail.history.importers.json_lines import ObjectFile, Unreadable
from recmail.history.importers.places import Place, Places, text, value_at
from recmail.records import CURRENCY_DIGITS, KINDS

Event = Mapping[str, Any]
_OPTIONAL = ("value", "amount", "currency", "seconds", "query")
_AMOUNT, _CURRENCY = _OPTIONAL.index("amount"), _OPTIONAL.index("currency")
COLUMNS = ("event_id", "user_id", "other_id", "course_id", "kind", "at", *_OPTIONAL)
CHUNK_RECORDS = 10_000
CHUNK_LINES = 50_000
_NAMES = 1_000  # of unmapped events; somebody's user_ids may be among them
_OTHER_NAMES = "(other names)"
_SHOWN_PLACES = 5
_PAIRS = 100_000  # links that are remembered, so that each is passed on once and not with every event
# A `value` of a view is money in one tool and seconds in another: only what our kinds have is read.
_FIELDS = {
    "viewed": ("seconds",),
    "searched": ("query",),
    "enrolled": ("amount", "currency"),
    "progressed": ("value", "seconds"),
    "completed": ("seconds",),
    "rated": ("value",),
}


# What an event of a kind is about: without it, its place has to be named.
_NEEDED = {"searched": "query", "progressed": "value", "rated": "value"}
IGNORE = "ignore"


class EventError(Exception):
    """An event that cannot be used; the text says why."""


def _kind(value: str) -> str:
    if value not in (*KINDS, IGNORE):
        hint = did_you_mean(value, (*KINDS, IGNORE)) or f"; expected one of {', '.join(KINDS)}, or {IGNORE}"
        raise ValueError(f"found {value!r}{hint}")
    return value


class EventOptions(FileOptions):
    """What the sections of all exports of events have in common.

    Attributes:
        kinds: names of events, exactly as the tool has them, to our kinds or "ignore"; others are counted.
        course_id: where the course stands; with `[]` behind a list, as in items[].item_id, each of its
            elements is an interaction of its own.
    """

    tables: ClassVar[tuple[Table, ...]] = ("interactions",)

    kinds: Mapping[str, Annotated[str, AfterValidator(_kind)]] = Field(
        {}, description="Names of their events to our kinds"
    )
    course_id: Places = Field(description="Where the course stands")
    value: Places = Field(description="Where a rating from 1 to 5, or progress from 0 to 1, stands")
    amount: Places = Field(description="Where the price of an enrolment stands")
    currency: Places = Field(description="Where the currency of the price stands")
    seconds: Places = Field(description="Where the time spent stands; milliseconds if it ends in msec")
    query: Places = Field(description="Where the text of a search stands")

    def open(self, path: Path, knows: Knows) -> EventFile:
        """Begin to read one of the files."""
        return EventFile(ObjectFile(path), self)

    @abstractmethod
    def names(self, event: Event) -> tuple[str, ...]:
        """What the event may be called in `kinds`, the best first; nothing when it is not what somebody did.

        Raises:
            EventError: it is none of the tool's events.
        """

    @abstractmethod
    def links(self, event: Event) -> Iterable[tuple[str, str]]:
        """Pairs of another id and a user_id that the event says are one person."""

    @abstractmethod
    def who(self, event: Event) -> tuple[str, str]:
        """The user_id, and the other id, of who did it; empty where there is none."""

    @abstractmethod
    def moment(self, event: Event) -> str:
        """When, as ISO 8601."""

    @abstractmethod
    def event_id(self, event: Event, course_id: str) -> str:
        """What tells the event from all others of the tool; empty when it has nothing of that sort."""

    def flat(self, event: Event) -> Event:
        """The event as the places of fields see it."""
        return event


class Objects(Protocol):
    """Where objects come from, with their lines or numbers."""

    @property
    def bytes_done(self) -> int:
        """How far it was read."""

    @property
    def bytes_total(self) -> int:
        """How long it is."""

    def objects(self) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
        """Yield each object, or why there is none."""


class EventFile:
    """An importer for one file of events."""

    def __init__(self, objects: Objects, options: EventOptions) -> None:
        self.columns = list(COLUMNS)
        self.unmapped = Counter[str]()
        self._objects = objects
        self._options = options
        self._passed_on: set[tuple[str, str]] = set()
        self._said: dict[tuple[str, str], str] = {}
        self._fields = {
            kind: [(_OPTIONAL.index(name), getattr(options, name)) for name in names]
            for kind, names in _FIELDS.items()
        }
        self._begin()

    @property
    def bytes_done(self) -> int:
        """How far the file was read."""
        return self._objects.bytes_done

    @property
    def bytes_total(self) -> int:
        """How long the file is."""
        return self._objects.bytes_total

    def chunks(self) -> Iterator[Chunk]:
        """Yield all interactions, and the links between ids, in the order of the file."""
        read = 0
        try:
            for read, (line, found) in enumerate(self._objects.objects(), 1):
                if isinstance(found, Unreadable):
                    self._broken.append((line, str(found), []))
                else:
                    self._take(line, found)
                if len(self._records) >= CHUNK_RECORDS or read % CHUNK_LINES == 0:
                    yield self._chunk()
        except DataError:
            yield self._chunk()
            raise
        yield self._chunk()

    def _begin(self) -> None:
        self._records: list[tuple[str, ...]] = []
        self._lines: list[int] = []
        self._broken: list[tuple[int, str, list[str]]] = []
        self._links: list[tuple[str, str]] = []
        self._notes = Counter[str]()

    def _chunk(self) -> Chunk:
        columns = list(zip(*self._records, strict=True)) or [()] * len(COLUMNS)
        lines = np.array(self._lines, dtype=np.int64)
        chunk = Chunk(columns, lines, self._broken, links=self._links, notes=self._notes)
        self._begin()
        return chunk

    def _take(self, line: int, event: Event) -> None:
        options = self._options
        try:
            names = options.names(event)
            self._link(options.links(event))
            if not names:
                return
            for name in names:
                if kind := options.kinds.get(name):
                    if kind != IGNORE:
                        self._add(line, name, kind, event)
                    return
        except EventError as refused:
            self._broken.append((line, str(refused), []))
            return
        last = cleaned_name(names[-1])
        self.unmapped[last if last in self.unmapped or len(self.unmapped) < _NAMES else _OTHER_NAMES] += 1

    def _link(self, pairs: Iterable[tuple[str, str]]) -> None:
        for pair in pairs:
            if pair not in self._passed_on:
                if len(self._passed_on) >= _PAIRS:
                    self._passed_on.clear()
                self._passed_on.add(pair)
                self._links.append(pair)

    def _add(self, line: int, name: str, kind: str, event: Event) -> None:
        """Add the interactions of one event: one for each course that it is about."""
        options = self._options
        user_id, other_id = options.who(event)
        if not user_id and not other_id:
            self._notes[f"{cleaned_name(name)}: of nobody, without any id"] += 1
            return
        at = options.moment(event)
        flat = options.flat(event)
        courses = [("", None)] if kind == "searched" else _courses(options.course_id, flat)
        if not courses:
            self._notes[f"{cleaned_name(name)}: about no course"] += 1
        for index, (course_id, item) in enumerate(courses):
            event_id = options.event_id(event, course_id)
            if index and event_id:
                event_id = f"{event_id}#{index}"
            fields = [""] * len(_OPTIONAL)
            for place, field in self._fields[kind]:
                fields[place] = _read(field, flat, item)
            needed = _NEEDED.get(kind)
            if needed and not fields[_OPTIONAL.index(needed)]:
                self._notes[self._lacking(cleaned_name(name), needed, flat)] += 1
            if fields[_AMOUNT]:
                fields[_AMOUNT] = _rounded(fields[_AMOUNT], fields[_CURRENCY])
            self._records.append((event_id, user_id, other_id, course_id, kind, at, *fields))
            self._lines.append(line)

    def _lacking(self, name: str, needed: str, event: Event) -> str:
        """What to write where a field was not found, with the places that the first such event has."""
        if (name, needed) not in self._said:
            there = _places_there(getattr(self._options, needed), flat=event)
            has = f"; it has {', '.join(there)}" if there else ""
            self._said[name, needed] = f'{name}: no {needed} found; say where it stands: {needed} = "…"{has}'
        return self._said[name, needed]


def _places_there(usual: tuple[Place, ...], *, flat: Event) -> list[str]:
    """The first few places of an event that hold something, beside where it was looked for."""
    above = usual[0].keys[:-1] if usual else ()
    inside = value_at(flat, above)
    keys = sorted(inside) if isinstance(inside, dict) else []
    there = [".".join((*above, key)) for key in keys if text(inside[key]) and key.isprintable()]
    return [*there[:_SHOWN_PLACES], *["..."] * (len(there) > _SHOWN_PLACES)]


def _courses(places: tuple[Place, ...], event: Event) -> list[tuple[str, Event | None]]:
    """The event's courses, with the elements of the list that they stand in.

    Nothing when a pattern says that the event is about no course; an empty id when one should be there.
    """
    for place in places:
        found = place.courses(event)
        if found:
            return found
    return [] if any(place.match for place in places) else [("", None)]


def _read(places: tuple[Place, ...], event: Event, item: Event | None) -> str:
    for place in places:
        found = place.read(event, item)
        if found:
            return found
    return ""


def _rounded(amount: str, currency: str) -> str:
    """An amount with the digits of its currency: tools compute prices, and 16.666667 is one."""
    try:
        number = float(amount)
    except ValueError:
        return amount
    return f"{number:.{CURRENCY_DIGITS.get(currency.strip().upper(), 2)}f}"


def cleaned_name(name: str) -> str:
    """A name of an event as it can be written down: its beginning, without what is no character."""
    return name[:200].encode("utf-8", "replace").decode() or "(no name)"


def iso(micros: int) -> str:
    """A time in microseconds since 1970, UTC, as ISO 8601; what no calendar has as the number that it is."""
    try:
        return from_microseconds(micros).isoformat()
    except OverflowError:
        return str(micros)


def compound_id(first: str, *others: str) -> str:
    """An id made of several, of bounded length; with the time first, near ones are near in the index."""
    digest = hashlib.blake2b("\x1f".join(others).encode("utf-8", "replace"), digest_size=16)
    return f"{first}-{digest.hexdigest()}"
