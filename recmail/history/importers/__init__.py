"""Where data comes from: one file per format, each a plug-in that reads records as text, in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from recmail.errors import DataError

PACKAGE = "history.importers"
Table = Literal["users", "courses", "interactions", "suppressions"]
Knows = Callable[[str], bool]
"""Whether the name of a column is one of ours, or is renamed to one."""


@dataclass(frozen=True)
class Chunk:
    """Records in the order of their source, as columns: a list for each would busy the garbage collector.

    Attributes:
        columns: the texts of each column; all of one length.
        lines: int64, the physical line (from 1) where each record begins; the number of the record where
            the source has no lines.
        broken: line, reason and texts of what is no record: too many or too few texts, unreadable.
        links: pairs of another id and a user_id that the source says are one person.
    """

    columns: Sequence[Sequence[str]]
    lines: np.ndarray
    broken: list[tuple[int, str, list[str]]]
    links: Sequence[tuple[str, str]] = ()

    def __len__(self) -> int:
        return len(self.lines) + len(self.broken)


class Importer(Protocol):
    """One file or query that is read from its beginning to its end, once."""

    columns: list[str]
    """The source's own names, in the order of the records' texts."""
    unmapped: Counter[str]
    """Names of events that no kind is given for, with how often they came; they are no records."""

    @property
    def bytes_done(self) -> int:
        """How far it was read."""

    @property
    def bytes_total(self) -> int:
        """How long it is; 0 where that is not known."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield all records in pieces of bounded size.

        Raises:
            DataError: the source cannot be read on from some line.
        """


@dataclass(frozen=True)
class Piece:
    """Part of a source that is read in one go: a file, or the answer to a query.

    Attributes:
        name: as messages and the list of imports call it.
        rejects: the path that the file of rejected rows is named after.
        fingerprint: what changes when there is something new in it; None where only reading it tells.
        open: begins to read it.
    """

    name: str
    rejects: Path
    fingerprint: str | None
    open: Callable[[Knows], Importer]


class SourceOptions(BaseModel, ABC):
    """What a plug-in's class derives from: its fields are the keys of its [sources.NAME] section.

    Attributes:
        tables: what it can bring.
        table: what it brings; where it is not said, the section's name if that is a table, else interactions.
        columns: theirs to ours.
        consent_basis: why all people of this source may be mailed, when it has no email_consent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)
    tables: ClassVar[tuple[Table, ...]] = ("users", "courses", "interactions", "suppressions")

    table: Table | None = Field(None, description="users, courses, interactions or suppressions")
    columns: Mapping[str, str] = Field({}, description="Their columns to ours")
    consent_basis: str | None = Field(None, description="Why these people may be mailed; kept as proof")

    @abstractmethod
    def pieces(self, since: datetime | None) -> Iterator[Piece]:
        """Yield what there is to read, oldest first.

        Args:
            since: the newest time that was read before; None at the first time, or to read everything again.

        Raises:
            DataError: there is nothing to read, or it cannot be found.
        """


def _pattern(value: str, info: ValidationInfo) -> str:
    return str(info.context["folder"] / value) if info.context else value


class FileOptions(SourceOptions):
    """A source of files: those that are new or changed are read.

    Attributes:
        file: a path or a pattern such as data/*.csv, relative to the project.
    """

    file: Annotated[str, AfterValidator(_pattern)] = Field(
        description="A path, or a pattern such as data/*.gz"
    )

    @abstractmethod
    def open(self, path: Path, knows: Knows) -> Importer:
        """Begin to read one of the files."""

    def pieces(self, since: datetime | None) -> Iterator[Piece]:
        """Yield all files in the order of their names; a changed size or time makes one new again."""
        pattern = Path(self.file)
        found = sorted(pattern.parent.glob(pattern.name))
        if not found:
            raise DataError(f"{self.file}: there is no such file")
        for path in found:
            state = path.stat()
            fingerprint = f"{state.st_size}:{state.st_mtime_ns}"
            yield Piece(path.name, path, fingerprint, partial(self.open, path))
