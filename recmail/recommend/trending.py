"""What most people took lately, as a scorer: what every other scorer has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from recmail.recommend.histories import Pairs, best_grades, score_same
from recmail.records import GradedTriples

DAY_US = 86_400 * 1_000_000


@dataclass(frozen=True)
class Settings:
    """How many days before the newest interaction still count."""

    days: int


@dataclass(frozen=True)
class Trending:
    """The same ranking for everybody: how many people dealt with a course lately, by their grades.

    Attributes:
        count: float32, one for each known course.
        known: bool per course: somebody had dealt with it, however long ago.
    """

    choices: ClassVar[tuple[Settings, ...]] = (Settings(30), Settings(90))
    personal: ClassVar[bool] = False

    count: np.ndarray
    known: np.ndarray
    settings: Settings

    @classmethod
    def fit(
        cls, triples: GradedTriples, *, courses: int, seed: int, settings: Settings = Settings(90)
    ) -> Self:
        """Count; nothing is random.

        Raises:
            DataError: a grade is not a number.
            ModelError: fewer than two people or courses.
        """
        known = Pairs.of(triples, courses=courses).known
        lately = triples.where(triples.at > triples.at.max() - settings.days * DAY_US)
        _, taken, grades = best_grades(lately)
        count = np.bincount(taken, weights=grades, minlength=courses)
        return cls(count[known].astype(np.float32), known, settings)

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
        """Return the settings, as JSON."""
        return {"settings": asdict(self.settings)}

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        return cls(parts["count"], parts["known"], Settings(**params["settings"]))
