"""Bringing in files strictly: every row checked, every rejected one listed, nothing brought in twice."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading, writing, writing_in_bulk
from recmail.db.tables import imports
from recmail.db.types import from_microseconds
from recmail.errors import DataError, RefusedError, StorageError
from recmail.history import importing_courses, importing_interactions, importing_suppressions, importing_users
from recmail.history.identity import note_linked
from recmail.history.importers import Chunk, ClosingImporter, Importer, Piece
from recmail.history.importing_addresses import as_addresses, is_usual
from recmail.history.importing_checks import WARNED_LINES, Checks, cleaned
from recmail.history.importing_erased import without_erased
from recmail.history.importing_header import Header, read_header
from recmail.history.importing_pace import Pace
from recmail.history.importing_rejects import Reject, Rejects
from recmail.history.importing_result import ImportResult
from recmail.history.importing_target import (
    Counts,
    ImportOptions,
    LinkTarget,
    ObjectionTarget,
    Setting,
    SettlingTarget,
    Target,
)
from recmail.history.importing_tidying import Tidying
from recmail.history.importing_twice import refuse_second_name
from recmail.history.settling import settle
from recmail.history.sources import file_piece
from recmail.history.strangers import Recognised, recognise
from recmail.history.watermarks import left_unfinished
from recmail.settings.values import ATTRIBUTE_TYPES

__all__ = ["KINDS", "Counts", "ImportOptions", "ImportResult", "import_file", "import_piece"]

Progress = Callable[[int, int, int], None]
"""Told the rows read, the bytes read and the bytes in all."""
_Write = Callable[[sa.Connection, Sequence[Any]], Counts]

_TABLES = {
    "users": importing_users,
    "courses": importing_courses,
    "interactions": importing_interactions,
    "suppressions": importing_suppressions,
}
KINDS = tuple(_TABLES)


def import_file(
    engine: sa.Engine,
    kind: str,
    file: Path,
    *,
    now: datetime,
    key: bytes,
    options: ImportOptions,
    encoding: str = "utf-8",
    progress: Progress | None = None,
) -> ImportResult:
    """Bring in one file by its suffix, as `import_piece` does; `encoding` is for CSV."""
    piece = file_piece(file, encoding)
    return import_piece(engine, kind, piece, now=now, key=key, options=options, progress=progress)


def import_piece(
    engine: sa.Engine,
    kind: str,
    piece: Piece,
    *,
    now: datetime,
    key: bytes,
    options: ImportOptions,
    progress: Progress | None = None,
) -> ImportResult:
    """Bring in a file, or the answer to a query, of users, courses, interactions or suppressions.

    Columns have the names of the tables (prices may be decimal, lists are parted by `;`); the order is free.
    Rows that are refused are written to FILE.rejects.csv with line and reason. Memory and the length of
    transactions are the same for a file of any size.

    Args:
        engine: the project's database.
        kind: one of KINDS.
        piece: what is read.
        now: later times, by more than a day, are refused.
        key: the project's key, for hashing addresses.
        options: how its records are read.
        progress: called after every chunk.

    Raises:
        DataError: the file as a whole is unusable from some line on. What came before is taken in and stays;
            the same command goes on after the mend.
        RefusedError: people without anything about their consent; events that are there under another name.
        StorageError: a database cannot be read or written.
        KeyboardInterrupt: says how far it came; as after a DataError, the same command goes on.
    """
    with _opened(kind, piece, options) as (source, header):
        setting = Setting(key, now, options, frozenset(header.places), header.ignored, piece.reread_until)
        work = _Work(engine, kind, piece, header, _target(engine, kind, setting), setting)
        with _rejects(piece, options, source) as work.rejects:
            with _rarely_searching_for_cycles():
                work.take_all(source, progress)
            return work.finish(source)


def _rejects(piece: Piece, options: ImportOptions, source: Importer) -> Rejects:
    """They look like their file where that is CSV, so that the same program opens them."""
    place = piece.path or options.project / options.source
    return Rejects(place, options, source.columns, getattr(source, "delimiter", ","))


@contextmanager
def _rarely_searching_for_cycles() -> Iterator[None]:
    # Millions of rows are made here and none of them in a cycle: the collector's searches cost 12 to 25 % of
    # the time. It still runs, only after more objects.
    before = gc.get_threshold()
    gc.set_threshold(200_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _opened(kind: str, piece: Piece, options: ImportOptions) -> Iterator[tuple[Importer, Header]]:
    """Open a piece and read its header."""
    module = _TABLES[kind]
    known = (*module.COLUMNS, *(_declared(options) if kind == "users" else ()))
    names = {name.lower() for name in (*known, *options.columns)}
    with ExitStack() as stack:
        usual = is_usual if kind == "suppressions" else names.__contains__
        source = piece.open(lambda name: name.strip().lower() in names or usual(name))
        if isinstance(source, ClosingImporter):
            stack.callback(source.close)
        if kind == "suppressions":
            source = as_addresses(source, options.columns)
        place = f"{piece.path}:1" if piece.path else piece.name
        yield (
            source,
            read_header(place, source.columns, known=known, required=module.REQUIRED, options=options),
        )


def _declared(options: ImportOptions) -> tuple[str, ...]:
    for name, kind in options.attributes.items():
        if kind not in ATTRIBUTE_TYPES:
            raise DataError(f"attribute {name}: unknown type {kind!r}; one of {', '.join(ATTRIBUTE_TYPES)}")
    return tuple(options.attributes)


def _target(engine: sa.Engine, kind: str, setting: Setting) -> Target:
    if kind == "users":
        return importing_users.Users(setting)
    if kind == "courses":
        return importing_courses.Courses(setting)
    if kind == "suppressions":
        return importing_suppressions.Suppressions(setting)
    with reading(engine) as connection:
        course_nos = importing_interactions.read_course_nos(connection)
    if not course_nos and not setting.options.dry_run:
        raise DataError("there are no courses yet; import the courses before the interactions")
    return importing_interactions.Interactions(setting, course_nos)


@dataclass
class _Work:
    """An import under way."""

    engine: sa.Engine
    kind: str
    piece: Piece
    header: Header
    target: Target
    setting: Setting
    rows: int = 0
    counts: Counts = field(default_factory=Counts)
    warnings: Counter[str] = field(default_factory=Counter)
    warned_lines: dict[str, list[int]] = field(default_factory=dict)
    rejects: Rejects = field(init=False)
    import_no: int | None = None
    recognised: Recognised | None = None

    def __post_init__(self) -> None:
        self._pace, self._link_pace = Pace(), Pace()
        self._began = time.perf_counter()
        self._compared, self._log = False, Tidying(self.engine)
        self._newest_noted: datetime | None = None

    def take_all(self, source: Importer, progress: Progress | None) -> None:
        """Take in every chunk."""
        self._begin()
        try:
            with self._log:
                for chunk in source.chunks():
                    self._take(chunk)
                    if progress is not None:
                        progress(self.rows, source.bytes_done, source.bytes_total)
        except DataError as error:
            self._note(finished_at=None)
            raise DataError(f"{error}{self._so_far()}") from error
        except (StorageError, RefusedError):
            with suppress(StorageError):
                self._note(finished_at=None)
            raise
        except KeyboardInterrupt as error:
            with suppress(StorageError):
                self._note(finished_at=None)
            kept = "nothing was changed" if self.setting.options.dry_run else "what was written is kept"
            message = f"{self.piece.name}: interrupted at row {self.rows:,}; {kept}"
            raise KeyboardInterrupt(f"{message}, and the same command goes on from there") from error

    def _begin(self) -> None:
        """Write down that an import has begun."""
        if self.setting.options.dry_run:
            return
        started: dict[str, Any] = {
            "source": self.setting.options.source,
            "kind": self.kind,
            "file": self.piece.name,
            "fingerprint": self.piece.fingerprint,
            "started_at": self.setting.now,
            "counts": {},
            "rejects": {},
        }
        if isinstance(self.target, SettlingTarget):
            with reading(self.engine) as connection:  # all of the five million that are kept, it may be
                if left_unfinished(connection, started):
                    note_linked(connection, self.target.due)
        with writing(self.engine) as connection:
            self.import_no = connection.scalar(imports.insert().returning(imports.c.import_no), started)
        self._settle()

    def _take(self, chunk: Chunk) -> None:
        """Check a chunk, list what is refused, write the rest."""
        self.rows += len(chunk)
        columns = {name: cleaned(chunk.columns[place]) for name, place in self.header.places.items()}
        checks = Checks(chunk.lines)
        accepted = self.target.check(columns, checks) if len(chunk.lines) else ()
        self._reject(chunk, checks)
        self.warnings += checks.warnings
        self.warnings += Counter(chunk.notes)
        for warning, lines in checks.warned_lines.items():
            self.warned_lines[warning] = (self.warned_lines.get(warning, []) + lines)[:WARNED_LINES]
        if self.kind == "interactions" and len(accepted) and not self._compared:
            self._compared = True
            with reading(self.engine) as connection:
                refuse_second_name(connection, self.setting.options.source, accepted)
        if isinstance(self.target, ObjectionTarget):
            place = self.header.places["user_id"]
            ids = [record[place] for _, _, record in chunk.broken if place < len(record)]
            self.target.doubt(cleaned(ids))
        self._store(chunk, accepted)

    def _reject(self, chunk: Chunk, checks: Checks) -> None:
        """List the records that cannot be used, in the order of their lines."""
        if not (chunk.broken or checks.rejected):
            return
        rejected = [Reject(line, reason, record) for line, reason, record in chunk.broken] + [
            Reject(
                int(chunk.lines[row]),
                reason,
                [column[row] for column in chunk.columns],
                checks.what_is_wrong(row),
                checks.whose(row),
            )
            for row, reason in enumerate(checks.reasons)
            if reason is not None
        ]
        for one in without_erased(self.engine, self.setting, self.header.places, sorted(rejected)):
            self.rejects.add(one)

    def _store(self, chunk: Chunk, rows: Sequence[Any]) -> None:
        if self.setting.options.dry_run:
            for batch in self._pace.batches(rows):
                with reading(self.engine) as connection:
                    self.counts += self.target.rehearse(connection, batch)
            if isinstance(self.target, ObjectionTarget):
                self.target.objections = []
            return
        if chunk.links and isinstance(self.target, LinkTarget):
            self._write(self.target.link, chunk.links, self._link_pace)
        self._write(self.target.write, rows, self._pace)
        if isinstance(self.target, ObjectionTarget) and self.target.objections:
            self._write(self.target.heed, self.target.objections, self._link_pace)
            self.target.objections = []
        self._log.wrote(len(rows))

    def _write(self, write: _Write, rows: Sequence[Any], pace: Pace) -> None:
        self._log.wait()
        for batch in pace.batches(rows):
            with writing_in_bulk(self.engine) as connection:
                began = time.perf_counter()
                counts = write(connection, batch)
                self._note_newest(connection)
                if isinstance(self.target, LinkTarget):
                    self.target.wrote(connection)
            pace.took(len(batch), time.perf_counter() - began, written=counts.written)
            self.counts += counts
            self._settle()

    def _note_newest(self, connection: sa.Connection) -> None:
        """Write down with the rows themselves how far they go: after a kill that tells what may be there."""
        if self.newest != self._newest_noted:
            this = imports.c.import_no == self.import_no
            connection.execute(imports.update().where(this).values(watermark=self._watermark))
            self._newest_noted = self.newest

    def _settle(self) -> None:
        """Bring in what was kept of people who became known."""
        while isinstance(self.target, SettlingTarget) and self.target.due:
            with writing_in_bulk(self.engine) as connection:
                self.counts += settle(connection, self.target.due)

    def _note(self, finished_at: datetime | None) -> None:
        """Write down how far the import has come; what was written before is lasting after that."""
        if self.import_no is None:
            return
        counts = {"rows": self.rows, **vars(self.counts), "rejected": self.rejects.total}
        if self.recognised is not None:
            counts |= {"with_user_id": self.recognised.events, "known_user_id": self.recognised.known}
        found = {
            "finished_at": finished_at,
            "watermark": self._watermark,
            "counts": counts,
            "rejects": dict(self.rejects.by_reason),
        }
        with writing(self.engine) as connection:
            connection.execute(imports.update().where(imports.c.import_no == self.import_no).values(**found))

    @property
    def newest(self) -> datetime | None:
        """The latest time among accepted rows."""
        return None if self.target.newest < 0 else from_microseconds(self.target.newest)

    @property
    def _watermark(self) -> str | None:
        return self.newest.isoformat() if self.newest else None

    def _so_far(self) -> str:
        """What to tell when the file cannot be read on."""
        if not self.rows or self.setting.options.dry_run:
            return "; nothing was taken in"
        return f"; the {self.rows:,} rows before were taken in, and the same command goes on after the mend"

    def finish(self, source: Importer) -> ImportResult:
        """Write down that the import is done, and say what became of it."""
        if isinstance(self.target, LinkTarget | ObjectionTarget):
            self.warnings += self.target.warnings
        if isinstance(self.target, importing_interactions.Interactions):
            with reading(self.engine) as connection:
                self.recognised = recognise(connection, self.target.sample)
        elapsed = timedelta(seconds=time.perf_counter() - self._began)
        finished_at = self.setting.now + elapsed
        self._note(finished_at)
        return ImportResult(
            source=self.setting.options.source,
            kind=self.kind,
            file=self.piece.name,
            dry_run=self.setting.options.dry_run,
            rows=self.rows,
            counts=self.counts,
            rejects=dict(self.rejects.by_reason),
            rejects_file=self.rejects.path,
            reject_examples=self.rejects.examples,
            warnings=dict(self.warnings),
            warned_lines=self.warned_lines,
            ignored_columns=self.header.ignored,
            unmapped=dict(source.unmapped.most_common()),
            newest=self.newest,
            started_at=self.setting.now,
            finished_at=finished_at,
            recognised=self.recognised,
        )
