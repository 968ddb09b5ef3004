"""The filter `already_taken`: nobody is offered a course that they enrolled in."""

from __future__ import annotations

import numpy as np

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class AlreadyTaken:
    """Drops courses that the person enrolled in, progressed in or completed."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell what the person has not taken: people x courses."""
        allowed = np.ones((len(shard), len(catalogue)), dtype=bool)
        allowed[shard.taken.nonzero()] = False
        return allowed
