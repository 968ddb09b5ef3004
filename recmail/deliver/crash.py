"""A kill switch for crash tests: RECMAIL_CRASH_AT=point[:n] kills the process at the n-th pass of a point."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

VARIABLE = "RECMAIL_CRASH_AT"
# Of the writer's transaction, by what it holds; of one message on its way to the provider.
ROUND_POINTS = tuple(
    f"{when}-{what}" for what in ("claims", "intents", "results") for when in ("before", "after")
)
MESSAGE_POINTS = ("before-envelope", "before-body", "mid-body", "after-body", "after-reply")
# Of a planner's transactions: the run is made, a shard of it is planned, it is closed under its hash.
PLAN_POINTS = tuple(f"{when}-{what}" for what in ("run", "shard", "plan") for when in ("before", "after"))
_wanted = os.environ.get(VARIABLE)  # read once: messages pass eight points
_passed: Counter[str] = Counter()
_lock = threading.Lock()


def is_armed() -> bool:
    """Some point is named: what could leave in one piece has to leave in two, so that there is a middle."""
    return bool(_wanted)


def crash_at(point: str) -> None:
    """Kill this process, as a power cut would end it, if RECMAIL_CRASH_AT names this point; else nothing."""
    if not _wanted:
        return
    name, _, number = _wanted.partition(":")
    with _lock:
        _passed[point] += 1
        if name == point and _passed[point] == int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)
