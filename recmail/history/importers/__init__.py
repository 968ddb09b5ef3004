"""One file per kind of source: each yields records as text, in chunks, with the line where each begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Chunk:
    """Records in the order of their source.

    Attributes:
        records: one list of texts for each, as long as the source's columns unless the record is broken.
        lines: int64, the physical line (from 1) where each record begins.
    """

    records: list[list[str]]
    lines: np.ndarray

    def __len__(self) -> int:
        return len(self.records)


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
