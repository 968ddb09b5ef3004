"""Rejected rows, written beside the input with line and reason; all counted, the first 10,000 listed."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from recmail.errors import StorageError
from recmail.history.importers.file_pattern import REJECTS
from recmail.history.importing_header import OUR_MARKS

LISTED = 10_000


class Rejects:
    """The file of rejected rows: made at the first one, and gone when a later import rejects none.

    It has the input's columns behind `reject_line` and `reject_reason`: mended, it can be imported.
    """

    def __init__(self, input_file: Path, project: Path, columns: Sequence[str], delimiter: str) -> None:
        name = f"{input_file.name}{REJECTS}"
        folder = input_file.parent
        self._place = (folder if os.access(folder, os.W_OK) else project) / name
        self._columns = columns
        self._delimiter = delimiter
        self._file: TextIO | None = None
        self._writer: Any = None
        self.path: Path | None = None
        self.by_reason: Counter[str] = Counter()

    def __enter__(self) -> Rejects:
        with suppress(OSError):  # without a place, rejects are counted and not listed
            self._place.unlink(missing_ok=True)
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

    def add(self, line: int, reason: str, record: Sequence[str]) -> None:
        """Count a rejected row, and list it while there are not too many."""
        self.by_reason[reason] += 1
        if self.total > LISTED:
            return
        if self.total == 1:
            self._open()
        if self._writer is not None:
            self._write([str(line), reason, *record])

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
