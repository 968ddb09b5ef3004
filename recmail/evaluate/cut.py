"""Cuts by time: what each person did earlier to learn from, what they took last to be found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy import sparse

from recmail.history.reading import faded
from recmail.records import GradedTriples

HELD_OUT_PART = 5  # the last fifth of each person's courses, rounded down but at least one, is held out


@dataclass(frozen=True)
class HeldOut:
    """A cut within each person's history: the earlier courses to learn from, the last fifth to find.

    Attributes:
        earlier: graded pairs to fit on.
        people: user_no of those who have something held out, ascending.
        seen: people x courses, float32: the earlier grades of these people, faded.
        relevant: people x courses, bool: what is to be found.
    """

    earlier: GradedTriples
    people: np.ndarray
    seen: sparse.csr_array
    relevant: sparse.csr_array

    @property
    def courses(self) -> int:
        """How many courses the catalogue has."""
        return int(self.seen.shape[1])

    def of(self, rows: np.ndarray) -> HeldOut:
        """Return the same cut for some of the people only."""
        return HeldOut(self.earlier, self.people[rows], self.seen[rows], self.relevant[rows])

    def sample(self, at_most: int, seed: int) -> HeldOut:
        """Return the same cut for so many people, drawn at random."""
        if len(self.people) <= at_most:
            return self
        return self.of(np.sort(np.random.default_rng(seed).permutation(len(self.people))[:at_most]))


def hold_out(
    triples: GradedTriples, *, courses: int, relevant_from: float, half_life: timedelta | None = None
) -> HeldOut:
    """Hold out the last fifth of each person's courses by time; who has a single one keeps it.

    Nobody's future is learned from to find it: what a person did later than the cut is in no fit. Of a
    person with several courses at the very same time those with the higher course_no count as later.

    Args:
        relevant_from: held-out courses with a lower grade (merely viewed, say) are not looked for.
        half_life: earlier grades fade with it, as they do when campaigns are planned.
    """
    order = np.lexsort((triples.course_no, triples.at, triples.user_no))
    ordered = triples.where(order)
    _, first, counts = np.unique(ordered.user_no, return_index=True, return_counts=True)
    last = np.where(counts > 1, np.maximum(counts // HELD_OUT_PART, 1), 0)
    from_end = np.repeat(first + counts, counts) - np.arange(len(ordered))
    late = from_end <= np.repeat(last, counts)
    return cut(ordered, late, courses=courses, relevant_from=relevant_from, half_life=half_life)


def cut(
    triples: GradedTriples,
    late: np.ndarray,
    *,
    courses: int,
    relevant_from: float,
    half_life: timedelta | None = None,
) -> HeldOut:
    """Hold out the pairs that `late` chooses, a bool for each; the rest as in `hold_out`."""
    wanted = triples.where(late & (triples.grade >= relevant_from))
    people = np.unique(wanted.user_no)
    earlier = triples.where(~late)
    seen = earlier.where(np.isin(earlier.user_no, people))

    def table(pairs: GradedTriples, values: np.ndarray) -> sparse.csr_array:
        rows = np.searchsorted(people, pairs.user_no)
        return sparse.csr_array((values, (rows, pairs.course_no)), shape=(len(people), courses))

    newest = datetime.fromtimestamp(triples.at.max(initial=0) / 1e6, UTC)
    grades = faded(seen.grade, seen.at, newest, half_life)
    return HeldOut(earlier, people, table(seen, grades), table(wanted, np.ones(len(wanted), bool)))
