"""How fast a run gets on and when it will be done: worked out from a few looks at it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from recmail.records import RunState

_WINDOW_S = 60.0
_ENOUGH_S = 10.0  # shorter than that, a rate says little about the time that is left
_STOPS = (RunState.PAUSED, RunState.FINISHED, RunState.CANCELLED)
_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


class Pace:
    """Messages a second over the last minute, from how many were still to come at each look."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def note(self, at_s: float, to_come: int) -> None:
        """Remember a look; when there are more to come than before, as after a retry, begin anew.

        Args:
            at_s: seconds that only grow.
        """
        if self._looks and to_come > self._looks[-1][1]:
            self._looks.clear()
        self._looks.append((at_s, to_come))
        while len(self._looks) > 2 and self._looks[1][0] <= at_s - _WINDOW_S:
            self._looks.popleft()

    @property
    def seconds(self) -> float:
        """The time that the rate is about."""
        return self._looks[-1][0] - self._looks[0][0] if self._looks else 0.0

    @property
    def rate(self) -> float | None:
        """Messages a second; None before there are two looks."""
        if self.seconds <= 0:
            return None
        return (self._looks[0][1] - self._looks[-1][1]) / self.seconds

    @property
    def is_long_enough(self) -> bool:
        """The rate is one to reckon with."""
        return self.seconds >= _ENOUGH_S


def rate_since_start(
    done: int, audit: Sequence[tuple[str, datetime]], until: datetime | None
) -> float | None:
    """Messages a second over the time in which a run was being sent, its pauses left out.

    Args:
        audit: what was done with the run and when, in order.
        until: when something happened last.
    """
    if until is None:
        return None
    seconds = 0.0
    began: datetime | None = None
    for action, at in audit:
        if action == RunState.SENDING:
            began = began or at
        elif began is not None and action in _STOPS:
            seconds, began = seconds + max((at - began).total_seconds(), 0.0), None
    if began is not None:
        seconds += max((until - began).total_seconds(), 0.0)
    return done / seconds if seconds > 0 and done else None


def ready_at(
    to_come: int, rate: float | None, *, last_due: datetime | None, now: datetime
) -> datetime | None:
    """When nobody will wait any more; None when nothing moves.

    Args:
        to_come: messages that are not yet settled.
        last_due: when the last of them is due.
    """
    if not to_come:
        return now
    if not rate or rate < 0:
        return None
    try:
        by_rate = now + timedelta(seconds=to_come / rate)
    except OverflowError:
        return None
    return max(by_rate, last_due or by_rate)


def in_words(span: timedelta) -> str:
    """A time to a person's taste: 40 s, 4 min 10 s, 2 h 5 min, 3 days 2 h."""
    seconds = max(math.ceil(span.total_seconds()), 0)
    at = next((at for at, (_, size) in enumerate(_UNITS) if seconds >= size), len(_UNITS) - 1)
    parts: list[str] = []
    for unit, size in _UNITS[at : at + 2]:
        count, seconds = divmod(seconds, size)
        if count or not parts:
            parts.append(f"{count:,} {unit}{'s' if unit == 'day' and count > 1 else ''}")
    return " ".join(parts)
