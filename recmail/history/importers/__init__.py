"""One file per kind of source: each yields records as text, in chunks, with the line where each begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Chunk:
    """Records in the order of their source, as columns: a list for each would busy the garbage collector.

    Attributes:
        columns: the texts of each column; all of one length.
        lines: int64, the physical line (from 1) where each record begins.
        broken: line and texts of records that have more or fewer texts than there are columns.
    """

    columns: list[tuple[str, ...]]
    lines: np.ndarray
    broken: list[tuple[int, list[str]]]

    def __len__(self) -> int:
        return len(self.lines) + len(self.broken)


class Importer(Protocol):
    """A source that is read from its beginning to its end, once."""

    columns: list[str]
    """The source's own names, in the order of the records' texts."""

    @property
    def bytes_done(self) -> int:
        """How far it was read."""

    @property
    def bytes_total(self) -> int:
        """How long it is."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield all records in pieces of bounded size.

        Raises:
            DataError: the source cannot be read on from some line.
        """
