"""Who of the whole audience gets the courses that may only be shown so often.

Block by block from the top, and within a block offer by offer, everybody asks for the best that they may be
shown. Where more ask for a course than may see it, those with the highest scores get it, among equals by lot;
from then on it is closed, and the others ask for the best of what is left, until nobody is refused any more.
What somebody got is theirs: so every refusal is by a course that reached its limit and stays there. The lot
is drawn from the run's seed, the person and the course, and nothing depends on shards or workers.

It is the same code that fills a block of an email without limits: `choose` for variety, `admit` for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from recmail.filters.admission import admit
from recmail.filters.best import Candidates
from recmail.filters.block_places import Places, Source, spare_places
from recmail.filters.everybody import AT_ONCE, Audience
from recmail.filters.limits import NO_LIMIT
from recmail.filters.mixing import POOL, Tastes, choose, relevance, scale
from recmail.filters.stages import Stage
from recmail.filters.wishing import Ranked, from_further_down
from recmail.recommend.blocks import Variety


@dataclass(frozen=True)
class Allocation:
    """What everybody is shown, row i being user_no i, and what the limits took from them.

    Attributes:
        places: of each block that offers courses, without reserves.
        limits: int64, one for each course; NO_LIMIT where there is none.
        shown: int64, how many people each course was given to.
        displaced: int64, how many each course was refused to although it was the best for them.
        refused: bool, one for each user_no: some course was.
        ideal: what the best courses for everybody would have been worth, each from 0 to 1.
        worth: what those of them that they got are worth.
    """

    places: Sequence[Places]
    limits: np.ndarray
    shown: np.ndarray
    displaced: np.ndarray
    refused: np.ndarray
    ideal: float
    worth: float

    @property
    def closed(self) -> np.ndarray:
        """Tell which courses nobody else may be shown: bool, one for each."""
        found: np.ndarray = self.shown >= self.limits
        return found


@dataclass(frozen=True)
class _Claims:
    """Courses that people put into their places: row, course, score, and what it is worth to them, 0 to 1.

    Everybody's may be in memory together, so they are int32 and float32: 16 bytes for each.
    """

    row: np.ndarray
    course: np.ndarray
    score: np.ndarray
    worth: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def empty(cls, count: int) -> _Claims:
        """Make room for so many."""
        row, course = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
        return cls(row, course, np.empty(count, dtype=np.float32), np.empty(count, dtype=np.float32))

    def put(self, place: int, others: _Claims) -> None:
        """Put others in from this place on."""
        here = slice(place, place + len(others))
        self.row[here], self.course[here] = others.row, others.course
        self.score[here], self.worth[here] = others.score, others.worth

    def of(self, chosen: np.ndarray | slice) -> _Claims:
        """Return some of them, by their indices or a bool for each."""
        return _Claims(self.row[chosen], self.course[chosen], self.score[chosen], self.worth[chosen])


def allocate(
    audience: Audience, *, limits: np.ndarray, category_no: np.ndarray, tastes: Tastes | None, seed: int
) -> Allocation:
    """Settle who is shown what.

    Args:
        limits: int64, how many people each course may be shown to.
        tastes: of the audience; None when no block asks for variety.
        seed: of the run, for the lot.
    """
    allocating = _Allocating(audience, limits, category_no, tastes, seed)
    for stage, ranked in zip(audience.stages, audience.ranked, strict=True):
        allocating.fill(stage, ranked)
    return Allocation(
        places=list(allocating.places.values()),
        limits=limits,
        shown=limits - allocating.left,
        displaced=allocating.displaced,
        refused=allocating.refused,
        ideal=allocating.ideal,
        worth=allocating.worth,
    )


class _Allocating:
    """The state of the allocation: how often each course may still be shown, and the places so far."""

    def __init__(
        self,
        audience: Audience,
        limits: np.ndarray,
        category_no: np.ndarray,
        tastes: Tastes | None,
        seed: int,
    ) -> None:
        self.audience, self.category_no, self.tastes, self.seed = audience, category_no, tastes, seed
        self.left = limits.copy()
        self.places: dict[int, Places] = {}
        self.spare = spare_places(stage.block for stage in audience.stages)
        self.displaced = np.zeros(len(limits), dtype=np.int64)
        self.refused = np.zeros(len(audience.asked), dtype=bool)
        self.refusals = np.zeros(0, dtype=np.int64)  # row x courses + course, sorted
        self.ideal = self.worth = 0.0

    def fill(self, stage: Stage, ranked: Ranked) -> None:
        """Fill the places of a block that are still free from one offer."""
        if stage.number not in self.places:
            self.places[stage.number] = _places(stage, self.audience)
        places = self.places[stage.number]
        places.sources.append(Source(stage.name, _no_reasons, None))
        rows = np.flatnonzero(self.audience.asked & (places.filled < places.size))
        claims = self._claim(stage, ranked, rows, best=True)
        if not stage.limited:
            return
        self.ideal += float(claims.worth.sum())
        is_open = self.left[claims.course] > 0
        first, closed = int(is_open.sum()), claims.of(~is_open)
        self._refuse(closed)
        if first < len(is_open):
            claims = _joined(claims.of(is_open), self._ask_again(stage, ranked, closed))
        lost = self._grant(claims)
        self._refuse(claims.of(lost[lost < first]))
        while len(lost):
            claims = self._ask_again(stage, ranked, claims.of(lost))
            lost = self._grant(claims)

    def _ask_again(self, stage: Stage, ranked: Ranked, lost: _Claims) -> _Claims:
        """Take from people what they cannot have, and let them ask for the best of what is open."""
        for start in range(0, len(lost), AT_ONCE):
            _vacate(self.places[stage.number], lost.of(slice(start, start + AT_ONCE)))
            self.audience.let_go()
        return self._claim(stage, ranked, np.unique(lost.row), best=False)

    def _claim(self, stage: Stage, ranked: Ranked, rows: np.ndarray, *, best: bool) -> _Claims:
        """Let these people fill their places with the best that they may be shown.

        Args:
            best: the very best, closed or not: so it is known what the limits take from them.
        """
        places, count = self.places[stage.number], 0
        claims = _Claims.empty(int((places.size - places.filled[rows]).sum()))
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE].astype(np.int64)
            course, score = self.audience.read(ranked, some)
            low, high = scale(course, score)
            asked = self._without(stage, some, course, best)
            before = places.filled[some].copy()
            self._take(stage, asked, score, some)
            columns = np.arange(places.size)
            person, column = np.nonzero(
                (columns >= before[:, np.newaxis]) & (columns < places.filled[some][:, np.newaxis])
            )
            place = some[person], column
            score = places.score[place]
            worth = relevance(score, low[person, 0], high[person, 0])
            claims.put(count, _Claims(some[person], places.course[place], score, worth))
            count += len(person)
            self.audience.let_go()
        return claims.of(slice(count))

    def _without(self, stage: Stage, rows: np.ndarray, course: np.ndarray, best: bool) -> np.ndarray:
        """Return these people's candidates, -1 for what is in their email, refused or closed."""
        kept = course >= 0
        for places in self.places.values():
            for column in places.course[rows].T:
                kept &= course != column[:, np.newaxis]
        if stage.limited and not best:
            kept &= self.left[course] > 0
        if stage.limited and best and len(self.refusals):
            hit = np.flatnonzero(self.refused[rows])
            keys = rows[hit, np.newaxis] * len(self.left) + course[hit]
            found = np.searchsorted(self.refusals, keys).clip(max=len(self.refusals) - 1)
            kept[hit] &= self.refusals[found] != keys
        return np.where(kept, course, -1)

    def _take(self, stage: Stage, course: np.ndarray, score: np.ndarray, rows: np.ndarray) -> None:
        places, variety = self.places[stage.number], stage.block.variety
        more = np.zeros(len(rows), dtype=bool)
        if self.tastes is not None and variety != Variety():
            compared = _compared(course, stage.block.variety, max(POOL, places.size + self.spare))
            pool = Candidates(np.where(compared, course, -1), score, more)
            choose(places, pool, rows, variety=variety, tastes=self.tastes)
            course = np.where(compared, pool.course, course)
        admit(places, Candidates(course, score, more), rows, self.category_no)

    def _grant(self, claims: _Claims) -> np.ndarray:
        """Give every course to those who may see it; return the indices of the claims that are refused."""
        wanted = np.bincount(claims.course, minlength=len(self.left))
        contested = np.flatnonzero((wanted > self.left)[claims.course])
        contested = contested[np.argsort(claims.course[contested], kind="stable")]
        bounds = np.flatnonzero(np.diff(claims.course[contested], prepend=-1, append=-1)).tolist()
        losers = [self._losers(claims, contested[low:high]) for low, high in pairwise(bounds)]
        lost = np.sort(np.concatenate([contested[:0], *losers]))
        limited = self.left != NO_LIMIT
        self.left[limited] -= np.minimum(wanted, self.left)[limited]
        self.worth += float(claims.worth.sum() - claims.worth[lost].sum())
        return lost

    def _losers(self, claims: _Claims, asked: np.ndarray) -> np.ndarray:
        """Return which claims to one course are refused: the lowest scores, among equals by lot."""
        some = claims.of(asked)
        order = np.lexsort((some.row, lot(self.seed, some.row, some.course), -some.score))
        losers: np.ndarray = asked[order[self.left[some.course[0]] :]]
        return losers

    def _refuse(self, lost: _Claims) -> None:
        """Count what the limits take from people: courses that were the best for them."""
        self.displaced += np.bincount(lost.course, minlength=len(self.left))
        self.refused[lost.row] = True
        keys = lost.row.astype(np.int64) * len(self.left) + lost.course
        self.refusals = np.sort(np.concatenate([self.refusals, keys]))


