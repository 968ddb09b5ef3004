"""What may be shown: filters, one file each and always on, the quota per category, and the slate."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np

from recmail import plugins
from recmail.records import Catalogue, Offer, Shard


class Filter(Protocol):
    """Says which courses may be shown to whom, whatever they would want."""

    def allowed(self, shard: Shard, catalogue: Catalogue, offer: Offer) -> np.ndarray:
        """Tell what may be shown: bool, people x courses, or 1 where it is the same for all of them."""
        ...


@cache
def always_on() -> dict[str, Filter]:
    """Return all filters by name: every file of this folder that holds a filter, none can be switched off."""
    return {name: plugins.load("filters", name)() for name in plugins.names("filters")}


def may_be_shown(shard: Shard, catalogue: Catalogue, offer: Offer) -> np.ndarray:
    """Return what all filters together allow: bool, people x courses."""
    allowed = np.ones((len(shard), len(catalogue)), dtype=bool)
    for one in always_on().values():
        allowed &= one.allowed(shard, catalogue, offer)
    return allowed
