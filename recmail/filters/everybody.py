"""The wishes of the whole audience side by side, row i being user_no i, in arrays that may be files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recmail.filters.stages import Stage, all_stages
from recmail.filters.wishing import Ranked, Wishes, widths

NewArray = Callable[[tuple[int, ...], Any], np.ndarray]
"""Makes an array of zeros of a shape and dtype: in memory, or mapped from a file."""


@dataclass(frozen=True)
class Audience:
    """Everybody's wishes, as the shards bring them, in any order.

    Attributes:
        stages: of the campaign, in order.
        ranked: one for each stage; what nobody brought means nothing.
        asked: bool, one for each user_no: the person may be mailed.
        new_array: where more such arrays come from.
    """

    stages: Sequence[Stage]
    ranked: Sequence[Ranked]
    asked: np.ndarray
    new_array: NewArray
    _unusual: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(cls, blocks: Sequence[object], people: int, *, depth: int, new_array: NewArray) -> Audience:
        """Make room for `people`, user_no being below it."""
        stages = all_stages(blocks)
        ranked = []
        for stage in stages:
            _, width = widths(stage, depth)
            shape = people, width
            ranked.append(Ranked(new_array(shape, np.int32), new_array(shape, np.float32)))
        return cls(stages, ranked, np.zeros(people, dtype=bool), new_array)

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
