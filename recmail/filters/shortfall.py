"""What blocks could not do as they were asked, counted, so that a plan can say it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recmail.filters.block_places import Places
from recmail.filters.mixing import Tastes
from recmail.records import SHORTFALL_COLUMNS


def shortfall(filled: Sequence[Places], enough: np.ndarray, tastes: Tastes | None) -> pd.DataFrame:
    """Count over the people who have enough for an email: SHORTFALL_COLUMNS.

    Args:
        tastes: None when no block asks for variety.
    """
    rows = [_of_block(places, enough, tastes) for places in filled]
    return pd.DataFrame(rows, columns=list(SHORTFALL_COLUMNS)).astype(SHORTFALL_COLUMNS)


def _of_block(places: Places, enough: np.ndarray, tastes: Tastes | None) -> dict[str, float]:
    block, shown = places.block, places.shown
    there = shown >= 0
    sees = enough & there.any(axis=1)
    counted = {
        "block": places.number,
        "people": sees.sum(),
        "fewer": (sees & (there.sum(axis=1) < block.show)).sum(),
        "filled_up": (sees & ((places.source[:, : block.show] > 0) & there).any(axis=1)).sum(),
        "no_outside": 0,
        "no_new": 0,
        "ideal": places.ideal[sees].sum(),
        "worth": places.worth[sees].sum(),
    }
    if tastes is not None:
        outside = tastes.outside(np.arange(len(shown)), shown).sum(axis=1)
        counted["no_outside"] = (sees & (outside < block.variety.outside_usual)).sum()
        counted["no_new"] = (sees & (tastes.fresh(shown).sum(axis=1) < block.variety.new_releases)).sum()
    return counted
