"""A file as blocks of bytes, unpacked where it is gzip, whatever its name."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from recmail.errors import DataError

BLOCK_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"  # RFC 1952, 2.3.1
_OTHERS = {
    b"PK\x03\x04": "is a zip or Excel file; unpack it, or save the sheet as CSV",
    b"BZh": "is packed by bzip2; unpack it, or pack it by gzip",
    b"\xfd7zXZ": "is packed by xz; unpack it, or pack it by gzip",
    b"\x28\xb5\x2f\xfd": "is packed by zstd; unpack it, or pack it by gzip",
    b"PAR1\x15": 'is a Parquet file; end its name in .parquet, or write format = "parquet" in its section',
}
_IN_NO_TEXT = bytes({*range(9), *range(14, 27)})  # UTF-16 has them, which nobody names .gz unpacked


class DamagedFileError(DataError):
    """The rest of a file cannot be read; what came before is good."""


class PackedFile:
    """Blocks of a file; `bytes_done` and `bytes_total` count the bytes on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_done = 0
        try:
            self.bytes_total = path.stat().st_size
        except OSError as error:
            raise DataError(f"{path}: {why(error)}") from error

    def blocks(self) -> Iterator[bytes]:
        """Yield the file's bytes, unpacked.

        Raises:
            DataError: the file cannot be opened or read.
            DamagedFileError: it is gzip and ends early, or goes on with something else.
        """
        try:
            with self.path.open("rb") as file:
                beginning = file.peek(BLOCK_BYTES)
                packed = beginning.startswith(_GZIP)
                if not packed:
                    self._check_kind(beginning)
                stream: gzip.GzipFile | io.BufferedReader = gzip.GzipFile(fileobj=file) if packed else file
                # read1 gives what one step unpacks: read would lose that when the next step fails.
                while block := stream.read1(BLOCK_BYTES):
                    self.bytes_done = file.tell()
                    yield block
                self.bytes_done = file.tell()
        except EOFError as error:
            raise DamagedFileError(
                "the gzip file ends in the middle; copy it again from where it comes from"
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DamagedFileError(f"the gzip file is damaged ({error}); copy it again") from error
        except OSError as error:
            raise DataError(f"{self.path}: {why(error)}") from error

    def _check_kind(self, beginning: bytes) -> None:
        for sign, found in _OTHERS.items():
            if beginning.startswith(sign):
                raise DataError(f"{self.path}: {found}")
        if self.path.suffix.lower() == ".gz" and beginning.translate(None, _IN_NO_TEXT) != beginning:
            raise DataError(f"{self.path}: is named .gz, and is neither gzip nor text; copy it again")


def why(error: OSError) -> str:
    """What is wrong with a path, for people."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder; name the file in it"
    return (error.strerror or str(error)).lower()
