"""How fast messages may leave: a token bucket, and what it will hold soon."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class TokenBucket:
    """Gives out tokens at an even rate; holds at most one second's worth, so that a pause makes no burst.

    Args:
        per_second: None for no limit.
        clock: seconds that only grow; for tests.
    """

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tokens, self._at = 1.0, clock()
        self._rate: float | None = None
        self.change(per_second)

    def change(self, per_second: float | None) -> None:
        """Go on at another rate."""
        if per_second is not None and per_second <= 0:
            raise ValueError("a rate is more than nothing; pause the run to send nothing")
        if per_second != self._rate:
            # What came in without a limit was never counted.
            self.available() if self._rate is not None else self._begin()
            self._rate, self._most = per_second, max(1.0, per_second or 0.0)

    def _begin(self) -> None:
        self._tokens, self._at = 1.0, self._clock()

    def available(self) -> float:
        """How many tokens could be taken now; infinite without a limit."""
        if self._rate is None:
            return math.inf
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now
        # Sums of small steps fall short of a whole token by less than this.
        return math.floor(self._tokens + 1e-9)

    def within(self, seconds: float) -> float:
        """How many tokens there will be for use by then, those of now included; infinite without a limit."""
        return math.inf if self._rate is None else math.floor(self.available() + seconds * self._rate)

    def take(self, count: int) -> None:
        """Use tokens that `available` has promised."""
        if self._rate is not None:
            self._tokens -= count

    def wait_s(self) -> float:
        """Seconds until there is a token; 0 when there is one."""
        if self._rate is None or self.available() >= 1:
            return 0.0
        return (1.0 - self._tokens) / self._rate
