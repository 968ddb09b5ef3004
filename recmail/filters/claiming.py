"""Who gets a course that more people ask for than may be shown it.

Block by block from the top, and within a block offer by offer, everybody asks for the best that they may be
shown. Where more ask for a course than may see it, those with the highest scores get it, among equals by lot;
from then on it is closed, and the others ask for the best of what is left, until nobody is refused any more.
What somebody got is theirs: so every refusal is by a course that reached its limit and stays there. The lot
is drawn from the run's seed, the person and the course, and nothing depends on shards or workers.

It is the same code that fills a block of an email without limits: `choose` for variety, `admit` for the rest.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from recmail.filters.admission import admit
from recmail.filters.all_emails import Emails
from recmail.filters.best import Candidates
from recmail.filters.block_places import Places, Source, spare_places
from recmail.filters.everybody import AT_ONCE
from recmail.filters.limits import NO_LIMIT
from recmail.filters.lots import Claims, joined, lot
from recmail.filters.mixing import POOL, choose, relevance, scale
from recmail.filters.stages import Stage
from recmail.filters.wishing import Ranked, from_further_down
from recmail.recommend.blocks import Variety


class Given:
    """What some people get when all of them ask at once, what others have being left alone.

    Attributes:
        people: bool, one for each user_no.
        left: int64, how often each course may still be shown; NO_LIMIT where there is none.
        displaced: int64, how many people each course was refused to although it was the best for them.
    """

    def __init__(self, emails: Emails, people: np.ndarray, left: np.ndarray) -> None:
        self.emails, self.people, self.left = emails, people, left.copy()
        self.audience = emails.audience
        self.spare = spare_places(stage.block for stage in self.audience.stages)
        self.displaced = np.zeros(len(left), dtype=np.int64)
        self.refusals = np.zeros(0, dtype=np.int64)  # row x courses + course, sorted
        emails.clear(people)
        for stage, ranked in zip(self.audience.stages, self.audience.ranked, strict=True):
            self._fill(stage, ranked)

    def let_go(self, rows: np.ndarray) -> None:
        """Let some of these people leave; the courses that they have may be shown to others."""
        self.people = self.people.copy()
        self.people[rows] = False
        limited = self.left != NO_LIMIT
        self.left[limited] += self.emails.held(rows)[limited]
        person, course = np.divmod(self.refusals, len(self.left))
        self.displaced -= np.bincount(course[~self.people[person]], minlength=len(self.left))

    def _fill(self, stage: Stage, ranked: Ranked) -> None:
        """Fill the places of a block that are still free from one offer."""
        places = self.emails.places[stage.number]
        places.sources.append(Source(stage.name, _no_reasons, None))
        rows = np.flatnonzero(self.people & (places.filled < places.size))
        claims = self._claim(stage, ranked, rows, best=True)
        if not stage.limited:
            return
        np.add.at(self.emails.ideal, claims.row, claims.worth)
        is_open = self.left[claims.course] > 0
        first, closed = int(is_open.sum()), claims.of(~is_open)
        self._refuse(closed)
        if first < len(is_open):
            claims = joined(claims.of(is_open), self._ask_again(stage, ranked, closed))
        lost = self._grant(claims)
        self._refuse(claims.of(lost[lost < first]))
        while len(lost):
            claims = self._ask_again(stage, ranked, claims.of(lost))
            lost = self._grant(claims)

    def _ask_again(self, stage: Stage, ranked: Ranked, lost: Claims) -> Claims:
        """Take from people what they cannot have, and let them ask for the best of what is open."""
        for start in range(0, len(lost), AT_ONCE):
            _vacate(self.emails.places[stage.number], lost.of(slice(start, start + AT_ONCE)))
            self.audience.let_go()
        return self._claim(stage, ranked, np.unique(lost.row), best=False)

    def _claim(self, stage: Stage, ranked: Ranked, rows: np.ndarray, *, best: bool) -> Claims:
        """Let these people fill their places with the best that they may be shown.

        Args:
            best: the very best, closed or not: so it is known what the limits take from them.
        """
        places, count = self.emails.places[stage.number], 0
        claims = Claims.empty(int((places.size - places.filled[rows]).sum()))
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
            claims.put(count, Claims(some[person], places.course[place], score, worth))
            count += len(person)
            self.audience.let_go()
        return claims.of(slice(count))

    def _without(self, stage: Stage, rows: np.ndarray, course: np.ndarray, best: bool) -> np.ndarray:
        """Return these people's candidates, -1 for what is in their email, refused or closed."""
        kept = course >= 0
        for places in self.emails.places.values():
            for column in places.course[rows].T:
                kept &= course != column[:, np.newaxis]
        if stage.limited and not best:
            kept &= self.left[course] > 0
        if stage.limited and best and len(self.refusals):
            hit = np.flatnonzero(self.emails.refused[rows])
            keys = rows[hit, np.newaxis] * len(self.left) + course[hit]
            found = np.searchsorted(self.refusals, keys).clip(max=len(self.refusals) - 1)
            kept[hit] &= self.refusals[found] != keys
        return np.where(kept, course, -1)

    def _take(self, stage: Stage, course: np.ndarray, score: np.ndarray, rows: np.ndarray) -> None:
        places, variety = self.emails.places[stage.number], stage.block.variety
        more = np.zeros(len(rows), dtype=bool)
        if self.emails.tastes is not None and variety != Variety():
            compared = _compared(course, stage.block.variety, max(POOL, places.size + self.spare))
            pool = Candidates(np.where(compared, course, -1), score, more)
            choose(places, pool, rows, variety=variety, tastes=self.emails.tastes)
            course = np.where(compared, pool.course, course)
        admit(places, Candidates(course, score, more), rows, self.emails.category_no)

    def _grant(self, claims: Claims) -> np.ndarray:
        """Give every course to those who may see it; return the indices of the claims that are refused."""
        wanted = np.bincount(claims.course, minlength=len(self.left))
        contested = np.flatnonzero((wanted > self.left)[claims.course])
        contested = contested[np.argsort(claims.course[contested], kind="stable")]
        bounds = np.flatnonzero(np.diff(claims.course[contested], prepend=-1, append=-1)).tolist()
        losers = [self._losers(claims, contested[low:high]) for low, high in pairwise(bounds)]
        lost = np.sort(np.concatenate([contested[:0], *losers]))
        limited = self.left != NO_LIMIT
        self.left[limited] -= np.minimum(wanted, self.left)[limited]
        np.add.at(self.emails.worth, claims.row, claims.worth)
        np.subtract.at(self.emails.worth, claims.row[lost], claims.worth[lost])
        return lost

    def _losers(self, claims: Claims, asked: np.ndarray) -> np.ndarray:
        """Return which claims to one course are refused: the lowest scores, among equals by lot."""
        some = claims.of(asked)
        order = np.lexsort((some.row, lot(self.emails.seed, some.row, some.course), -some.score))
        losers: np.ndarray = asked[order[self.left[some.course[0]] :]]
        return losers

    def _refuse(self, lost: Claims) -> None:
        """Count what the limits take from people: courses that were the best for them."""
        self.displaced += np.bincount(lost.course, minlength=len(self.left))
        self.emails.refused[lost.row] = True
        keys = lost.row.astype(np.int64) * len(self.left) + lost.course
        self.refusals = np.sort(np.concatenate([self.refusals, keys]))


def _no_reasons(_people: np.ndarray, courses: np.ndarray) -> list[str]:
    return [""] * len(courses)


def _compared(course: np.ndarray, variety: Variety, most: int) -> np.ndarray:
    """Tell which candidates variety chooses from: so many of the best, and those from further down."""
    there = course >= 0
    needed = slice(course.shape[1] - from_further_down(variety), None)
    compared: np.ndarray = there & (there.cumsum(axis=1) <= most)
    compared[:, needed] = there[:, needed]
    return compared


def _vacate(places: Places, lost: Claims) -> None:
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
