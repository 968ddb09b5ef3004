"""Which courses are new."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from recmail.records import Catalogue

NEW_WITHIN = timedelta(days=30)


def published_within(catalogue: Catalogue, now: datetime, within: timedelta = NEW_WITHIN) -> np.ndarray:
    """Tell which courses were published in this time, and not after now: bool, one for each."""
    at = catalogue.frame["published_at"]
    new: np.ndarray = ((at > now - within) & (at <= now)).to_numpy(dtype=bool)
    return new
