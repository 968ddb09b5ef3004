"""A file, gzip or not, as lines of text, a block at a time; says where a byte is no text."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from recmail.errors import DataError
from recmail.history.importers.packed import DamagedFileError, PackedFile

LINE_CHARACTERS = 16 * 1024 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LONGEST_MARK = max(len(mark) for mark, _ in _BOMS)


class TextFile:
    """Lines of a file; `bytes_done` and `bytes_total` tell how far it was read."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self.encoding = _checked(encoding)
        self._file = PackedFile(path)
        self._place = 0  # in what is unpacked

    @property
    def bytes_done(self) -> int:
        """How far the file was read."""
        return self._file.bytes_done

    @property
    def bytes_total(self) -> int:
        """How long the file is."""
        return self._file.bytes_total

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
            for block in self._marked_blocks():
                yield self._text(decoder, block)
                self._place += len(block)
        except DamagedFileError as error:
            raise DataError(f"{self.path}:{self._line_of(self._place)}: {error}") from error
        yield self._text(decoder, b"")

    def _marked_blocks(self) -> Iterator[bytes]:
        """Yield the file's blocks without a byte order mark."""
        blocks = self._file.blocks()
        start = b""
        while len(start) < _LONGEST_MARK and (block := next(blocks, b"")):
            start += block
        for mark, encoding in _BOMS:
            if start.startswith(mark) and self.encoding == "utf-8" != encoding:
                raise DataError(f"{self.path}: is written in {encoding}; {_name_it(encoding)}")
        if self.encoding == "utf-8" and start.startswith(codecs.BOM_UTF8):
            self._place = len(codecs.BOM_UTF8)
        yield start[self._place :]
        yield from blocks

    def _text(self, decoder: codecs.IncrementalDecoder, block: bytes) -> str:
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # The decoder's object is what it had kept of the block before, and this block.
            place = self._place - (len(error.object) - len(block)) + error.start
            raise DataError(self._not_text(place, error.object[error.start])) from error
        except UnicodeError as error:
            raise DataError(f"{self.path}: cannot be read as {self.encoding}: {error}") from error
        if "\0" in text:
            line = self._line_of(self._place) + text[: text.index("\0")].count("\n")
            raise DataError(
                f"{self.path}:{line}: there is a NUL byte; the file is damaged, or not written in "
                f"{self.encoding}: export it again, or {_name_it('utf-16')}"
            )
        return text

    def _not_text(self, place: int, byte: int) -> str:
        advice = "cp1252" if self.encoding == "utf-8" else "utf-8"
        return (
            f"{self.path}:{self._line_of(place)}: byte {place} (0x{byte:02x}) is not {self.encoding}; save "
            f"the file as UTF-8, or {_name_it(advice)}"
        )

    def _line_of(self, place: int) -> int:
        """The line (from 1) of the byte at `place`."""
        newlines, left = 0, place
        with suppress(DataError):  # damaged further on
            for block in PackedFile(self.path).blocks():
                newlines += block[:left].count(b"\n")
                left -= len(block)
                if left <= 0:
                    break
        return newlines + 1


def _checked(encoding: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding).close()  # refuses what is no text, such as zlib
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise DataError(f"unknown encoding {encoding!r}; for example: utf-8, cp1252, utf-16") from error
    return "utf-8" if name == "utf-8-sig" else name


def _name_it(encoding: str) -> str:
    return f'name its encoding: --encoding {encoding}, or encoding = "{encoding}" in its section'
