"""Why a course was offered: the course of the person's own history that did most for its score."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recmail.recommend import Scorer, counts, graded_pairs, with_hints

# Of all that speaks for an offered course. On coco-udemy (1,500 learners, their first 4, EASE): with less
# than .3 the offered course falls by 2 places without its reason and leaves the first ten in 4 of 100 cases;
# from .3 to .5 by 4, in 20 of 100; from .5 to .75 by 16, in 65; above by 768, in 99. 98 of 100 have .3.
STRONG = 0.3
NO_REASON = -1
ROWS_AT_ONCE = 512  # histories scored together without one of their courses; bounds memory


def because(
    scorer: Scorer,
    grades: sparse.csr_array,
    people: np.ndarray,
    courses: np.ndarray,
    *,
    hints: sparse.csr_array | None = None,
    scores: np.ndarray | None = None,
    strong: float = STRONG,
) -> np.ndarray:
    """Return for each pair the course of the person's history that brought the offered course, or -1.

    It is the course that adds most to the offered one's score. It is named only when it is true to say so:
    it adds at least `strong` of all that speaks for the offered course, and without it the offered course
    would stand lower among all courses that are new to the person (leave-one-out, scored anew by the whole
    scorer; the left out course itself is no competitor). A scorer that is not a sum over the history has no
    reasons.

    Args:
        grades: people x courses of the shard, what the scores came from.
        people: rows of `grades`.
        courses: course_no of what was offered, one for each of `people`.
        hints: what else the scores came from; it speaks for courses too, and is never named.
        scores: what `scorer.score(grades, hints)` returned, where that is at hand.

    Returns:
        int64, course_no or -1.
    """
    named, share = strongest(scorer, grades, people, courses, hints=hints)
    named[share < strong] = NO_REASON
    checked = np.flatnonzero(named != NO_REASON)
    offered = people[checked], courses[checked]
    lost = ranks_lost(scorer, grades, *offered, without=named[checked], hints=hints, scores=scores)
    named[checked[lost <= 0]] = NO_REASON
    return named


def strongest(
    scorer: Scorer,
    grades: sparse.csr_array,
    people: np.ndarray,
    courses: np.ndarray,
    *,
    hints: sparse.csr_array | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each pair the course that adds most, -1 when none adds anything, and its share.

    The share is of the sum of all that adds: what speaks against the offered course does not make a reason
    stronger, and what `hints` add makes it weaker. Of two that add the same it is the lower course_no.
    """
    pair, taken, grade = _histories(with_hints(grades, hints), people, scorer.known)
    named = np.full(len(people), NO_REASON, dtype=np.int64)
    share = np.zeros(len(people))
    weights = scorer.weights(taken, courses[pair])
    if weights is None or not len(pair):
        return named, share
    adds = np.maximum(weights.astype(np.float64) * grade, 0)
    total = np.bincount(pair, weights=adds, minlength=len(people))
    if hints is not None:
        adds[~_are_stored(grades, people[pair], taken)] = 0  # what is only hinted at is never named
    order = np.lexsort((taken, -adds, pair))
    first = order[np.unique(pair[order], return_index=True)[1]]
    first = first[adds[first] > 0]
    named[pair[first]] = taken[first]
    share[pair[first]] = adds[first] / total[pair[first]]
    return named, share


def ranks_lost(
    scorer: Scorer,
    grades: sparse.csr_array,
    people: np.ndarray,
    courses: np.ndarray,
    *,
    without: np.ndarray,
    hints: sparse.csr_array | None = None,
    scores: np.ndarray | None = None,
) -> np.ndarray:
    """Return how many places each offered course falls when one course leaves the person's history.

    Args:
        without: the course_no that leaves, one for each pair.
        hints: what else the scores came from; they stay.
        scores: what `scorer.score(grades, hints)` returned, where that is at hand.
    """
    width = grades.shape[1]
    lost = np.zeros(len(people), dtype=np.int64)
    keys, row_of = np.unique(people * width + without, return_inverse=True)
    for start in range(0, len(keys), ROWS_AT_ONCE):
        who, left_out = np.divmod(keys[start : start + ROWS_AT_ONCE], width)
        pairs = np.flatnonzero((row_of >= start) & (row_of < start + ROWS_AT_ONCE))
        row, offered = row_of[pairs] - start, courses[pairs]
        with_it, row_of_person = _whole(scorer, grades, hints, who, scores)
        hinted = None if hints is None else _leave_out(hints[who], left_out)
        without_it = scorer.score(_leave_out(grades[who], left_out), hinted)
        without_it[np.arange(len(who)), left_out] = -np.inf
        before = _rank(with_it, row_of_person[row], offered)
        lost[pairs] = _rank(without_it, row, offered) - before
    return lost


def _whole(
    scorer: Scorer,
    grades: sparse.csr_array,
    hints: sparse.csr_array | None,
    who: np.ndarray,
    scores: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores from whole histories and the row of each of `who` in them: each person is scored once."""
    if scores is not None:
        return scores, who
    people, row = np.unique(who, return_inverse=True)
    return scorer.score(grades[people], None if hints is None else hints[people]), row


def _histories(
    grades: sparse.csr_array, people: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each pair's place, once for every known course of that person's history, with its grade."""
    histories = grades[people].sorted_indices()
    pair, taken = graded_pairs(histories, known)
    return pair, taken.astype(np.int64), histories.data[counts(histories, known)]


def _are_stored(grades: sparse.csr_array, people: np.ndarray, courses: np.ndarray) -> np.ndarray:
    """Tell for each pair whether the person has a grade for the course."""
    width = grades.shape[1]
    rows = np.repeat(np.arange(grades.shape[0]), np.diff(grades.indptr))
    graded = (rows * width + grades.indices)[grades.data > 0]
    found: np.ndarray = np.isin(people * width + courses, graded)
    return found


def _leave_out(grades: sparse.csr_array, course: np.ndarray) -> sparse.csr_array:
    """Return the histories, the course `course[i]` gone from row i."""
    rows = np.repeat(np.arange(grades.shape[0]), np.diff(grades.indptr))
    left = grades.copy()
    left.data[left.indices == course[rows]] = 0
    left.eliminate_zeros()
    return left


def _rank(scores: np.ndarray, row: np.ndarray, course: np.ndarray) -> np.ndarray:
    """Return how many courses have a higher score; without any score the course is behind all of them."""
    mine = scores[row, course]
    ranks = np.empty(len(row), dtype=np.int64)
    for start in range(0, len(row), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        ranks[some] = (scores[row[some]] > mine[some, np.newaxis]).sum(axis=1)
    ranks[np.isneginf(mine)] = scores.shape[1]
    return ranks