def _places(stage: Stage, audience: Audience) -> Places:
    """Make the empty places of a block for everybody."""
    people, show, new = len(audience.asked), stage.block.show, audience.new_array
    course, score = new((people, show), np.int64), new((people, show), np.float32)
    course[:], score[:] = -1, -np.inf
    source, filled = new((people, show), np.int8), new((people,), np.int64)
    ideal, worth = new((people,), np.float64), new((people,), np.float64)
    return Places(stage.number, stage.block, course, score, source, filled, ideal, worth)


def _no_reasons(_people: np.ndarray, courses: np.ndarray) -> list[str]:
    return [""] * len(courses)


def _joined(first: _Claims, second: _Claims) -> _Claims:
    both = _Claims.empty(len(first) + len(second))
    both.put(0, first)
    both.put(len(first), second)
    return both


def _compared(course: np.ndarray, variety: Variety, most: int) -> np.ndarray:
    """Tell which candidates variety chooses from: so many of the best, and those from further down."""
    there = course >= 0
    needed = slice(course.shape[1] - from_further_down(variety), None)
    compared: np.ndarray = there & (there.cumsum(axis=1) <= most)
    compared[:, needed] = there[:, needed]
    return compared


def _vacate(places: Places, lost: _Claims) -> None:
    """Empty these places; what else these people have moves up."""
    column = (places.course[lost.row] == lost.course[:, np.newaxis]).argmax(axis=1)
    place = lost.row, column
    places.course[place], places.score[place], places.source[place] = -1, -np.inf, 0
    people = np.unique(lost.row)
    course = places.course[people]
    order = np.argsort(course < 0, axis=1, kind="stable")
    places.course[people] = np.take_along_axis(course, order, axis=1)
    places.score[people] = np.take_along_axis(places.score[people], order, axis=1)
    places.source[people] = np.take_along_axis(places.source[people], order, axis=1)
    places.filled[people] = (course >= 0).sum(axis=1)


def lot(seed: int, user_no: np.ndarray, course_no: np.ndarray) -> np.ndarray:
    """Return a number drawn for each person and course: uint64, the same for the same seed everywhere.

    Source: the mixing of Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
    """
    with np.errstate(over="ignore"):
        mixed = _mixed(np.uint64(seed & (2**64 - 1)) + user_no.astype(np.uint64) * _GOLDEN)
        return _mixed(mixed + course_no.astype(np.uint64) * _GOLDEN)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(number: np.ndarray) -> np.ndarray:
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = number ^ (number >> np.uint64(31))
    return mixed
