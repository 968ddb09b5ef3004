"""The filter `full`: no course without a free seat."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class Full:
    """Drops courses that as many people enrolled in as they have seats."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell which courses have a seat left: 1 x courses."""
        seats = pd.to_numeric(catalogue.frame["seats"]).to_numpy(dtype=np.float64, na_value=np.nan)
        allowed: np.ndarray = ~(catalogue.enrolled >= seats)[np.newaxis]  # False without a limit
        return allowed
