"""The quota: at most so many courses of one category in a block."""

from __future__ import annotations

import numpy as np


def below_quota(chosen: np.ndarray, wanted: np.ndarray, per_category: int | None) -> np.ndarray:
    """Tell for each person whether one more course of this category keeps the block within its quota.

    Args:
        chosen: people x places, the categories already there; -1 for an empty place or a course without one.
        wanted: one category_no per person; a course without a category (-1) is never limited.
        per_category: the most of one category; None: no limit.
    """
    if per_category is None:
        return np.ones(len(wanted), dtype=bool)
    below: np.ndarray = (chosen == wanted[:, np.newaxis]).sum(axis=1) < per_category
    return below | (wanted < 0)


def full_categories(chosen: np.ndarray, categories: int, per_category: int | None) -> np.ndarray:
    """Tell which categories have reached the quota.

    Args:
        chosen: people x places, the categories already there; -1 for none.

    Returns:
        Bool, people x (categories + 1); the last column, courses without a category, is always False.
    """
    counts = np.zeros((len(chosen), categories + 1), dtype=np.int16)
    for place in chosen.T:
        counts[np.arange(len(chosen)), place] += 1  # -1 counts in the last column
    full: np.ndarray = counts >= (per_category or np.iinfo(np.int16).max)
    full[:, -1] = False
    return full
