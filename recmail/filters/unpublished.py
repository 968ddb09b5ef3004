"""The filter `unpublished`: nothing before it is out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class Unpublished:
    """Drops courses that are published later."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell which courses are out at the shard's `now`: 1 x courses."""
        later = catalogue.frame["published_at"] > pd.Timestamp(shard.now)  # False without a time
        allowed: np.ndarray = ~later.to_numpy(dtype=bool)[np.newaxis]
        return allowed
