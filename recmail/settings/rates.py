"""How many messages in how much time, as campaigns and recmail.toml write it: 5000 per hour."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from recmail.settings.source import shown

RATE = r"([1-9][0-9]{0,8}) per (second|minute|hour|day)"
_PER = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_UNITS = {per: unit for unit, per in _PER.items()}


@dataclass(frozen=True)
class Rate:
    """So many messages in so much time."""

    messages: int
    per: timedelta

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.messages / self.per.total_seconds()

    @property
    def unit(self) -> str:
        """The time as it is written: second, minute, hour or day."""
        return _UNITS[self.per]

    def __str__(self) -> str:
        return f"{self.messages} per {self.unit}"


def read_rate(value: object) -> Rate:
    """Read "5000 per hour".

    Raises:
        ValueError: it is something else.
    """
    found = re.fullmatch(RATE, value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"found {shown(value)}; expected a rate such as 5000 per hour{_hint(value)}")
    return Rate(int(found[1]), _PER[found[2]])


def read_rates(value: object) -> tuple[Rate, ...]:
    """Read a rate, or a list of rates that hold together; shortest time first.

    Raises:
        ValueError: it is something else, or two are for the same time.
    """
    rates = [read_rate(one) for one in (value if isinstance(value, list) else [value])]
    units = [rate.unit for rate in rates]
    twice = sorted({unit for unit in units if units.count(unit) > 1})
    if twice:
        raise ValueError(f"says twice how many per {twice[0]}")
    return tuple(sorted(rates, key=lambda rate: rate.per))


def _hint(value: object) -> str:
    found = re.fullmatch(r"([0-9][0-9,._ ]*?) ?(?:/|per|a|an|every) ?([a-z]+)", str(value).lower())
    if not found:
        return ""
    unit = next((unit for unit in _PER if unit.startswith(found[2].rstrip("s"))), "")
    written = f"{re.sub('[^0-9]', '', found[1])} per {unit}"
    return f"; write {written}" if re.fullmatch(RATE, written) else ""
