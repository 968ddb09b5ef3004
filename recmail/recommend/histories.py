"""What all scorers share: graded pairs made ready for a fit, histories made ready to be scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recmail.errors import DataError, ModelError
from recmail.recommend import counts, graded_pairs, with_hints
from recmail.records import GradedTriples

# Rows scored by one matrix product. Always this many, the last ones padded with zeros: a product's last
# bits may depend on its shape, and a person's scores must not depend on the shard they are in.
PEOPLE_AT_ONCE = 256


@dataclass(frozen=True)
class Pairs:
    """Graded pairs to fit on, sorted by person and course, each pair once.

    Attributes:
        users: from 0, without gaps, in the order of user_no.
        courses: from 0, without gaps: places among the known courses.
        grades: float32, above 0 and at most 1: shares of `scale`.
        known: bool for each course of the catalogue.
        scale: the highest grade.
    """

    users: np.ndarray
    courses: np.ndarray
    grades: np.ndarray
    known: np.ndarray
    scale: float

    @classmethod
    def of(cls, triples: GradedTriples, *, courses: int) -> Pairs:
        """Take grades above 0, the best of a pair that is there twice.

        Raises:
            DataError: a grade is not a number.
            ModelError: fewer than two people or courses.
        """
        users, items, grades = best_grades(triples)
        people, users = np.unique(users, return_inverse=True)
        met, items = np.unique(items, return_inverse=True)
        _check_enough(pairs=len(users), people=len(people), courses=len(met))
        known = np.zeros(courses, dtype=bool)
        known[met] = True
        scale = float(grades.max())
        return cls(users, items, grades / np.float32(scale), known, scale)

    def table(self) -> sparse.csr_array:
        """Return people x known courses, float32."""
        shape = int(self.users[-1]) + 1, int(self.known.sum())
        return sparse.csr_array((self.grades, (self.users, self.courses)), shape=shape)


def best_grades(triples: GradedTriples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return users, courses and grades above 0, sorted by both, each pair once with its best grade."""
    if not np.isfinite(triples.grade).all():
        raise DataError("a grade is not a number")
    order = np.lexsort((-triples.grade, triples.course_no, triples.user_no))
    users, courses, grades = (array[order] for array in (triples.user_no, triples.course_no, triples.grade))
    first = np.ones(len(users), dtype=bool)
    first[1:] = (users[1:] != users[:-1]) | (courses[1:] != courses[:-1])
    first &= grades > 0
    return users[first], courses[first], grades[first]


def _check_enough(*, pairs: int, people: int, courses: int) -> None:
    if people >= 2 and courses >= 2:
        return
    raise ModelError(
        f"too little to learn from: graded pairs: {pairs:,}, people: {people:,}, courses: {courses:,}; "
        "it takes at least 2 people and 2 courses (who switched personalization off is not counted); "
        "import interactions with: recmail import interactions FILE.csv"
    )


def known_histories(grades: sparse.csr_array, known: np.ndarray, scale: float) -> sparse.csr_array:
    """Return people x known courses, float32 shares of `scale`, courses in ascending order.

    A product with it sums each row alone and in that order: a person's sums are the same in any shard.

    Raises:
        DataError: a grade is not a number.
    """
    if not np.isfinite(grades.data).all():
        raise DataError("a grade is not a number")
    ordered = grades.sorted_indices()
    kept = counts(ordered, known)
    people = np.repeat(np.arange(grades.shape[0]), np.diff(ordered.indptr))[kept]
    starts = np.concatenate([[0], np.cumsum(np.bincount(people, minlength=grades.shape[0]))])
    places = np.cumsum(known) - 1
    shares = (ordered.data[kept] / np.float32(scale)).astype(np.float32)
    shape = grades.shape[0], int(known.sum())
    return sparse.csr_array((shares, places[ordered.indices[kept]], starts), shape=shape)


def score_known(
    grades: sparse.csr_array,
    known: np.ndarray,
    scale: float,
    rank: Callable[[sparse.csr_array], Iterator[np.ndarray]],
    *,
    hints: sparse.csr_array | None = None,
) -> np.ndarray:
    """Return what Scorer.score has to: what `rank` says of the known courses, -inf for all others.

    Args:
        rank: from people x known courses to scores of that shape, in pieces of any number of people.
    """
    scores = np.full(grades.shape, -np.inf, dtype=np.float32)
    histories = known_histories(with_hints(grades, hints), known, scale)
    there = np.flatnonzero(known[: grades.shape[1]])
    into = slice(0, len(there)) if known[: len(there)].all() else there  # a slice is copied at once
    start = 0
    for piece in rank(histories):
        scores[start : start + len(piece), into] = piece[:, : len(there)]
        start += len(piece)
    people, courses = graded_pairs(grades, known)
    scores[people, courses] = -np.inf
    scores[np.diff(histories.indptr) == 0] = -np.inf
    return scores


def score_same(
    grades: sparse.csr_array, known: np.ndarray, scores: np.ndarray, *, hints: sparse.csr_array | None
) -> np.ndarray:
    """Return what Scorer.score has to when everybody has the same scores, one for each known course."""
    return score_known(
        grades,
        known,
        1.0,
        lambda histories: iter([np.broadcast_to(scores, (histories.shape[0], len(scores)))]),
        hints=hints,
    )


def in_blocks(people: np.ndarray, courses: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the products of people's and courses' factors, in blocks of always the same shape."""
    for start in range(0, len(people), PEOPLE_AT_ONCE):
        rows = people[start : start + PEOPLE_AT_ONCE]
        block = np.zeros((PEOPLE_AT_ONCE, people.shape[1]), dtype=courses.dtype)
        block[: len(rows)] = rows
        yield (block @ courses.T)[: len(rows)]


def place_known(
    known: np.ndarray, taken: np.ndarray, offered: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which pairs of courses are both known, and the places of those among the known courses."""
    both = (taken < len(known)) & (offered < len(known))
    both[both] = known[taken[both]] & known[offered[both]]
    places = np.cumsum(known) - 1
    return both, places[taken[both]], places[offered[both]]
