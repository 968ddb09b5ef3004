"""Rejected rows, written beside the input with line and reason; all counted, the first 10,000 listed."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TextIO

from recmail.errors import StorageError
from recmail.history.importers.file_pattern import REJECTS
from recmail.history.importing_header import OUR_MARKS
from recmail.history.importing_target import ImportOptions

LISTED = 10_000
TRIAL = ".dry-run"


class Reject(NamedTuple):
    """A rejected row.

    Attributes:
        reason: the same for all rows of which it is true.
        found: what stood there.
        whose: whose row it is, or of what.
    """

    line: int
    reason: str
    record: Sequence[str]
    found: str = ""
    whose: str = ""

    @property
    def example(self) -> str:
        """What tells where to look."""
        return ", ".join(filter(None, (f"line {self.line:,}", self.whose, self.found)))


class Rejects:
    """The file of rejected rows: made at the first one, and gone when a later import rejects none.

    It has the input's columns behind `reject_line` and `reject_reason`: mended, it can be imported. Each
    source has its own, since two may read one file; and a dry run leaves that of the last import.
    """

    def __init__(
        self, input_file: Path, options: ImportOptions, columns: Sequence[str], delimiter: str
    ) -> None:
        folder = input_file.parent
        folder = folder if os.access(folder, os.W_OK) else options.project
        of_source = f".{options.source}" if options.section and input_file.name != options.source else ""
        trial = folder / f"{input_file.name}{of_source}{TRIAL}{REJECTS}"
        last = folder / f"{input_file.name}{of_source}{REJECTS}"
        self._place = trial if options.dry_run else last
        self._outdated = [trial] if options.dry_run else [last, trial]
        self._columns = columns
        self._delimiter = delimiter
        self._file: TextIO | None = None
        self._writer: Any = None
        self.path: Path | None = None
        self.by_reason: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def __enter__(self) -> Rejects:
        for path in self._outdated:
            with suppress(OSError):  # without a place, rejects are counted and not listed
                path.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def total(self) -> int:
        """How many rows were rejected."""
        return self.by_reason.total()

    def add(self, one: Reject) -> None:
        """Count a rejected row, and list it while there are not too many."""
        self.by_reason[one.reason] += 1
        self.examples.setdefault(one.reason, one.example)
        if self.total > LISTED:
            return
        if self.total == 1:
            self._open()
        if self._writer is not None:
            reason = f"{one.reason}, {one.found}" if one.found else one.reason
            self._write([str(one.line), reason, *one.record])

    def _open(self) -> None:
        with suppress(OSError):
            # Line by line, so that a full disk is noticed by the line that does not fit.
            self._file = self._place.open("w", encoding="utf-8", newline="", buffering=1)
            self.path = self._place
            self._writer = csv.writer(self._file, delimiter=self._delimiter)
            self._write([*OUR_MARKS, *self._columns])

    def _write(self, row: Sequence[str]) -> None:
        try:
            self._writer.writerow(row)
        except OSError as error:
            raise StorageError(
                f"{self.path}: {error.strerror}; make room and run the same command"
            ) from error


def source_of(file: Path, sources: Collection[str]) -> str | None:
    """The source whose rejected rows are in a file of this name; None where it is none of theirs."""
    name = file.name.removesuffix(REJECTS).removesuffix(TRIAL)
    if not file.name.endswith(REJECTS):
        return None
    found = [source for source in sources if name == source or name.endswith(f".{source}")]
    return max(found, key=len, default=None)
