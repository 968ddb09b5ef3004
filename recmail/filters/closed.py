"""The filter `closed`: only courses that are still on offer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class Closed:
    """Drops courses that are inactive, or will have closed by the time that the last email is due."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell which courses are on offer when emails arrive: 1 x courses."""
        # Comparisons with a missing time are False: no closing time is no closing time.
        over = catalogue.frame["closes_at"] <= pd.Timestamp(shard.due or shard.now)
        active = catalogue.frame["active"].to_numpy(dtype=bool)
        allowed: np.ndarray = (active & ~over.to_numpy(dtype=bool))[np.newaxis]
        return allowed
