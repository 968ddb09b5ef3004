"""What an allocation over the whole audience gave to the people of one shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recmail.filters.block_places import Places


@dataclass(frozen=True)
class SettledBlock:
    """The shown places of one block, row i being a person; the arrays are those of Places."""

    course: np.ndarray
    score: np.ndarray
    source: np.ndarray
    ideal: np.ndarray
    worth: np.ndarray

    @classmethod
    def none(cls) -> SettledBlock:
        """Return the block of nobody."""
        nobody = np.zeros((0, 0))
        return cls(*(nobody for _ in range(5)))


@dataclass(frozen=True)
class Settled:
    """Of the people with low <= user_no; a slate shows this, and nothing else.

    Attributes:
        blocks: by the block's index in the campaign.
        not_spare: bool, one for each course: it may not stand in for another one, its places being counted.
    """

    low: int
    blocks: Mapping[int, SettledBlock]
    not_spare: np.ndarray

    @classmethod
    def of(cls, places: Sequence[Places], low: int, high: int, not_spare: np.ndarray) -> Settled:
        """Cut out the people with low <= user_no < high."""
        blocks = {
            one.number: SettledBlock(
                course=np.array(one.course[low:high], dtype=np.int32),
                score=np.array(one.score[low:high]),
                source=np.array(one.source[low:high]),
                ideal=np.array(one.ideal[low:high]),
                worth=np.array(one.worth[low:high]),
            )
            for one in places
        }
        return cls(low, blocks, not_spare)

    def of_block(self, number: int, user_no: np.ndarray) -> SettledBlock:
        """Return one block of these people, a row for each of them."""
        block, rows = self.blocks[number], user_no - self.low
        return SettledBlock(
            course=block.course[rows].astype(np.int64),
            score=block.score[rows],
            source=block.source[rows],
            ideal=block.ideal[rows],
            worth=block.worth[rows],
        )
