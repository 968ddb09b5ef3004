"""The emails of the whole audience as they fill up: the places of all blocks, row i being user_no i."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from recmail.filters.block_places import Places, enough
from recmail.filters.everybody import AT_ONCE, Audience
from recmail.filters.mixing import Tastes
from recmail.filters.stages import Stage


@dataclass(frozen=True)
class Emails:
    """Everybody's places, without reserves, and what decides about them.

    Attributes:
        places: by the number of the block.
        tastes: of the audience; None when no block asks for variety.
        seed: of the run, for the lot.
        refused: bool, one for each user_no: some course was refused to them.
        ideal, worth: float64, one for each user_no: what the courses that were the best for them are worth,
            and what those are that they got; each from 0 to 1. Of what is not limited neither counts.
    """

    audience: Audience
    places: Mapping[int, Places]
    category_no: np.ndarray
    tastes: Tastes | None
    seed: int
    refused: np.ndarray
    ideal: np.ndarray
    worth: np.ndarray

    @classmethod
    def of(cls, audience: Audience, *, category_no: np.ndarray, tastes: Tastes | None, seed: int) -> Emails:
        """Make the empty emails of an audience."""
        people, new_array = len(audience.asked), audience.new_array
        made = cls(
            audience=audience,
            places={stage.number: _places(stage, audience) for stage in audience.stages},
            category_no=category_no,
            tastes=tastes,
            seed=seed,
            refused=np.zeros(people, dtype=bool),
            ideal=new_array((people,), np.float64),
            worth=new_array((people,), np.float64),
        )
        made.clear(np.ones(people, dtype=bool))
        return made

    def clear(self, people: np.ndarray) -> None:
        """Empty the emails of these people: bool, one for each user_no."""
        for places in self.places.values():
            places.sources.clear()
        for rows in self._some(np.flatnonzero(people)):
            self.refused[rows], self.ideal[rows], self.worth[rows] = False, 0, 0
            for places in self.places.values():
                places.course[rows], places.score[rows], places.source[rows] = -1, -np.inf, 0
                places.filled[rows], places.ideal[rows], places.worth[rows] = 0, 0, 0

    def too_short(self, people: np.ndarray) -> np.ndarray:
        """Return which of these people have too few courses for an email: bool, one for each user_no."""
        found = people.copy()
        for rows in self._some(np.flatnonzero(people)):
            found[rows] = ~enough(list(self.places.values()), rows)
        return found

    def held(self, rows: np.ndarray) -> np.ndarray:
        """Count how many of these people have each course of those that are limited: int64."""
        counts = np.zeros(len(self.category_no), dtype=np.int64)
        for some in self._some(rows):
            for number, places in self.places.items():
                limited = np.array([one.limited for one in self.audience.stages if one.number == number])
                course = places.course[some]
                mine = course[(course >= 0) & limited[places.source[some]]]
                counts += np.bincount(mine, minlength=len(counts))
        return counts

    def filled(self, rows: np.ndarray) -> np.ndarray:
        """Count the courses that these people have."""
        counts = np.zeros(len(rows), dtype=np.int64)
        for places in self.places.values():
            counts += places.filled[rows]
            self.audience.let_go()
        return counts

    def _some(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Cut rows into pieces that may be in memory together."""
        for start in range(0, len(rows), AT_ONCE):
            yield rows[start : start + AT_ONCE]
            self.audience.let_go()


def _places(stage: Stage, audience: Audience) -> Places:
    """Make room for the places of a block."""
    people, show, new = len(audience.asked), stage.block.show, audience.new_array
    course, score = new((people, show), np.int64), new((people, show), np.float32)
    source, filled = new((people, show), np.int8), new((people,), np.int64)
    ideal, worth = new((people,), np.float64), new((people,), np.float64)
    return Places(stage.number, stage.block, course, score, source, filled, ideal, worth)
