"""The filter `not_again_within`: what was emailed to the person lately waits its turn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class NotAgainWithin:
    """Drops what an email brought to the person within the time that the block says, if it says one."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell what was not emailed lately: people x courses."""
        allowed = np.ones((len(shard), len(catalogue)), dtype=bool)
        if block.not_again_within is not None:
            lately = shard.emailed["at"] > pd.Timestamp(shard.now - block.not_again_within)
            emailed = shard.emailed[lately]
            allowed[emailed["person"].to_numpy(), emailed["course_no"].to_numpy()] = False
        return allowed
