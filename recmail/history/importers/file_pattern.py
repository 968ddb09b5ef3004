"""Which files a source has: a path or a pattern of them, relative to the project."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from recmail.errors import DataError

_MAGIC = re.compile(r"[*?]|\[[^\]]+\]")  # as pathlib has it: a bracket that nothing closes is a letter
REJECTS = ".rejects.csv"
"""The end of the names of files of rejected rows."""
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")  # of rsync, curl, Chrome, WinSCP, ...
_LOOKED_AT = 1_000  # files of a folder, to propose a pattern


@dataclass(frozen=True)
class Files:
    """A path such as users.csv, or a pattern such as data/*.csv or data/**/*.gz, as somebody wrote it."""

    written: str
    folder: Path

    def __post_init__(self) -> None:
        if not self.written or "\0" in self.written:
            raise ValueError("expected a path, or a pattern such as data/*.csv")
        if "://" in self.written:
            raise ValueError("expected files on this machine; fetch them first, such as with: aws s3 sync")
        if (folder := self.folder / self.written).is_dir():
            raise ValueError(
                f"is a folder; name the files in it: {_pattern(self.written.rstrip('/'), folder)}"
            )

    def __str__(self) -> str:
        return self.written

    def found(self) -> Iterator[tuple[str, Path]]:
        """Yield a name and the path of each, in the order of their names; a pattern may match none yet.

        Raises:
            DataError: there is no such file, or no folder in which a pattern could match any.
        """
        one = self.folder / self.written
        if one.exists() or not _MAGIC.search(self.written):
            if not one.exists():
                raise DataError(f"{self.written}: there is no such file")
            yield one.name, one
            return
        above = Path(self.written).parent
        while _MAGIC.search(str(above)):
            above = above.parent
        below = str(Path(self.written).relative_to(above))
        above = self.folder / above
        if not above.is_dir():
            raise DataError(f"{self.written}: there is no folder {above}")
        try:
            found = sorted(path for path in above.glob(below) if _counts(path))
        except ValueError as error:  # such as "**.gz"
            raise DataError(f"{self.written}: {str(error).lower()}") from error
        yield from ((path.relative_to(above).as_posix(), path) for path in found)


def _counts(path: Path) -> bool:
    """A file, but none that is still being copied or held open, and none that an earlier import wrote."""
    name = path.name.lower()
    return not (name.startswith((".", "~$")) or name.endswith((REJECTS, *_UNFINISHED))) and path.is_file()


def _pattern(written: str, folder: Path) -> str:
    """A pattern of the files that most of a folder's are like: data/*.csv, data/**/*.gz."""
    found = list(islice((path for path in folder.rglob("*") if _counts(path)), _LOOKED_AT))
    suffixes = Counter(path.suffix for path in found)
    suffix = suffixes.most_common(1)[0][0] if suffixes else ".csv"
    is_flat = all(path.parent == folder for path in found if path.suffix == suffix)
    return f"{written}/{'' if is_flat else '**/'}*{suffix}"
