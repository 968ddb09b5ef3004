"""What a ranking is worth: how well it finds what people took later, and how varied what it shows is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recmail.evaluate.cut import HeldOut
from recmail.filters.best import top_columns

FIRST = 10
PEOPLE_AT_ONCE = 1_000
ACCURACY = ("ndcg_at_10", "precision_at_10", "recall_at_10", "map_at_10", "hit_rate_at_10")

Rank = Callable[[sparse.csr_array], np.ndarray]
"""From people x courses grades to scores of the same shape."""


@dataclass(frozen=True)
class Lists:
    """The first ten courses of each person, among all that they had not met before.

    Attributes:
        course: int64, people x 10, course_no; -1 where there are no more.
        hit: bool, people x 10: the course was taken later.
        wanted: how many courses each person took later.
    """

    course: np.ndarray
    hit: np.ndarray
    wanted: np.ndarray


def lists(rank: Rank, held: HeldOut) -> Lists:
    """Rank for all people of a cut and keep their first ten."""
    count = len(held.people)
    course = np.full((count, FIRST), -1, dtype=np.int64)
    hit = np.zeros((count, FIRST), dtype=bool)
    for start in range(0, count, PEOPLE_AT_ONCE):
        rows = np.arange(start, min(start + PEOPLE_AT_ONCE, count))
        part = held.of(rows)
        found = top_lists(rank(part.seen), part)
        course[rows], hit[rows] = found.course, found.hit
    return Lists(course, hit, np.asarray(held.relevant.sum(axis=1)))


def top_lists(scores: np.ndarray, held: HeldOut) -> Lists:
    """Return the first ten of scores, people x courses, for all people of a cut."""
    top = top_columns(scores, FIRST)
    ranked = np.take_along_axis(scores, top, axis=1) > -np.inf
    shape = len(scores), FIRST
    course, hit = np.full(shape, -1, dtype=np.int64), np.zeros(shape, dtype=bool)
    course[:, : top.shape[1]] = np.where(ranked, top, -1)
    hit[:, : top.shape[1]] = np.take_along_axis(held.relevant.toarray(), top, axis=1) & ranked
    return Lists(course, hit, np.asarray(held.relevant.sum(axis=1)))


def accuracy(found: Lists) -> dict[str, np.ndarray]:
    """Return each measure for each person, by the names of ACCURACY.

    Relevance is yes or no. nDCG's ideal fills as many places as there are relevant courses, at most ten
    (Jarvelin and Kekalainen 2002, "Cumulated gain-based evaluation of IR techniques"); precision divides by
    ten, recall and average precision by all that is relevant. ir-measures computes the same.
    """
    gains = 1 / np.log2(np.arange(2, FIRST + 2))
    hits = found.hit.cumsum(axis=1)
    ideal = np.cumsum(gains)[np.minimum(found.wanted, FIRST) - 1]
    precisions = hits / np.arange(1, FIRST + 1)
    columns = (
        (found.hit * gains).sum(axis=1) / ideal,
        hits[:, -1] / FIRST,
        hits[:, -1] / found.wanted,
        (precisions * found.hit).sum(axis=1) / found.wanted,
        (hits[:, -1] > 0).astype(np.float64),
    )
    return dict(zip(ACCURACY, columns, strict=True))


@dataclass(frozen=True)
class Courses:
    """What is needed of the courses to say how varied lists are.

    Attributes:
        category_no: code of the category, -1 where there is none.
        taken: how many people had dealt with each course earlier.
    """

    category_no: np.ndarray
    taken: np.ndarray


def variety(found: Lists, courses: Courses) -> dict[str, float]:
    """Say how varied the lists are, all in all.

    coverage: share of the courses that anybody had dealt with which are in anybody's list.
    diversity: of two courses of one list, how often their categories differ (a course without a category
        differs from every other); intra-list diversity, the mean over people.
    novelty: mean surprise in bits, -log2 of the share of people who had dealt with a course.
    gini: 0 when all these courses are shown equally often, near 1 when a few are all that is shown.
    """
    shown = found.course >= 0
    times = np.bincount(found.course[shown], minlength=len(courses.taken))
    times = times[courses.taken > 0]
    return {
        "coverage": float((times > 0).mean()) if len(times) else 0.0,
        "diversity": _diversity(found.course, courses.category_no),
        "novelty": _novelty(found.course[shown], courses.taken),
        "gini": _gini(times),
    }


def _diversity(course: np.ndarray, category_no: np.ndarray) -> float:
    first, second = np.triu_indices(FIRST, 1)
    category = np.where(course >= 0, category_no[course], -1)
    there = (course[:, first] >= 0) & (course[:, second] >= 0)
    differ = (category[:, first] != category[:, second]) | (category[:, first] < 0)
    pairs = there.sum(axis=1)
    shares = (differ & there).sum(axis=1)[pairs > 0] / pairs[pairs > 0]
    return float(shares.mean()) if len(shares) else 0.0


def _novelty(shown: np.ndarray, taken: np.ndarray) -> float:
    if not len(shown):
        return 0.0
    share = np.maximum(taken[shown], 1) / max(float(taken.max()), 1.0)
    return float(-np.log2(share).mean())


def _gini(times: np.ndarray) -> float:
    if not times.sum():
        return 0.0
    ordered = np.sort(times)
    count = len(ordered)
    weighted = (np.arange(1, count + 1) * ordered).sum()
    return float(2 * weighted / (count * ordered.sum()) - (count + 1) / count)
