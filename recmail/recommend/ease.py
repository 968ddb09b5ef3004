"""EASE as a scorer: one dense table says what each course taken is worth for each course offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from recmail.errors import ModelError
from recmail.recommend.histories import PEOPLE_AT_ONCE, Pairs, place_known, score_known
from recmail.recommend.memory import available_bytes
from recmail.records import GradedTriples

COLUMNS_AT_ONCE = 512
BYTES_PER_PAIR = 12  # of courses while fitting: the float64 table that is inverted, and the float32 result


@dataclass(frozen=True)
class Settings:
    """How strongly the table is held back; the larger, the more only what many people did counts."""

    strength: float


@dataclass(frozen=True)
class Ease:
    """The best linear prediction of each course from all others.

    Source: Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data".

    Attributes:
        table: known x known courses, float32: row taken, column offered; 0 on the diagonal.
        known: bool per course.
        scale: the highest grade of the fit; grades are divided by it.
    """

    choices: ClassVar[tuple[Settings, ...]] = tuple(Settings(value) for value in (10, 30, 100, 300, 1000))
    personal: ClassVar[bool] = True

    table: np.ndarray
    known: np.ndarray
    scale: float
    settings: Settings

    @classmethod
    def fit(
        cls, triples: GradedTriples, *, courses: int, seed: int, settings: Settings = Settings(100)
    ) -> Self:
        """Invert the table of how often courses were taken together; nothing is random.

        Raises:
            DataError: a grade is not a number.
            ModelError: fewer than two people or courses, or the table would not fit into memory.
        """
        pairs = Pairs.of(triples, courses=courses)
        width = int(pairs.known.sum())
        _check_memory(width)
        return cls(_predictors(pairs.table(), settings.strength), pairs.known, pairs.scale, settings)

    def score(self, grades: sparse.csr_array, hints: sparse.csr_array | None = None) -> np.ndarray:
        """Score every course for every person; see Scorer.score."""
        return score_known(grades, self.known, self.scale, self._rank, hints=hints)

    def _rank(self, histories: sparse.csr_array) -> Iterator[np.ndarray]:
        table = np.asarray(self.table)
        for start in range(0, histories.shape[0], PEOPLE_AT_ONCE):
            yield histories[start : start + PEOPLE_AT_ONCE] @ table

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> np.ndarray:
        """Return what a grade of 1 for `taken[i]` adds to the score of `offered[i]`; see Scorer.weights."""
        both, rows, columns = place_known(self.known, taken, offered)
        found = np.zeros(len(taken), dtype=np.float32)
        found[both] = self.table[rows, columns] / np.float32(self.scale)
        return found

    def parts(self) -> dict[str, np.ndarray]:
        """Return the arrays to store."""
        return {"table": self.table, "known": self.known}

    def params(self) -> dict[str, Any]:
        """Return settings and scale, as JSON."""
        return {"settings": asdict(self.settings), "scale": self.scale}

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        return cls(parts["table"], parts["known"], params["scale"], Settings(**params["settings"]))


def _check_memory(width: int) -> None:
    needed, free = width**2 * BYTES_PER_PAIR, available_bytes()
    if needed > free:
        raise ModelError(
            f"ease: a table of {width:,} x {width:,} courses takes {needed / 1e9:,.1f} GB while it is "
            f"fitted, {free / 1e9:,.1f} GB are free"
        )


def _predictors(table: sparse.csr_array, strength: float) -> np.ndarray:
    """Return B of Steck's equation 8: P = (X'X + strength I)^-1, B = -P / diag(P), 0 on the diagonal."""
    gram = _gram(table)
    gram[np.diag_indices_from(gram)] += strength
    # In place: a transposed C-ordered array is what LAPACK takes without a copy, and the table is symmetric.
    factored, failed = lapack.dpotrf(gram.T, lower=0, overwrite_a=1)
    if not failed:
        inverse, failed = lapack.dpotri(factored, lower=0, overwrite_c=1)
    if failed:
        raise ModelError(f"ease: the courses' table cannot be inverted with a strength of {strength:g}")
    found = np.empty(gram.shape, dtype=np.float32)
    scale = -1 / np.diagonal(inverse)
    for start in range(0, len(found), COLUMNS_AT_ONCE):  # only the upper triangle was filled in
        some = slice(start, start + COLUMNS_AT_ONCE)
        rows = np.arange(start, min(start + COLUMNS_AT_ONCE, len(found)))
        below = np.arange(len(found)) < rows[:, np.newaxis]
        found[some] = np.where(below, inverse[:, some].T, inverse[some]) * scale
    np.fill_diagonal(found, 0)
    return found


def _gram(table: sparse.csr_array) -> np.ndarray:
    """Return courses x courses, float64, a few columns at a time: how often two were taken together."""
    width = table.shape[1]
    exact = table.astype(np.float64)
    by_course, transposed = exact.tocsc(), exact.T.tocsr()
    gram = np.empty((width, width))
    for start in range(0, width, COLUMNS_AT_ONCE):
        some = slice(start, start + COLUMNS_AT_ONCE)
        gram[:, some] = (transposed @ by_course[:, some]).toarray()
    return gram
