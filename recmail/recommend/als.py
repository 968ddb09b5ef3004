"""Implicit's ALS as a scorer: factors of courses, people folded in from their own history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from recmail.errors import ModelError
from recmail.recommend.histories import Pairs, in_blocks, known_histories, score_known
from recmail.records import GradedTriples


@dataclass(frozen=True)
class Settings:
    """How the factors are fitted.

    Attributes:
        confidence: how much more a course with the highest grade counts than one that was not met.
    """

    regularization: float
    confidence: float
    factors: int = 64
    iterations: int = 15


@dataclass(frozen=True)
class Als:
    """Courses' factors; no person is kept.

    A person's factors depend on all of the history at once, so the score is not a sum over it: ALS has no
    reasons. Source: Hu, Koren and Volinsky 2008, "Collaborative filtering for implicit feedback datasets".

    Attributes:
        item_factors: known courses x factors, float32.
        known: bool per course.
        scale: the highest grade of the fit; grades are divided by it.
    """

    choices: ClassVar[tuple[Settings, ...]] = (
        Settings(50, 10),
        Settings(100, 40),
        Settings(20, 40, factors=128),
        Settings(5, 40, factors=128),
    )
    personal: ClassVar[bool] = True

    item_factors: np.ndarray
    known: np.ndarray
    scale: float
    settings: Settings
    seed: int

    @classmethod
    def fit(
        cls, triples: GradedTriples, *, courses: int, seed: int, settings: Settings = Settings(20, 10)
    ) -> Self:
        """Fit implicit's ALS on graded pairs, and keep the courses' side.

        Raises:
            DataError: a grade is not a number.
            ModelError: fewer than two people or courses, or the fit did not converge.
        """
        pairs = Pairs.of(triples, courses=courses)
        model = _model(settings, seed)
        with _one_blas_thread():
            model.fit(sparse.csr_matrix(pairs.table()), show_progress=False)
        if not np.isfinite(model.item_factors).all():
            raise ModelError("als did not converge")
        return cls(model.item_factors, pairs.known, pairs.scale, settings, seed)

    def score(self, grades: sparse.csr_array, hints: sparse.csr_array | None = None) -> np.ndarray:
        """Score every course for every person, people folded in from their grades; see Scorer.score."""
        return score_known(grades, self.known, self.scale, self._rank, hints=hints)

    def people(self, grades: sparse.csr_array) -> np.ndarray:
        """Return people x factors, everybody folded in from their own grades; zeros without any."""
        return self._fold(known_histories(grades, self.known, self.scale))

    def _fold(self, histories: sparse.csr_array) -> np.ndarray:
        if not histories.shape[0]:
            return np.empty((0, self.item_factors.shape[1]), dtype=np.float32)
        with _one_blas_thread():
            everybody = np.arange(histories.shape[0])
            people: np.ndarray = self._folding.recalculate_user(everybody, sparse.csr_matrix(histories))
        return people

    def _rank(self, histories: sparse.csr_array) -> Iterator[np.ndarray]:
        return in_blocks(self._fold(histories), self._folding.item_factors)

    @cached_property
    def _folding(self) -> Any:
        model = _model(self.settings, self.seed)
        model.num_threads = 1  # shards run side by side
        model.item_factors = np.array(self.item_factors)  # stored ones are read-only; it wants to write
        return model

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> None:
        """Return None: the score is not a sum over the history."""
        return

    def parts(self) -> dict[str, np.ndarray]:
        """Return the arrays to store."""
        return {"item_factors": self.item_factors, "known": self.known}

    def params(self) -> dict[str, Any]:
        """Return settings, seed and scale, as JSON."""
        return {"settings": asdict(self.settings), "seed": self.seed, "scale": self.scale}

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        return cls(
            parts["item_factors"],
            parts["known"],
            params["scale"],
            Settings(**params["settings"]),
            params["seed"],
        )


def _model(settings: Settings, seed: int) -> Any:
    try:
        from implicit.cpu.als import AlternatingLeastSquares
    except ModuleNotFoundError as error:
        raise ModelError("als: implicit is not installed; install it with: pip install implicit") from error

    with _one_blas_thread():  # it looks for BLAS threads when it is made
        return AlternatingLeastSquares(
            factors=settings.factors,
            regularization=settings.regularization,
            alpha=settings.confidence,
            iterations=settings.iterations,
            random_state=seed % 2**32,
        )


def _one_blas_thread() -> AbstractContextManager[Any]:
    """Implicit has threads of its own; with BLAS's beside them it is up to ten times slower, and says so."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, "blas")
    return limits
