"""Events out of a file, a JSON object a line: in recmail's own words, or as a provider's webhook has them.

A line of recmail's own has at least kind, at, and message_id or provider_id:

    {"kind": "bounced", "at": "2026-11-02T09:00:00Z", "provider_id": "4F2", "status": "5.1.1", "dead": true}

Any other line is a body that the provider sent to our webhook, or one event of it, as it was saved.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recmail.db.types import clean
from recmail.deliver.esp import Provider
from recmail.errors import DataError, did_you_mean
from recmail.feedback.recording import Counts, Returned, match_again, record, rehearse
from recmail.history.importers.file_pattern import REJECTS
from recmail.history.importing_rejects import Reject, Rejects
from recmail.history.importing_target import FUTURE, ImportOptions
from recmail.records import Event, EventKind

COLUMN = "event"
"""Of the file of rejected lines: the line as it was."""
BY_HAND = "import"
"""Who says so, where neither the line nor the command names a provider."""
_AT_ONCE, _AT_ONCE_LETTERS, _LONGEST_LINE = 5_000, 8_000_000, 4_000_000
_KEYS = (*(one.name for one in fields(Event)), "provider")
_YES_OR_NO = ("dead", "by_machine")
Progress = Callable[[int, int, int], None]
"""Told the lines read, the bytes read and the bytes in all."""


@dataclass(frozen=True)
class SavedEvents:
    """What became of a file.

    Attributes:
        lines: that were read, empty ones left out.
        silent: of them, those that hold no event that is kept: of another kind, or of another provider.
        rejects: how many lines were refused, by reason.
        examples: of each reason the first: its line, and what was found.
        rejects_file: where they are listed; None when there are none, or no place to write.
    """

    file: str
    dry_run: bool
    lines: int
    counts: Counts
    silent: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)
    rejects_file: Path | None = None

    @property
    def rejected(self) -> int:
        """How many lines were refused."""
        return sum(self.rejects.values())


@dataclass(frozen=True)
class Reading:
    """How a file is read.

    Attributes:
        provider: whose webhook the lines are of, where they are not recmail's own.
        key: the project's, for hashing addresses.
        project: the folder for rejected lines, if the file's own cannot be written.
    """

    provider: Provider | None
    key: bytes
    now: datetime
    dry_run: bool
    project: Path


class _LineError(Exception):
    """A line cannot be used: the reason, alike for all such lines, and what stood there."""

    def __init__(self, reason: str, found: str = "") -> None:
        super().__init__(reason)
        self.reason, self.found = reason, found


def import_events(
    engine: sa.Engine, file: Path, reading: Reading, *, progress: Progress | None = None
) -> SavedEvents:
    """Write down the events of a file, and do what follows; what was there before changes nothing.

    Raises:
        DataError: the file cannot be read.
    """
    work = _Work(engine, reading)
    total = _size(file)
    options = ImportOptions(dry_run=reading.dry_run, project=reading.project)
    with Rejects(file, options, (COLUMN,), ",") as rejects:
        for number, text, done in _lines(file):
            work.lines += 1
            try:
                work.take(text)
            except _LineError as error:
                rejects.add(Reject(number, error.reason, [clean(text)], error.found))
            if progress is not None and work.lines % 1_000 == 0:
                progress(work.lines, done, total)
        work.write()
    counts = work.counts if reading.dry_run else work.counts + match_again(engine, now=reading.now)
    return SavedEvents(
        file=str(file),
        dry_run=reading.dry_run,
        lines=work.lines,
        counts=counts,
        silent=work.silent,
        rejects=dict(rejects.by_reason),
        examples=rejects.examples,
        rejects_file=rejects.path,
    )


class _Work:
    """A file under way: some events at a time are written down, those of each provider together."""

    def __init__(self, engine: sa.Engine, reading: Reading) -> None:
        self._engine, self._reading = engine, reading
        self._waiting: dict[str, list[Returned]] = {}
        self._count = self._letters = 0
        self.lines, self.silent, self.counts = 0, 0, Counts()

    def take(self, text: str) -> None:
        """Read a line, and write down what waits when it is enough."""
        found = _read_line(text, self._reading)
        self.silent += not found
        for provider, event in found:
            self._waiting.setdefault(provider, []).append(Returned(event))
            self._count += 1
        self._letters += len(text)
        if self._count >= _AT_ONCE or self._letters >= _AT_ONCE_LETTERS:
            self.write()

    def write(self) -> None:
        """Write down what waits."""
        for provider, returned in self._waiting.items():
            key, now = self._reading.key, self._reading.now
            if self._reading.dry_run:
                self.counts += rehearse(self._engine, provider, returned, key=key)
            else:
                self.counts += record(self._engine, provider, returned, key=key, now=now)
        self._waiting, self._count, self._letters = {}, 0, 0


# --- the file -------------------------------------------------------------------------------------


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise DataError(f"{file}: {(error.strerror or str(error)).lower()}") from error


def _lines(file: Path) -> Iterator[tuple[int, str, int]]:
    """Number and text of each line that is not empty, and how many bytes were read by then.

    Of a file of rejected lines, mended, it is the column that holds them.
    """
    try:
        with ExitStack() as stack:
            if file.name.endswith(REJECTS):
                table = stack.enter_context(file.open(encoding="utf-8", errors="surrogateescape", newline=""))
                before = csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_LINE))
                stack.callback(csv.field_size_limit, before)  # it is one for the whole process
                rows = csv.DictReader(table)
                if COLUMN not in (rows.fieldnames or ()):
                    raise DataError(
                        f"{file}:1: there is no column {COLUMN}; expected rejected lines of events"
                    )
                yield from ((rows.line_num, row[COLUMN] or "", 0) for row in rows if row[COLUMN])
                return
            lines, done = stack.enter_context(file.open("rb")), 0
            number = 0
            while line := lines.readline(_LONGEST_LINE):
                number, done = number + 1, done + len(line)
                text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").strip()
                if text:
                    yield number, text, done
    except (OSError, csv.Error) as error:
        raise DataError(f"{file}: {(getattr(error, 'strerror', None) or str(error)).lower()}") from error


# --- one line -------------------------------------------------------------------------------------


def _read_line(text: str, reading: Reading) -> Sequence[tuple[str, Event]]:
    """The events of a line, each with who says so."""
    try:
        text.encode()
        value = json.loads(text)
    except UnicodeEncodeError as error:
        raise _LineError("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        reason = "no JSON; expected one event a line, as `jq -c . FILE` writes them"
        raise _LineError(reason, str(error)) from error
    named = reading.provider.name if reading.provider else BY_HAND
    if isinstance(value, dict) and {"kind", "at"} <= value.keys():
        return [(str(value.get("provider") or named), _own(value, text, reading.now))]
    if reading.provider is None:
        reason = "no event of recmail's, which has kind and at; for a provider's own name it by --provider"
        raise _LineError(reason)
    try:
        return [(named, event) for event in reading.provider.read_events(text.encode())]
    except DataError as error:
        raise _LineError(str(error)) from error


def _own(value: Mapping[str, Any], text: str, now: datetime) -> Event:
    """Read an event as recmail names its parts; all mistakes of a line are one reason."""
    wrong = [f"{key}: unknown key{did_you_mean(key, _KEYS)}" for key in value if key not in _KEYS]
    cells = {key: one for key, one in value.items() if key in _KEYS and key != "provider" and one is not None}
    for key, one in cells.items():
        kind, name = (bool, "true or false") if key in _YES_OR_NO else (str, "text")
        if not isinstance(one, kind):
            wrong.append(f"{key}: expected {name}")
    if str(value["kind"]) not in set(EventKind):
        hint = did_you_mean(str(value["kind"]), EventKind) or f"; expected one of {', '.join(EventKind)}"
        wrong.append(f"kind: unknown{hint}")
    at = _moment(value["at"], now)
    if isinstance(at, str):
        wrong.append(at)
    if not cells.get("message_id") and not cells.get("provider_id"):
        wrong.append("message_id and provider_id are missing; expected one of them")
    if wrong or isinstance(at, str):
        raise _LineError("; ".join(wrong), f"found {text[:200]}")
    raw = cells.pop("raw", None) or text
    key = cells.pop("key", None) or text
    cells |= {"kind": EventKind(cells["kind"]), "at": at}
    if message_id := cells.get("message_id"):
        cells["message_id"] = message_id.strip("<> ")
    return Event(key=key, raw=raw, **cells)


def _moment(written: object, now: datetime) -> datetime | str:
    """The time, or what is wrong with it."""
    try:
        found = datetime.fromisoformat(str(written))
    except ValueError:
        return "at: expected a time such as 2026-11-02T09:00:00Z"
    if found.tzinfo is None:
        return "at: has no zone; expected a time such as 2026-11-02T09:00:00Z"
    return found.astimezone(UTC) if found <= now + FUTURE else "at: is in the future"
