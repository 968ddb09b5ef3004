"""Item-kNN as a scorer: courses that are taken by the same people, a few neighbours of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from recmail.recommend.histories import PEOPLE_AT_ONCE, Pairs, place_known, score_known
from recmail.records import GradedTriples

COLUMNS_AT_ONCE = 512


@dataclass(frozen=True)
class Settings:
    """How many neighbours of each course count, and how much the likeness of rare courses is held back."""

    neighbours: int
    shrink: float


@dataclass(frozen=True)
class ItemKnn:
    """Likenesses of courses; a person's score is their sum over the history, times the grades.

    Source: Deshpande and Karypis 2004, "Item-based top-N recommendation algorithms"; shrinkage as in Bell
    and Koren 2007.

    Attributes:
        likeness: known x known courses, sparse float32: row taken, column offered; a column has at most
            `neighbours` entries, none on the diagonal.
        known: bool per course.
        scale: the highest grade of the fit; grades are divided by it.
    """

    choices: ClassVar[tuple[Settings, ...]] = (
        Settings(200, 5),
        Settings(200, 20),
        Settings(200, 50),
        Settings(1000, 50),
        Settings(1000, 100),
    )
    personal: ClassVar[bool] = True

    likeness: sparse.csr_array
    known: np.ndarray
    scale: float
    settings: Settings

    @classmethod
    def fit(
        cls, triples: GradedTriples, *, courses: int, seed: int, settings: Settings = Settings(200, 5)
    ) -> Self:
        """Compare every two courses; nothing is random.

        Raises:
            DataError: a grade is not a number.
            ModelError: fewer than two people or courses.
        """
        pairs = Pairs.of(triples, courses=courses)
        return cls(_likeness(pairs.table(), settings), pairs.known, pairs.scale, settings)

    def score(self, grades: sparse.csr_array, hints: sparse.csr_array | None = None) -> np.ndarray:
        """Score every course for every person; see Scorer.score."""
        return score_known(grades, self.known, self.scale, self._rank, hints=hints)

    def _rank(self, histories: sparse.csr_array) -> Iterator[np.ndarray]:
        for start in range(0, histories.shape[0], PEOPLE_AT_ONCE):
            yield (histories[start : start + PEOPLE_AT_ONCE] @ self.likeness).toarray()

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> np.ndarray:
        """Return what a grade of 1 for `taken[i]` adds to the score of `offered[i]`; see Scorer.weights."""
        both, rows, columns = place_known(self.known, taken, offered)
        found = np.zeros(len(taken), dtype=np.float32)
        wanted = rows * self.likeness.shape[1] + columns
        place = np.minimum(np.searchsorted(self._keys, wanted), max(len(self._keys) - 1, 0))
        if len(self._keys):
            stored = np.where(self._keys[place] == wanted, self.likeness.data[place], np.float32(0))
            found[both] = stored / np.float32(self.scale)
        return found

    @cached_property
    def _keys(self) -> np.ndarray:
        width = self.likeness.shape[1]
        rows = np.repeat(np.arange(width), np.diff(self.likeness.indptr))
        keys: np.ndarray = rows * width + self.likeness.indices
        return keys

    def parts(self) -> dict[str, np.ndarray]:
        """Return the arrays to store."""
        table = self.likeness
        return {"data": table.data, "indices": table.indices, "indptr": table.indptr, "known": self.known}

    def params(self) -> dict[str, Any]:
        """Return settings and scale, as JSON."""
        return {"settings": asdict(self.settings), "scale": self.scale}

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        width = int(parts["known"].sum())
        arrays = parts["data"], parts["indices"], parts["indptr"]
        likeness = sparse.csr_array(tuple(map(np.asarray, arrays)), shape=(width, width))
        return cls(likeness, parts["known"], params["scale"], Settings(**params["settings"]))


def _likeness(table: sparse.csr_array, settings: Settings) -> sparse.csr_array:
    """Return for every two courses the sum of products / (product of lengths + shrink), the best kept."""
    by_course, transposed = table.tocsc(), table.T.tocsr()
    length = np.sqrt(np.asarray(by_course.multiply(by_course).sum(axis=0)).ravel())
    kept = []
    for start in range(0, table.shape[1], COLUMNS_AT_ONCE):
        together = (transposed @ by_course[:, start : start + COLUMNS_AT_ONCE]).tocoo()
        row, column, value = together.row, together.col, together.data
        value = value / (length[row] * length[start + column] + np.float32(settings.shrink))
        value[row == start + column] = 0
        nearest = _nearest(row, column, value, settings.neighbours)
        triples = value[nearest], (row[nearest], column[nearest])
        kept.append(sparse.csc_array(triples, shape=together.shape))
    found = sparse.csr_array(sparse.hstack(kept, format="csr").astype(np.float32))
    found.sort_indices()
    return found


def _nearest(row: np.ndarray, column: np.ndarray, value: np.ndarray, neighbours: int) -> np.ndarray:
    """Return the places of the largest values above 0 of each column; of equal ones the first rows'."""
    order = np.lexsort((row, -value, column))
    first = np.searchsorted(column[order], column[order])
    return order[(np.arange(len(order)) - first < neighbours) & (value[order] > 0)]
