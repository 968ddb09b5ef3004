"""How many people one course may be shown to, and how far down their rankings that may send people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from recmail.recommend.blocks import Block
from recmail.records import Catalogue

NO_LIMIT = np.iinfo(np.int64).max
_FURTHEST = 100  # candidates kept of each block beyond those it shows; who is refused so often goes without


@dataclass(frozen=True)
class Exposure:
    """How often one course may be shown over all emails of a campaign.

    Attributes:
        max_share: of the people who may be mailed; None for any.
        respect_seats: to no more people than it has seats left.
    """

    max_share: float | None = None
    respect_seats: bool = False


def course_limits(catalogue: Catalogue, people: int, exposure: Exposure) -> np.ndarray:
    """Return how many people each course may be shown to: int64, NO_LIMIT where nothing limits it.

    Args:
        people: who may be mailed; a share of them is rounded down, and is one person at least.
    """
    limits = np.full(len(catalogue), NO_LIMIT, dtype=np.int64)
    if exposure.max_share is not None:
        limits[:] = max(1, int(exposure.max_share * people + 1e-9))  # 0.29 x 100 is 28.999999999999996
    if exposure.respect_seats:
        left = seats_left(catalogue)
        limits = np.where(np.isnan(left), limits, np.minimum(limits, np.nan_to_num(left).astype(np.int64)))
    return limits


def seats_left(catalogue: Catalogue) -> np.ndarray:
    """Return the free seats of each course: float64, NaN where seats are not limited."""
    seats = pd.to_numeric(catalogue.frame["seats"]).to_numpy(dtype=np.float64, na_value=np.nan)
    left: np.ndarray = np.maximum(seats - catalogue.enrolled, 0)
    return left


def how_deep(blocks: Sequence[object], catalogue: Catalogue, exposure: Exposure) -> int:
    """Return how many candidates beyond those shown a person may need: courses that can reach their limit.

    All places of all emails together fill no more courses than `places of one email / share`.
    """
    shown = sum(block.show for block in blocks if isinstance(block, Block))
    closing = 0
    if exposure.max_share is not None and shown:
        closing += ceil(shown / max(exposure.max_share, shown / _FURTHEST))
    if exposure.respect_seats:
        closing += int(np.count_nonzero(~np.isnan(seats_left(catalogue))))
    return min(closing, _FURTHEST, len(catalogue))
