"""A file as lines of text, without ever holding more than a block of it; says where a byte is no text."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from recmail.errors import DataError

BLOCK_BYTES = 256 * 1024
LINE_CHARACTERS = 16 * 1024 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class TextFile:
    """Lines of a file; `bytes_done` and `bytes_total` tell how far it was read."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self.encoding = _checked(encoding)
        self.bytes_done = 0
        try:
            self.bytes_total = path.stat().st_size
        except OSError as error:
            raise DataError(f"{path}: {_why(error)}") from error

    def lines(self) -> Iterator[str]:
        """Yield every line with its end; lines end with LF, CR LF or CR.

        Raises:
            DataError: the file cannot be opened, is not in the encoding, or has a NUL byte.
        """
        rest = ""
        for text in self._blocks():
            whole = rest + text
            # A CR at the end may be half of a CR LF: it waits for the next block.
            end = max(whole.rfind("\n"), whole.rfind("\r", 0, len(whole) - 1)) + 1
            rest = whole[end:]
            if len(rest) > LINE_CHARACTERS:
                raise DataError(f"{self.path}: has a line of more than {LINE_CHARACTERS:,} characters")
            yield from io.StringIO(whole[:end], newline="")
        yield from io.StringIO(rest, newline="")

    def _blocks(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        try:
            with self.path.open("rb") as file:
                self.bytes_done = self._skip_mark(file)
                while block := file.read(BLOCK_BYTES):
                    yield self._text(decoder, block)
                    self.bytes_done += len(block)
                yield self._text(decoder, b"")
        except OSError as error:
            raise DataError(f"{self.path}: {_why(error)}") from error

    def _skip_mark(self, file: io.BufferedReader) -> int:
        """Skip a byte order mark and return its length."""
        start = file.read(4)
        for mark, encoding in _BOMS:
            if start.startswith(mark) and self.encoding == "utf-8" != encoding:
                raise DataError(f"{self.path}: is written in {encoding}; add: --encoding {encoding}")
        length = len(codecs.BOM_UTF8) if self.encoding == "utf-8" and start[:3] == codecs.BOM_UTF8 else 0
        file.seek(length)
        return length

    def _text(self, decoder: codecs.IncrementalDecoder, block: bytes) -> str:
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # The decoder's object is what it had kept of the block before, and this block.
            place = self.bytes_done - (len(error.object) - len(block)) + error.start
            raise DataError(self._not_text(place, error.object[error.start])) from error
        except UnicodeError as error:
            raise DataError(f"{self.path}: cannot be read as {self.encoding}: {error}") from error
        if "\0" in text:
            line = self._line_of(self.bytes_done) + text[: text.index("\0")].count("\n")
            raise DataError(
                f"{self.path}:{line}: there is a NUL byte; the file is damaged, or not written in "
                f"{self.encoding}: export it again, or name its encoding with --encoding"
            )
        return text

    def _not_text(self, place: int, byte: int) -> str:
        advice = "cp1252" if self.encoding == "utf-8" else "utf-8"
        return (
            f"{self.path}:{self._line_of(place)}: byte {place} (0x{byte:02x}) is not {self.encoding}; save "
            f"the file as UTF-8, or name its encoding, for example: --encoding {advice}"
        )

    def _line_of(self, place: int) -> int:
        """The line (from 1) of the byte at `place`."""
        newlines, left = 0, place
        with self.path.open("rb") as file:
            while left and (block := file.read(min(left, BLOCK_BYTES))):
                newlines += block.count(b"\n")
                left -= len(block)
        return newlines + 1


def _checked(encoding: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding).close()  # refuses what is no text, such as zlib
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise DataError(f"unknown encoding {encoding!r}; for example: utf-8, cp1252, utf-16") from error
    return "utf-8" if name == "utf-8-sig" else name


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder; name the file in it"
    return (error.strerror or str(error)).lower()
