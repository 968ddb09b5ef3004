"""When people may be written to, by their own clocks: quiet hours, and days of the week."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from recmail.errors import did_you_mean
from recmail.settings.source import shown

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = "((?:[01][0-9]|2[0-3]):[0-5][0-9])"


@dataclass(frozen=True)
class QuietHours:
    """From a time of day to another, over midnight when that is earlier; the end is not quiet any more."""

    begin: time
    end: time

    def covers(self, clock: time) -> bool:
        """Return whether it is quiet at a time of day."""
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True)
class Weekdays:
    """Days of the week, 0 being Monday."""

    days: tuple[int, ...]

    def __str__(self) -> str:
        return ", ".join(WEEKDAYS[day] for day in self.days)


def quiet_hours(value: object) -> QuietHours | None:
    """Read "21:00-08:00"; None for an empty text.

    Raises:
        ValueError: it is something else, or no hours at all.
    """
    if value == "":
        return None
    found = re.fullmatch(f"{_CLOCK} ?(?:-|–|to) ?{_CLOCK}", value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"found {shown(value)}; expected hours such as 21:00-08:00")
    begin, end = time.fromisoformat(found[1]), time.fromisoformat(found[2])
    if begin == end:
        raise ValueError(f"found {shown(value)}; nothing could ever be sent; leave it out for no quiet hours")
    return QuietHours(begin, end)


def weekdays(value: object) -> Weekdays | None:
    """Read "monday-friday" or "monday, wednesday"; None for an empty text: every day.

    Raises:
        ValueError: it is something else.
    """
    if value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"found {shown(value)}; expected days such as monday-friday")  # noqa: TRY004 - as all readers
    days: set[int] = set()
    for part in value.lower().split(","):
        first, _, last = (one.strip() for one in part.partition("-"))
        begin, end = _day(first), _day(last or first)
        days |= {(begin + at) % 7 for at in range((end - begin) % 7 + 1)}
    return Weekdays(tuple(sorted(days)))


def _day(name: str) -> int:
    if name not in WEEKDAYS:
        short = [day for day in WEEKDAYS if len(name) >= 2 and day.startswith(name)]
        hint = f"; did you mean {short[0]}?" if short else did_you_mean(name, WEEKDAYS)
        raise ValueError(f"found {shown(name)}; expected days such as monday-friday{hint}")
    return WEEKDAYS.index(name)
