"""CSV files, strictly: quotes must be right, and every record knows the line where it begins."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, compress, islice
from pathlib import Path

import numpy as np
from pydantic import Field

from recmail.errors import DataError
from recmail.history.importers import Chunk, FileOptions, Knows
from recmail.history.importers.text import TextFile

DELIMITERS = ",;\t"
CHUNK_ROWS = 10_000  # 20,000 take 11 MB more and are not faster
CHUNK_BYTES = 8 * 1024 * 1024
_PIECE_ROWS = 2_000
_LOOK_AHEAD = 1_000_000  # characters: more than the csv module's longest field
_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')
_BARE = {delimiter: re.compile(rf"[^{delimiter}\r\n]*") for delimiter in DELIMITERS}


class Csv(FileOptions):
    """[sources.NAME] with format = "csv"; the first record of each file names the columns."""

    encoding: str = Field("utf-8", description="How the files' letters are written")

    def open(self, path: Path, knows: Knows) -> CsvFile:
        """Begin to read one of the files."""
        return CsvFile(path, self.encoding, knows)


class CsvFile:
    """An importer for one CSV file whose first record names the columns."""

    def __init__(self, path: Path, encoding: str, knows: Knows) -> None:
        """Open the file and read its header.

        Args:
            path: the file.
            encoding: how its letters are written; a UTF-8 byte order mark is skipped.
            knows: whether a column's name is one of ours; among , ; and tab that delimiter is taken that
                makes most such names.

        Raises:
            DataError: the file cannot be read, or has no header.
        """
        self._file = TextFile(path, encoding)
        self.unmapped = Counter[str]()
        lines = self._file.lines()
        blank = 0
        for first in lines:
            if first.strip():
                break
            blank += 1
        else:
            raise DataError(f"{path}: is empty; its first line must name the columns")
        self.delimiter = _delimiter(first, knows)
        whole = chain(["\n"] * blank, [first], lines)
        self._reader = csv.reader(whole, delimiter=self.delimiter, strict=True)
        header: list[list[str]] = []
        self._read(blank + 1, header, [])
        self.columns = [name.strip() for name in header[0]]

    @property
    def bytes_done(self) -> int:
        """How far the file was read."""
        return self._file.bytes_done

    @property
    def bytes_total(self) -> int:
        """How long the file is."""
        return self._file.bytes_total

    def chunks(self) -> Iterator[Chunk]:
        """Yield all records after the header; blank lines are no records."""
        while True:
            start, records, lines = self.bytes_done, list[list[str]](), list[int]()
            while len(records) < CHUNK_ROWS and self.bytes_done - start < CHUNK_BYTES:
                if not self._read(_PIECE_ROWS, records, lines):
                    break
            if not records:
                return
            yield _chunk(records, lines, len(self.columns))

    def _read(self, most: int, records: list[list[str]], lines: list[int]) -> bool:
        """Add the next records and the lines where they begin; False at the end of the file."""
        line, new = self._reader.line_num + 1, list[list[str]]()
        try:
            new.extend(islice(self._reader, most))  # an error leaves what came before it
        except csv.Error as error:
            raise DataError(self._broken(line + sum(map(_height, new)), str(error))) from error
        places: Iterable[int] = range(line, line + len(new))
        if self._reader.line_num + 1 - line != len(new):
            places = accumulate(map(_height, new[:-1]), initial=line)
        if all(new):
            records += new
            lines += places
        else:  # blank lines are no records
            records += filter(None, new)
            lines += compress(places, new)
        return bool(new)

    def _broken(self, line: int, why: str) -> str:
        path = self._file.path
        text = ""
        for piece in islice(TextFile(path, self._file.encoding).lines(), line - 1, None):
            text += piece
            if len(text) > _LOOK_AHEAD:
                break
        opened = _quote_opened(text, self.delimiter)
        if opened is None:
            return f"{path}:{line}: cannot be read as CSV: {why}"
        return (
            f"{path}:{line + opened}: a quoted field begins here and does not end as it should ({why}); "
            f'close the quote, and write quotes inside a field twice ("")'
        )


def _height(record: list[str]) -> int:
    """How many lines a record has in the file."""
    return 1 + sum(len(_LINE_END.findall(field)) for field in record)


def _chunk(records: list[list[str]], lines: list[int], width: int) -> Chunk:
    places = np.array(lines, dtype=np.int64)
    good = np.fromiter(map(len, records), dtype=np.int64, count=len(records)) == width
    broken = [
        (
            lines[row],
            f"{'more' if len(records[row]) > width else 'fewer'} fields than the header",
            records[row],
        )
        for row in np.flatnonzero(~good).tolist()
    ]
    if broken:
        records = [record for record, is_good in zip(records, good.tolist(), strict=True) if is_good]
    columns = list(zip(*records, strict=True)) or [()] * width
    return Chunk(columns, places[good], broken)


def _delimiter(header: str, knows: Knows) -> str:
    def names(delimiter: str) -> list[str]:
        try:
            return next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:
            return []

    def fits(delimiter: str) -> tuple[int, int]:
        found = names(delimiter)
        return sum(knows(name.strip()) for name in found), len(found)

    return max(DELIMITERS, key=fits)


def _quote_opened(text: str, delimiter: str) -> int | None:
    """How many lines after the first the field was opened that breaks this record; None: no quote does."""
    place = 0
    while place < len(text):
        field = (_QUOTED if text[place] == '"' else _BARE[delimiter]).match(text, place)
        if field is None or text[field.end() : field.end() + 1] not in (delimiter, "\n", "\r", ""):
            return text.count("\n", 0, place)
        if text[field.end() : field.end() + 1] != delimiter:
            return None
        place = field.end() + 1
    return None
