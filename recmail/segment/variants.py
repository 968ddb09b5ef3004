"""Variants: each for its share of the people of a run, exact to one person.

Everybody has a number, drawn from the run and the user_id. In the order of these numbers the first so many
get the first variant, the next so many the second. Where one variant ends and the next begins is all that
has to be known of the whole audience: it is told to every planner, and whoever is planned, in any order and
on any machine, gets their variant by their user_id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recmail.segment.stable_hash import stable_hash


@dataclass(frozen=True)
class Allotment:
    """Which variant everybody of a run gets.

    Attributes:
        run: what the numbers are drawn for.
        names: of the variants, in the order of the campaign.
        starts: for each variant but the first, the lowest number of those who get it or a later one.
    """

    run: str
    names: tuple[str, ...]
    starts: tuple[int, ...]

    @classmethod
    def all_to(cls, name: str) -> Allotment:
        """Give everybody the same variant, as for looking at it."""
        return cls("", (name,), ())

    @classmethod
    def of_shares(cls, run: str, shares: Sequence[tuple[str, float]]) -> Allotment:
        """Allot an audience that nobody counted: the shares come out as they are within chance.

        Args:
            shares: name and share of each variant.
        """
        ends = np.cumsum([share for _, share in shares])[:-1]
        starts = tuple(min(int(end * 2**64), 2**64 - 1) for end in ends)
        return cls(run, tuple(name for name, _ in shares), starts)

    @classmethod
    def of_people(cls, run: str, shares: Sequence[tuple[str, float]], numbers: np.ndarray) -> Allotment:
        """Allot these people, exact to one person.

        Args:
            numbers: everybody's, as `numbers_of` draws them: uint64, in any order.
        """
        ends = np.cumsum(apportioned(len(numbers), [share for _, share in shares]))[:-1]
        inside = np.unique(ends[ends < len(numbers)])
        ranked = np.partition(numbers, inside) if len(inside) else numbers
        # Who comes later has a number too: none below 0, and as good as none above the last.
        starts = [0 if end == 0 else int(ranked[end]) if end < len(numbers) else 2**64 - 1 for end in ends]
        return cls(run, tuple(name for name, _ in shares), tuple(starts))

    def name_of(self, user_id: str) -> str:
        """Return the variant of one person."""
        return self.names[int(self.of([user_id])[0])]

    def of(self, user_ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """Return the variant of each of these people: int64, an index of `names`."""
        starts = np.array(self.starts, dtype=np.uint64)
        found: np.ndarray = np.searchsorted(starts, numbers_of(user_ids, self.run), side="right")
        return found


def numbers_of(user_ids: Sequence[str] | np.ndarray, run: str) -> np.ndarray:
    """Draw everybody's number: uint64, another one in each run."""
    return stable_hash(user_ids, f"variants of {run}")


def apportioned(number: int, shares: Sequence[float]) -> np.ndarray:
    """Divide a number of people: int64, each share of it rounded down or up, and together all of it.

    Shares are taken in proportion. Those with the largest remainder are rounded up, the first of equals.

    Source: the method of Hamilton, or of the largest remainder.
    """
    wanted = number * np.asarray(shares, dtype=np.float64) / np.sum(shares)
    whole = np.floor(wanted + 1e-9)  # 0.29 x 100 is 28.999999999999996
    left = number - int(whole.sum())
    first = np.argsort(-np.round(wanted - whole, 9), kind="stable")[:left]
    whole[first] += 1
    divided: np.ndarray = whole.astype(np.int64)
    return divided
