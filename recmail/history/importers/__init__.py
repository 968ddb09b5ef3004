"""Where data comes from: one file per format, each a plug-in that reads records as text, in chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from recmail.history.importers.file_pattern import Files

PACKAGE = "history.importers"
Table = Literal["users", "courses", "suppressions", "interactions"]
TABLES: tuple[Table, ...] = get_args(Table)
"""In the order in which each can refer to those before it."""
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
        notes: what is odd in events whose name is mapped: why they are no records, or what these lack; with
            how often that was.
    """

    columns: Sequence[Sequence[str]]
    lines: np.ndarray
    broken: list[tuple[int, str, list[str]]]
    links: Sequence[tuple[str, str]] = ()
    notes: Mapping[str, int] = field(default_factory=dict)

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


@runtime_checkable
class ClosingImporter(Importer, Protocol):
    """An importer that holds something until it is closed."""

    def close(self) -> None:
        """Give it back."""


@dataclass(frozen=True)
class Piece:
    """Part of a source that is read in one go: a file, or the answer to a query.

    Attributes:
        name: as messages and the list of imports call it; pieces of one source differ in it.
        path: the file, where it is one; its rejected rows are listed beside it.
        fingerprint: what changes when there is something new in it; None where only reading it tells.
        open: begins to read it.
        reread_until: the newest time that was read of it when its source was described otherwise.
    """

    name: str
    path: Path | None
    fingerprint: str | None
    open: Callable[[Knows], Importer]
    reread_until: datetime | None = None


class SourceOptions(BaseModel, ABC):
    """What a plug-in's class derives from: its fields are the keys of its [sources.NAME] section.

    Attributes:
        tables: what it can bring.
        whereabouts: keys that say where and when to read; a change of any other makes all of it new.
        table: what it brings; where it is not said, the section's name if that is a table, else interactions.
        columns: theirs to ours.
        consent_basis: why all people of this source may be mailed, when it has no email_consent.
    """

    model_config = ConfigDict(
        defer_build=True, frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )
    tables: ClassVar[tuple[Table, ...]] = TABLES
    whereabouts: ClassVar[frozenset[str]] = frozenset({"table"})

    table: Table | None = Field(None, description="users, courses, interactions or suppressions")
    columns: Mapping[str, str] = Field({}, description="Their columns to ours")
    consent_basis: str | None = Field(None, description="Why these people may be mailed; kept as proof")

    @abstractmethod
    def pieces(self, since: datetime | None) -> Iterator[Piece]:
        """Yield what there is to read, oldest first.

        Args:
            since: the newest time that was read before; None at the first time, or to read everything again.

        Raises:
            DataError: what there should be to read cannot be found.
        """


def _files(value: object, info: ValidationInfo) -> object:
    return Files(value, (info.context or {}).get("folder", Path())) if isinstance(value, str) else value


class FileOptions(SourceOptions):
    """A source of files: those that are new or changed are read.

    Attributes:
        file: a path or a pattern such as data/*.csv or data/**/*.gz, relative to the project.
    """

    whereabouts: ClassVar[frozenset[str]] = SourceOptions.whereabouts | {"file"}

    file: Annotated[Files, BeforeValidator(_files)] = Field(
        description="A path, or a pattern such as data/*.gz"
    )

    @abstractmethod
    def open(self, path: Path, knows: Knows) -> Importer:
        """Begin to read one of the files."""

    def pieces(self, since: datetime | None) -> Iterator[Piece]:
        """Yield all files in the order of their names; a changed size or time makes one new again."""
        for name, path in self.file.found():
            try:
                state = path.stat()
            except OSError:  # taken away a moment ago
                continue
            fingerprint = f"{state.st_size}:{state.st_mtime_ns}"
            yield Piece(name, path, fingerprint, partial(self.open, path))
