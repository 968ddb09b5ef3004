"""The filter `closed`: only courses that one can enroll in now."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recmail.records import Catalogue, Offer, Shard


class Closed:
    """Drops courses that are inactive, past their closing time, not published yet, or full."""

    def allowed(self, shard: Shard, catalogue: Catalogue, offer: Offer) -> np.ndarray:
        """Tell which courses are open at the shard's `now`: 1 x courses."""
        frame, now = catalogue.frame, pd.Timestamp(shard.now)
        # Comparisons with a missing time or number are False: no closing time is no closing time.
        closed = (frame["closes_at"] <= now) | (frame["published_at"] > now)
        seats = pd.to_numeric(frame["seats"]).to_numpy(dtype=np.float64, na_value=np.nan)
        open_ = frame["active"].to_numpy(dtype=bool) & ~closed.to_numpy(dtype=bool)
        allowed: np.ndarray = (open_ & ~(catalogue.enrolled >= seats))[np.newaxis]
        return allowed
