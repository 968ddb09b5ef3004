"""Times within which only so many messages may leave, cut into slots whose use all workers count together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from recmail.deliver.warm_up import WarmUp, next_midnight
from recmail.settings.rates import Rate

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_SLOTS = 60  # of a minute, an hour, a day; a limit is free again up to one slot later than it could be


class Span(Protocol):
    """A limit over some time. What is taken in a slot is used within it, or given back."""

    @property
    def scope(self) -> str:
        """Whose limit it is, and per what; workers with the same one share it."""

    def most(self, now: datetime) -> int | None:
        """How many messages the slots that count may have together; None without a limit."""

    def slot(self, now: datetime) -> int:
        """The slot of this time."""

    def since(self, now: datetime) -> int:
        """The first slot that still counts."""

    def free_at(self, slot: int) -> datetime:
        """When a slot counts no more."""

    @property
    def in_words(self) -> str:
        """The limit, for a person."""

    @property
    def lasts(self) -> bool:
        """It is longer than a message waits in a sender's hands."""


@dataclass(frozen=True)
class Within:
    """No more than a rate says within any time as long as the rate's, whenever it begins.

    A slot counts until the whole time has passed since its end: whatever left at its very end is covered. Per
    second it is simpler, a second of the clock: what keeps messages apart within it is the token bucket.
    """

    whose: str
    rate: Rate

    @property
    def scope(self) -> str:
        """As provider relay per day: a changed number counts what was used before."""
        return f"{self.whose} per {self.rate.unit}"

    @property
    def in_words(self) -> str:
        """As 50,000 per day of provider relay."""
        return f"{self.rate.messages:,} per {self.rate.unit} of {self.whose}"

    @property
    def lasts(self) -> bool:
        """False per second."""
        return self.rate.per > _SECOND

    @property
    def _counted(self) -> int:
        return 0 if self.rate.per == _SECOND else _SLOTS

    @property
    def _slot(self) -> timedelta:
        return self.rate.per / (self._counted or 1)

    def most(self, now: datetime) -> int:
        """The rate's number."""
        return self.rate.messages

    def slot(self, now: datetime) -> int:
        """Counted from 1970."""
        return (now - _EPOCH) // self._slot

    def since(self, now: datetime) -> int:
        """The first slot that still counts."""
        return self.slot(now) - self._counted

    def free_at(self, slot: int) -> datetime:
        """When a slot counts no more."""
        return _EPOCH + (slot + self._counted + 1) * self._slot


@dataclass(frozen=True)
class Warming:
    """A warm-up: so many messages on a day of the project's zone."""

    whose: str
    warm_up: WarmUp
    zone: ZoneInfo

    @property
    def scope(self) -> str:
        """As provider relay warming up."""
        return f"{self.whose} warming up"

    @property
    def in_words(self) -> str:
        """As the day's messages in the warm-up of provider relay."""
        return f"the day's messages in the warm-up of {self.whose}"

    @property
    def lasts(self) -> bool:
        """Always."""
        return True

    def most(self, now: datetime) -> int | None:
        """What this day may have."""
        return self.warm_up.allowed_at(now, self.zone)

    def slot(self, now: datetime) -> int:
        """The day's number."""
        return now.astimezone(self.zone).date().toordinal()

    def since(self, now: datetime) -> int:
        """Today: what is not used is not kept for tomorrow."""
        return self.slot(now)

    def free_at(self, slot: int) -> datetime:
        """When the next day begins."""
        day = date.fromordinal(slot)
        return next_midnight(datetime(day.year, day.month, day.day, 12, tzinfo=self.zone), self.zone)


@dataclass(frozen=True)
class Limits:
    """What holds for a group of messages.

    Attributes:
        per_second: kept evenly by each worker; None for no such limit.
        spans: kept by all workers together.
        apart: from one message to the next, on average, at the most of all.
    """

    per_second: float | None = None
    spans: tuple[Span, ...] = ()
    apart: timedelta = timedelta()


def quotas(whose: str, rates: Sequence[Rate]) -> Limits:
    """Limits as providers set them: so many a second evenly, and quotas that may be used up at once."""
    seconds = [rate.per_second for rate in rates if rate.per == _SECOND]
    apart = max((rate.per / rate.messages for rate in rates), default=timedelta())
    return Limits(min(seconds, default=None), tuple(Within(whose, rate) for rate in rates), apart)


def spread(whose: str, rate: Rate) -> Limits:
    """A limit whose messages are spread over its time, the slot included by which that is longer."""
    longer = 1.0 if rate.per == _SECOND else (_SLOTS + 1) / _SLOTS
    return Limits(rate.per_second / longer, (Within(whose, rate),), rate.per / rate.messages)
