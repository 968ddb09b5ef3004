"""What a sending worker waits for, and why it is slow, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from recmail.deliver.worker import WorkSummary


def in_words(summary: WorkSummary, now: datetime) -> Iterator[str]:
    """Say what keeps messages from leaving at once; nothing when nothing does."""
    if summary.slowed is not None:
        yield f"the provider asks us to slow down: {_rate(summary.slowed)}"
    if summary.waiting_until is not None:
        until = time_of(summary.waiting_until, now)
        yield f"waiting for {_what(summary)}, until {until} at the latest; Ctrl-C is safe"


def when_to_go_on(summary: WorkSummary, now: datetime) -> str | None:
    """Say why people still wait after the worker has ended, and when it makes sense to go on."""
    if summary.waiting_until is None or summary.waits_for_senders or summary.paused or summary.stopped:
        return None
    until = time_of(summary.waiting_until, now)
    if summary.limit is not None:
        return f"{summary.limit} are used up until {until}"
    if summary.postponed:
        return (
            f"{summary.postponed:,} had to wait for a better hour of their day; the first is due at {until}"
        )
    return f"the first is due at {until}"


def _what(summary: WorkSummary) -> str:
    if summary.waits_for_senders:
        return "what another sender holds"
    if summary.limit is not None:
        return f"{summary.limit}, which are used up"
    return "messages that are due later" if summary.postponed else "messages to be tried again"


def time_of(moment: datetime, now: datetime) -> str:
    """A time in UTC, with its day when that is not today's."""
    return f"{moment:%H:%M:%S} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"


def _rate(per_second: float) -> str:
    """As 7 a second, or 12 a minute; rough, so that it is not said again for every message."""
    if per_second >= 1:
        return f"{per_second:.0f} a second" if per_second < 10 else f"{round(per_second, -1):.0f} a second"
    return f"{per_second * 60:.0f} a minute"
