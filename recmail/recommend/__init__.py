"""What each person would want: scorers, one file each, and blocks/, which turn scores into offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from recmail.records import GradedTriples

if TYPE_CHECKING:
    from scipy import sparse


class Scorer(Protocol):
    """Ranks courses for people by what they did before; keeps no person.

    Attributes:
        choices: settings (a dataclass) that training tries, in an order in which one may climb to the best.
        personal: False for what is the same for everybody, to compare with; it is never what `auto` means.
    """

    choices: ClassVar[tuple[Any, ...]]
    personal: ClassVar[bool]

    @classmethod
    def fit(cls, triples: GradedTriples, *, courses: int, seed: int, settings: Any = ...) -> Self:
        """Learn from graded pairs; the same input and seed give the same scorer.

        Args:
            courses: how many the catalogue has; course_no is below it.
            settings: one of `choices` or its like; there is a default.

        Raises:
            DataError: a grade is not a number.
            ModelError: too little to learn from, or too little memory.
        """
        ...

    @property
    def known(self) -> np.ndarray:
        """Bool, one for each course of the catalogue it was fitted on: somebody had dealt with it."""
        ...

    def score(self, grades: sparse.csr_array, hints: sparse.csr_array | None = None) -> np.ndarray:
        """Score every course for every person of a shard, from that person's grades and hints alone.

        Args:
            grades: people x courses; the catalogue may have grown since the fit.
            hints: of the same shape: interest in courses that the person did not deal with, and that may
                be offered all the same: what their searches found.

        Returns:
            people x courses, float32, higher is better, for ranking only; -inf for courses that are not
            known, for those that the person has a grade for, and in the whole row of a person without a
            grade or a hint for a known course. A person's row does not depend on who else is in the shard.

        Raises:
            DataError: a grade is not a number.
        """
        ...

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> np.ndarray | None:
        """Return what a grade of 1 for the course `taken[i]` adds to the score of `offered[i]`, float32.

        None when the score is not a sum over the history. 0 where either course is not known.
        """
        ...

    def parts(self) -> dict[str, np.ndarray]:
        """Return the arrays to store."""
        ...

    def params(self) -> dict[str, Any]:
        """Return the rest of what it needs to be itself again, as JSON."""
        ...

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        ...


def graded_pairs(grades: sparse.csr_array, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (person, course) indices of all grades above 0 of courses that a scorer knows."""
    counted = counts(grades, known)
    people = np.repeat(np.arange(grades.shape[0]), np.diff(grades.indptr))
    return people[counted], grades.indices[counted]


def with_hints(grades: sparse.csr_array, hints: sparse.csr_array | None) -> sparse.csr_array:
    """Return all interest there is, float32: of a course with a grade and a hint the higher one."""
    if hints is None or not hints.nnz:
        return grades
    found: sparse.csr_array = grades.maximum(hints)
    return found


def counts(grades: sparse.csr_array, known: np.ndarray) -> np.ndarray:
    """Return bool for each stored grade: it is above 0 and of a course that a scorer knows."""
    counted: np.ndarray = (grades.data > 0) & (grades.indices < len(known))
    counted[counted] = known[grades.indices[counted]]
    return counted
