"""How long sending takes at least: what the limits of provider, warm-up and campaign leave possible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from recmail.deliver.warm_up import WarmUp, next_midnight
from recmail.settings.rates import Rate

_DAY = timedelta(days=1)
_LONGEST = 3_650 * _DAY  # nobody wants to know more exactly
_UNITS = (("day", _DAY), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


@dataclass(frozen=True)
class Estimate:
    """How long it takes, and which limit makes it so.

    Attributes:
        because: in words; empty where there is no limit.
    """

    takes: timedelta
    because: str = ""

    def in_words(self) -> str:
        """Say it as in: at least 2 days, because of 50,000 per day (provider relay)."""
        if not self.takes:
            return ""
        return f"at least {_words(self.takes)}, because of {self.because}"


def duration(
    messages: int,
    limits: Iterable[tuple[str, Rate]],
    *,
    now: datetime,
    zone: ZoneInfo,
    warm_up: WarmUp | None = None,
    evenly: Iterable[tuple[str, Rate]] = (),
) -> Estimate:
    """Estimate how long so many messages take from `now`, when nothing else is sent.

    Args:
        limits: as much at once as there may be within a time, by whose limit it is.
        evenly: limits whose messages are spread over the time.
        zone: where the days of the warm-up begin.
    """
    limits, evenly = [*limits], [*evenly]
    found = [Estimate(timedelta())]
    found += [Estimate(_at_once(messages, rate), _named(whose, rate)) for whose, rate in limits]
    found += [Estimate(_spread(messages, rate), _named(whose, rate)) for whose, rate in evenly]
    if warm_up is not None:
        begins, rest = _warming(messages, warm_up, [rate for _, rate in limits], now, zone)
        after = duration(rest, limits, now=begins, zone=zone, evenly=evenly)
        found.append(Estimate(begins - now + after.takes, "the warm-up"))
    return max(found, key=lambda one: one.takes)


def _at_once(messages: int, rate: Rate) -> timedelta:
    """A quota is used up at once, and free again when its time has passed."""
    if rate.unit == "second":
        return _spread(messages, rate)
    return min(_LONGEST, max(0, messages - 1) // rate.messages * rate.per)


def _spread(messages: int, rate: Rate) -> timedelta:
    return min(_LONGEST, max(0, messages - 1) * rate.per / rate.messages)


def _named(whose: str, rate: Rate) -> str:
    return f"{rate.messages:,} per {rate.unit} ({whose})"


def _warming(
    messages: int, warm_up: WarmUp, limits: list[Rate], now: datetime, zone: ZoneInfo
) -> tuple[datetime, int]:
    """The day on which the warm-up holds nothing up any more, and how many messages are left for it."""
    daily = [rate.messages for rate in limits if rate.per == _DAY]
    left, day = messages, now
    while (allowed := warm_up.allowed_at(day, zone)) is not None and day - now < _LONGEST:
        allowed = min([allowed, *daily])
        if left <= allowed:
            break
        left, day = left - allowed, next_midnight(day, zone)
    return day, left


def _words(takes: timedelta) -> str:
    """As 1 day 3 hours: the largest unit, and the next one where something is left of it."""
    takes = max(takes, _UNITS[-1][1])
    largest = next(at for at, (_, unit) in enumerate(_UNITS) if takes >= unit)
    units = _UNITS[largest : largest + 2]
    left = round(takes / units[-1][1]) * units[-1][1]
    words = []
    for name, unit in units:
        count, left = divmod(left, unit)
        words += [f"{count:,} {name}{'s' * (count != 1)}"] * bool(count)
    return " ".join(words)
