"""What most people took, as a scorer: what every other scorer has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from recmail.recommend.histories import Pairs, score_same
from recmail.records import GradedTriples


@dataclass(frozen=True)
class Settings:
    """Nothing to set."""


@dataclass(frozen=True)
class Popular:
    """The same ranking for everybody: how many people dealt with a course, by their grades.

    Attributes:
        count: float32, one for each known course.
        known: bool per course.
    """

    choices: ClassVar[tuple[Settings, ...]] = (Settings(),)
    personal: ClassVar[bool] = False

    count: np.ndarray
    known: np.ndarray

    @classmethod
    def fit(cls, triples: GradedTriples, *, courses: int, seed: int, settings: Settings = Settings()) -> Self:
        """Count; nothing is random.

        Raises:
            DataError: a grade is not a number.
            ModelError: fewer than two people or courses.
        """
        pairs = Pairs.of(triples, courses=courses)
        return cls(np.bincount(pairs.courses, weights=pairs.grades).astype(np.float32), pairs.known)

    def score(self, grades: sparse.csr_array, hints: sparse.csr_array | None = None) -> np.ndarray:
        """Score every course for everybody with a history; see Scorer.score."""
        return score_same(grades, self.known, self.count, hints=hints)

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> None:
        """Return None: the score has nothing to do with the person."""
        return

    def parts(self) -> dict[str, np.ndarray]:
        """Return the arrays to store."""
        return {"count": self.count, "known": self.known}

    def params(self) -> dict[str, Any]:
        """Return no settings, as JSON."""
        return {"settings": {}}

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        return cls(parts["count"], parts["known"])
