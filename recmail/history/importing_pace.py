"""How many rows go into one transaction of an import."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

_FIRST_ROWS = 2_000
_AIM_S = 0.12  # of a transaction; at 250 ms it would hold up senders, and some take twice what was foreseen


class Pace:
    """How many rows go into one transaction, so that none is long on a machine of any speed."""

    def __init__(self) -> None:
        self.rows = _FIRST_ROWS

    def batches(self, rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Part rows evenly into as many transactions as they need; a small rest would cost as many pages."""
        start = 0
        while start < len(rows):
            left = len(rows) - start
            end = start + math.ceil(left / math.ceil(left / self.rows))
            yield rows[start:end]
            start = end

    def took(self, rows: int, seconds: float, *, written: int) -> None:
        """Learn from a transaction; grow slowly, shrink at once.

        Rows that are known already take a tenth of the time of new ones, which may follow: they are no reason
        to grow beyond what any rows begin with.
        """
        fitting = rows * _AIM_S / max(seconds, 1e-4)
        most = 2 * self.rows if 2 * written >= rows else max(self.rows, min(2 * self.rows, _FIRST_ROWS))
        self.rows = int(min(max(fitting, 50), most, 20_000))
