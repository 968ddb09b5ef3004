"""The filter `opted_out`: who switched personalization off gets nothing chosen from their history."""

from __future__ import annotations

import numpy as np

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class OptedOut:
    """Drops personal offers for people who switched personalization off; what is the same for all stays."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell who may get this offer: people x 1."""
        personalization = shard.people["personalization"].to_numpy(dtype=bool)
        allowed: np.ndarray = (personalization | (not offer.personal))[:, np.newaxis]
        return allowed
