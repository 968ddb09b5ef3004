"""The filter `where`: only courses that meet the block's own condition."""

from __future__ import annotations

import numpy as np

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard
from recmail.segment import Courses, courses_where


class Where:
    """Drops courses that do not meet the block's `where`, if it has one; those of its fallbacks too."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell which courses meet the condition as of the shard's `now`: 1 x courses."""
        if block.where is None:
            return np.ones((1, len(catalogue)), dtype=bool)
        allowed: np.ndarray = courses_where(block.where, Courses.of_frame(catalogue.frame), shard.now)
        return allowed[np.newaxis]
