"""How well a ranking finds what people took later: nDCG, recall and hit rate of the first ten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recmail.filters.best import top_columns
from recmail.records import GradedTriples

FIRST = 10
PEOPLE_AT_ONCE = 1_000
HELD_OUT_PART = 5  # the last fifth of each person's courses, rounded down, is held out

Rank = Callable[[sparse.csr_array], np.ndarray]


@dataclass(frozen=True)
class HeldOut:
    """A cut by time within each person: the earlier courses to learn from, the last fifth to find.

    Attributes:
        earlier: graded pairs to fit on.
        people: user_no of those who have something held out, ascending.
        seen: people x courses, float32: the earlier grades of these people.
        relevant: people x courses, bool: what is to be found.
    """

    earlier: GradedTriples
    people: np.ndarray
    seen: sparse.csr_array
    relevant: sparse.csr_array

    def of(self, rows: np.ndarray) -> HeldOut:
        """Return the same cut for some of the people only."""
        return HeldOut(self.earlier, self.people[rows], self.seen[rows], self.relevant[rows])


def hold_out(triples: GradedTriples, *, courses: int, relevant_from: float) -> HeldOut:
    """Hold out the last fifth of each person's courses by time; who has fewer than five keeps them all.

    Args:
        relevant_from: held-out courses with a lower grade (merely viewed, say) are not looked for.
    """
    order = np.lexsort((triples.course_no, triples.at, triples.user_no))
    users, items = triples.user_no[order], triples.course_no[order]
    grades, at = triples.grade[order], triples.at[order]
    _, first, counts = np.unique(users, return_index=True, return_counts=True)
    from_end = np.repeat(first + counts, counts) - np.arange(len(users))
    late = from_end <= np.repeat(counts // HELD_OUT_PART, counts)
    earlier = GradedTriples(users[~late], items[~late], grades[~late], at[~late])
    wanted = late & (grades >= relevant_from)
    people = np.unique(users[wanted])

    def table(kept: np.ndarray, values: np.ndarray) -> sparse.csr_array:
        rows = np.searchsorted(people, users[kept])
        return sparse.csr_array((values, (rows, items[kept])), shape=(len(people), courses))

    seen = ~late & np.isin(users, people)
    return HeldOut(earlier, people, table(seen, grades[seen]), table(wanted, np.ones(wanted.sum(), bool)))


def measure(rank: Rank, cut: HeldOut) -> dict[str, float]:
    """Measure a ranking on held-out courses, among all courses that the person had not met before.

    nDCG is binary, its ideal over as many places as there are relevant courses, at most ten; all three are
    means over people (Jarvelin and Kekalainen 2002, "Cumulated gain-based evaluation of IR techniques").

    Args:
        rank: from people x courses grades to scores of the same shape, or 1 x courses.
    """
    gains = 1 / np.log2(np.arange(2, FIRST + 2))
    sums = np.zeros(3)
    for start in range(0, len(cut.people), PEOPLE_AT_ONCE):
        rows = slice(start, start + PEOPLE_AT_ONCE)
        seen, relevant = cut.seen[rows], cut.relevant[rows]
        scores = np.array(np.broadcast_to(rank(seen), seen.shape))
        scores[seen.nonzero()] = -np.inf
        top = top_columns(scores, FIRST)
        ranked = np.take_along_axis(scores, top, axis=1) > -np.inf
        hits = np.take_along_axis(relevant.toarray(), top, axis=1) & ranked
        wanted = relevant.sum(axis=1)
        ideal = np.cumsum(gains)[np.minimum(wanted, FIRST) - 1]
        ndcg = (hits * gains[: hits.shape[1]]).sum(axis=1) / ideal
        sums += ndcg.sum(), (hits.sum(axis=1) / wanted).sum(), hits.any(axis=1).sum()
    ndcg_mean, recall, hit_rate = (round(float(value / len(cut.people)), 4) for value in sums)
    return {"ndcg_at_10": ndcg_mean, "recall_at_10": recall, "hit_rate_at_10": hit_rate}


def popularity(cut: HeldOut, *, relevant_from: float) -> np.ndarray:
    """Return the ranking that is the same for all: how many people took each course earlier, 1 x courses."""
    taken = cut.earlier.course_no[cut.earlier.grade >= relevant_from]
    return np.bincount(taken, minlength=cut.seen.shape[1])[np.newaxis].astype(np.float32)
