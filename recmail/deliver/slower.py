"""What to do when a provider asks us to slow down: half as fast at once, and faster again little by little.

Source: Chiu and Jain 1989, "Analysis of the increase and decrease algorithms for congestion avoidance": only
additive increase with multiplicative decrease comes to a fair share of what there is.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

FLOOR_PER_S = 0.1
AT_ONCE_S = 10.0  # what is refused within it was on its way when the first was
BACK_AGAIN_S = 120.0  # from half of the speed to all of it takes half as long
_MEASURED_S = 5.0
_LONGEST_HOLD_S = 60.0


class Slower:
    """The speed that a provider bears, as far as its answers tell.

    Args:
        per_second: our own limit, which is never passed; None without one.
        clock: seconds that only grow; for tests.
    """

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = per_second, clock
        self._sent: deque[tuple[float, int]] = deque()
        self._began = clock()
        self._slowed: float | None = None  # messages a second, at the time `_since`
        self._full = 0.0  # what it was before
        self._since = self._cut_again_at = self._hold_until = -math.inf
        self.in_vain = 0

    @property
    def per_second(self) -> float | None:
        """How fast messages may leave now; None without a limit."""
        slowed = self.slowed
        return self._limit if slowed is None else slowed

    @property
    def slowed(self) -> float | None:
        """How fast they may leave because the provider asked for it; None while it does not."""
        if self._slowed is None:
            return None
        now = self._slowed + max(0.0, self._clock() - self._since) * self._full / BACK_AGAIN_S
        return now if now < self._full else None

    @property
    def wait_s(self) -> float:
        """Seconds in which nothing may leave at all."""
        return min(_LONGEST_HOLD_S, max(0.0, self._hold_until - self._clock()))  # never a rounding more

    def left(self, count: int) -> None:
        """So many messages have left: that is how fast we are."""
        now = self._clock()
        if count:
            self._sent.append((now, count))
        while self._sent and self._sent[0][0] < now - _MEASURED_S:
            self._sent.popleft()

    def accepted(self) -> None:
        """The provider took a message: it is there."""
        self.in_vain = 0

    def throttled(self, retry_after_s: float | None = None) -> None:
        """The provider asked us to slow down.

        Attributes:
            in_vain: how often in a row, with nothing accepted in between; those of one moment count once.
        """
        now = self._clock()
        hold_s = min(retry_after_s or 0.0, _LONGEST_HOLD_S)
        if now >= self._cut_again_at:
            before = self.per_second or self._measured()
            self._full = max(before, self._full if self.slowed is not None else 0.0)
            self._slowed, self._since = max(FLOOR_PER_S, before / 2), now
            self._cut_again_at = now + AT_ONCE_S
            self.in_vain += 1
            hold_s = max(hold_s, min(_LONGEST_HOLD_S, 2.0 ** (self.in_vain - 1)))
        self._hold_until = max(self._hold_until, now + hold_s)

    def _measured(self) -> float:
        self.left(0)
        seconds = min(_MEASURED_S, max(1.0, self._clock() - self._began))
        return max(1.0, sum(count for _, count in self._sent) / seconds)
