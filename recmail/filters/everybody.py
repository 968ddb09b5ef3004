"""The wishes of the whole audience side by side, row i being user_no i, in arrays that may be files.

What lies in files is used a stretch of people at a time, and let go of in between: it takes room on the disk,
not in memory, however many people there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from recmail.filters.stages import Stage, all_stages
from recmail.filters.wishing import Ranked, Wishes, widths

AT_ONCE = 4_096  # people whose wishes are in memory together

NewArray = Callable[[tuple[int, ...], Any], np.ndarray]
"""Makes an array of zeros of a shape and dtype: in memory, or mapped from a file."""


def stretches(rows: np.ndarray) -> Iterator[slice]:
    """Cut sorted rows into slices, none of them over more than AT_ONCE people, mentioned or not."""
    bounds = np.flatnonzero(np.diff(rows // AT_ONCE, prepend=-1, append=-1)).tolist()
    return (slice(low, high) for low, high in pairwise(bounds))


@dataclass(frozen=True)
class Audience:
    """Everybody's wishes, as the shards bring them, in any order.

    Attributes:
        stages: of the campaign, in order.
        ranked: one for each stage; what nobody brought means nothing.
        asked: bool, one for each user_no: the person may be mailed.
        new_array: where more such arrays come from.
        let_go: keeps what is in these arrays, but not in memory.
    """

    stages: Sequence[Stage]
    ranked: Sequence[Ranked]
    asked: np.ndarray
    new_array: NewArray
    let_go: Callable[[], None]
    _unusual: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        blocks: Sequence[object],
        people: int,
        *,
        depth: int,
        new_array: NewArray,
        let_go: Callable[[], None] = lambda: None,
    ) -> Audience:
        """Make room for `people`, user_no being below it."""
        stages = all_stages(blocks)
        ranked = []
        for stage in stages:
            _, width = widths(stage, depth)
            shape = people, width
            ranked.append(Ranked(new_array(shape, np.int32), new_array(shape, np.float32)))
        return cls(stages, ranked, np.zeros(people, dtype=bool), new_array, let_go)

    @property
    def unusual(self) -> np.ndarray | None:
        """As in Tastes; None when no block asks for variety, or nobody was asked."""
        return self._unusual[0] if self._unusual else None

    def add(self, shard: Wishes) -> None:
        """Take the wishes of one shard."""
        rows = shard.user_no
        self.asked[rows] = True
        for mine, brought in zip(self.ranked, shard.ranked, strict=True):
            mine.course[rows], mine.score[rows] = brought.course, brought.score
        if shard.unusual is not None:
            if not self._unusual:
                self._unusual.append(self.new_array((len(self.asked), shard.unusual.shape[1]), bool))
            self._unusual[0][rows] = shard.unusual
        self.let_go()

    def read(self, ranked: Ranked, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read what a stage has for some people, sorted: course as int64, and score."""
        shape = len(rows), ranked.course.shape[1]
        course, score = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.float32)
        for some in stretches(rows):
            course[some], score[some] = ranked.course[rows[some]], ranked.score[rows[some]]
            self.let_go()
        return course, score
