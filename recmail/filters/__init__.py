"""What may be shown: filters, one file each and always on, the variety of a block, and the slate."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Protocol

import numpy as np

from recmail import plugins
from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class Filter(Protocol):
    """Says which courses may be shown to whom, whatever they would want."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell what may be shown: bool, people x courses, or 1 where it is the same for all of them.

        Args:
            block: what is being filled.
            offer: what it is filled from: its own offer, or that of a block it falls back on.
        """
        ...


@cache
def always_on() -> dict[str, Filter]:
    """Return all filters by name: every file of this folder that holds a filter, none can be switched off."""
    return {name: plugins.load("filters", name)() for name in plugins.names("filters")}


def may_be_shown(
    shard: Shard,
    catalogue: Catalogue,
    *,
    block: Block,
    offer: Offer,
    exempt: frozenset[str] = frozenset(),
) -> np.ndarray:
    """Return what all filters together allow: bool, people x courses.

    Args:
        exempt: names of filters that do not apply to this offer.
    """
    allowed = np.ones((len(shard), len(catalogue)), dtype=bool)
    for _, one in _answers(shard, catalogue, block, offer, exempt):
        allowed &= one
    return allowed


def dropped_by(
    shard: Shard,
    catalogue: Catalogue,
    *,
    block: Block,
    offer: Offer,
    exempt: frozenset[str] = frozenset(),
) -> dict[str, np.ndarray]:
    """Return what each filter by name drops: bool, people x courses; for telling why, not for planning."""
    shape = len(shard), len(catalogue)
    answers = _answers(shard, catalogue, block, offer, exempt)
    return {name: ~np.broadcast_to(one, shape) for name, one in answers}


def _answers(
    shard: Shard, catalogue: Catalogue, block: Block, offer: Offer, exempt: frozenset[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what each filter allows."""
    for name, one in always_on().items():
        if name not in exempt:
            yield name, one.allowed(shard, catalogue, block=block, offer=offer)
