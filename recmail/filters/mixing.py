"""Variety within a block: unlike courses, few of a category, some from outside, some that are new.

The courses are chosen one place after the other by maximal marginal relevance: (1 - mix) x relevance - mix x
likeness to the most alike course that is in the block already, relevance being the score from 0 to 1 among
the best POOL. What a block must have (`outside_usual`, `new_releases`) takes the last places, when the
ranking has not brought it by then.

Source: Carbonell and Goldstein 1998, "The Use of MMR, Diversity-Based Reranking for Reordering Documents".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recmail.filters.best import Candidates, best
from recmail.filters.block_places import Places
from recmail.recommend.blocks import Variety
from recmail.recommend.categories import interest
from recmail.recommend.likeness import Content
from recmail.recommend.releases import published_within
from recmail.records import Catalogue, Offer, Shard

POOL = 50  # candidates that are compared: research measured with so many


@dataclass(frozen=True)
class Tastes:
    """What variety is judged by.

    Attributes:
        unusual: bool, people x (categories + 1): they have not tried it; False for the last, no category.
        new: bool, one for each course.
    """

    content: Content
    unusual: np.ndarray
    new: np.ndarray

    @classmethod
    def of(cls, shard: Shard, catalogue: Catalogue) -> Tastes:
        """Read them from the histories of a shard."""
        untried = interest(shard, catalogue) == 0
        return cls(
            content=Content.of(catalogue),
            unusual=np.column_stack([untried, np.zeros(len(shard), dtype=bool)]),
            new=published_within(catalogue, shard.now),
        )

    def outside(self, people: np.ndarray, courses: np.ndarray) -> np.ndarray:
        """Tell which courses are of a category that the person has not tried; -1, no course, is not."""
        category = np.append(self.content.category_no, np.int32(-1))[courses]
        found: np.ndarray = self.unusual[people[:, np.newaxis], category]
        return found

    def fresh(self, courses: np.ndarray) -> np.ndarray:
        """Tell which courses are new; -1, no course, is not."""
        found: np.ndarray = np.append(self.new, False)[courses]
        return found


def pool(
    offer: Offer, allowed: np.ndarray, people: np.ndarray, depth: int, *, variety: Variety, tastes: Tastes
) -> Candidates:
    """Return the best candidates, and the best of what the block must have if they are further down."""
    found = best(offer, allowed, people, depth)
    parts = [found]
    if variety.outside_usual:
        outside = tastes.unusual[:, tastes.content.category_no]
        parts.append(at_any_depth(offer, allowed & outside, people, variety.outside_usual))
    if variety.new_releases:
        parts.append(at_any_depth(offer, allowed & tastes.new, people, variety.new_releases))
    course = np.hstack([part.course for part in parts])
    score = np.hstack([part.score for part in parts])
    for column in range(depth, course.shape[1]):  # what is there twice is one candidate
        twice = (course[:, :column] == course[:, [column]]).any(axis=1)
        course[twice, column], score[twice, column] = -1, -np.inf
    return Candidates(course, score, found.more)


def at_any_depth(offer: Offer, allowed: np.ndarray, people: np.ndarray, count: int) -> Candidates:
    """Return the best `count`, looking further down a shared ranking until they are found."""
    depth = count
    while True:
        found = best(offer, allowed, people, depth)
        if not (found.more & (found.course[:, count - 1] < 0)).any():
            return Candidates(found.course[:, :count], found.score[:, :count], found.more)
        depth *= 8


def choose(
    places: Places, candidates: Candidates, people: np.ndarray, *, variety: Variety, tastes: Tastes
) -> None:
    """Fill the shown places of these people from candidates; those chosen become -1 among them."""
    choice = _Choice(places, candidates, people, variety, tastes)
    for rows, columns in choice.steps():
        courses = candidates.course[rows, columns]
        places.put(people[rows], courses, candidates.score[rows, columns])
        candidates.course[rows, columns] = -1


class _Choice:
    """Which candidate comes next, for all people at once."""

    def __init__(
        self, places: Places, candidates: Candidates, people: np.ndarray, variety: Variety, tastes: Tastes
    ) -> None:
        self.places, self.people, self.variety, self.tastes = places, people, variety, tastes
        self.course = candidates.course
        self.relevance = relevance(candidates.score, *scale(candidates.course, candidates.score))
        self.outside = tastes.outside(people, self.course)
        self.fresh = tastes.fresh(self.course)
        self.likeness = np.zeros(self.course.shape, dtype=np.float32)
        self.same = np.zeros(self.course.shape, dtype=np.int16)
        everybody = np.arange(len(people))
        for courses in places.shown[people].T:
            self._compare(everybody[courses >= 0], courses[courses >= 0])
        left = places.block.show - places.filled[people]
        there = self.course >= 0
        first = there & (there.cumsum(axis=1) <= left[:, np.newaxis])
        places.ideal[people] += np.where(first, self.relevance, 0).sum(axis=1)

    def steps(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the next choice (rows, columns) of everybody who has a free place and a candidate for it."""
        show = self.places.block.show
        for _ in range(show):
            free = self.places.filled[self.people] < show
            value = self._value()
            needed = np.where(self._wanted(), value, -np.inf)
            has_needed = (needed > -np.inf).any(axis=1)
            value[has_needed] = needed[has_needed]
            columns = value.argmax(axis=1)
            rows = np.flatnonzero(free & (value[np.arange(len(value)), columns] > -np.inf))
            if not len(rows):
                return
            columns = columns[rows]
            chosen = self.course[rows, columns]
            self.places.worth[self.people[rows]] += self.relevance[rows, columns]
            yield rows, columns
            self._compare(rows, chosen)

    def _value(self) -> np.ndarray:
        """Return the marginal relevance of every candidate, -inf for one that cannot be chosen."""
        mix = np.float32(self.variety.mix)
        value = (1 - mix) * self.relevance - mix * self.likeness
        value[self.course < 0] = -np.inf
        if self.variety.per_category is not None:
            value[self.same >= self.variety.per_category] = -np.inf
        return value

    def _wanted(self) -> np.ndarray:
        """Tell which candidates the block still must have, of people with no more places than that."""
        shown = self.places.shown[self.people]
        outside = self.variety.outside_usual - self.tastes.outside(self.people, shown).sum(axis=1)
        fresh = self.variety.new_releases - self.tastes.fresh(shown).sum(axis=1)
        left = self.places.block.show - self.places.filled[self.people]
        urgent = left <= np.maximum(outside, 0) + np.maximum(fresh, 0)
        wanted = (outside > 0)[:, np.newaxis] & self.outside | (fresh > 0)[:, np.newaxis] & self.fresh
        found: np.ndarray = wanted & urgent[:, np.newaxis]
        return found

    def _compare(self, rows: np.ndarray, courses: np.ndarray) -> None:
        """Take into account that these people's blocks now have one course more."""
        content, candidates = self.tastes.content, self.course[rows]
        if self.variety.mix:
            alike = content.alike(courses[:, np.newaxis], candidates)
            self.likeness[rows] = np.maximum(self.likeness[rows], alike)
        category = content.category_no[courses][:, np.newaxis]
        self.same[rows] += (content.category_no[candidates] == category) & (category >= 0)


def scale(course: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest score of each person's best POOL, people x 1."""
    there, score = course[:, :POOL] >= 0, score[:, :POOL]
    low = np.where(there, score, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    high = np.where(there, score, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    return low, high


def relevance(score: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return scores from 0 to 1 on a scale; what comes below it is worth 0."""
    spread = np.where(high > low, high - low, 1)
    one_score = ~(high > low)
    with np.errstate(invalid="ignore"):
        found = np.where(one_score, 1, (score - low) / spread)
    clipped: np.ndarray = np.clip(np.nan_to_num(found, nan=0.0, neginf=0.0), 0, 1).astype(np.float32)
    return clipped
