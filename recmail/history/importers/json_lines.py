"""Files with one JSON object a line, plain or gzip: a broken line is said and left, the rest goes on."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from recmail.errors import DataError
from recmail.history.importers.packed import DamagedFileError, PackedFile

LINE_BYTES = 16 * 1024 * 1024
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Unreadable(str):
    """Why a line is no object."""

    __slots__ = ()


class ObjectFile:
    """The objects of a file, with their lines; `bytes_done` and `bytes_total` tell how far it was read."""

    def __init__(self, path: Path) -> None:
        """Open the file and look at its beginning.

        Raises:
            DataError: the file cannot be read, or is one JSON array or no UTF-8.
        """
        self.path = path
        self._file = PackedFile(path)
        self.beginning = self._look()

    @property
    def bytes_done(self) -> int:
        """How far the file was read."""
        return self._file.bytes_done

    @property
    def bytes_total(self) -> int:
        """How long the file is."""
        return self._file.bytes_total

    def objects(self) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
        """Yield each line's number with its object, or with why there is none; blank lines are left out.

        Raises:
            DataError: the file cannot be read on from some line.
        """
        decode = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse_constant).decode
        number = 0
        try:
            for number, line in enumerate(self._lines(), 1):
                if line is None:
                    yield number, Unreadable(f"longer than {LINE_BYTES:,} bytes")
                elif not line.isspace() and line:
                    yield number, _object(decode, line)
        except DamagedFileError as error:
            raise DataError(f"{self.path}:{number + 1}: {error}") from error

    def _look(self) -> bytes:
        try:
            block = next(PackedFile(self.path).blocks(), b"")
        except DamagedFileError as error:
            raise DataError(f"{self.path}:1: {error}") from error
        for mark, encoding in _BOMS.items():
            if block.startswith(mark):
                raise DataError(f"{self.path}: is written in {encoding}; it has to be UTF-8")
        beginning = block.removeprefix(codecs.BOM_UTF8).lstrip()
        if beginning.startswith(b"["):
            raise DataError(
                f"{self.path}:1: is one JSON array; it has to be one object a line: jq -c '.[]' FILE > NEW"
            )
        return beginning

    def _lines(self) -> Iterator[bytes | None]:
        """Yield every line; None for one that is too long to hold."""
        rest, skips = b"", False
        blocks = self._file.blocks()
        first = next(blocks, b"").removeprefix(codecs.BOM_UTF8)
        for block in chain((first,), blocks):
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield None if skips else line
                skips = False
            if len(rest) > LINE_BYTES:
                rest, skips = b"", True
        if rest or skips:
            yield None if skips else rest


def _object(decode: Any, line: bytes) -> dict[str, Any] | Unreadable:
    # Reasons carry no positions: rejects are counted by reason.
    try:
        found = decode(str(line, "utf-8"))
    except UnicodeDecodeError:
        return Unreadable("the line is not UTF-8")
    except _TwiceError as error:
        return Unreadable(str(error))
    except ValueError:
        return Unreadable("the line cannot be read as JSON")
    except RecursionError:
        return Unreadable("the line is nested too deeply")
    return found if isinstance(found, dict) else Unreadable("the line is JSON, but no object")


class _TwiceError(ValueError):
    """An object says something twice: whichever counts, it may be the wrong one."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError("a key is there twice in one object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
