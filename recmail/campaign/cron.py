"""Cron texts: `0 9 * * 2` is every Tuesday at 09:00. The door to cronsim."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from cronsim import CronSim, CronSimError

_SOME_LEAP_YEAR = datetime(2024, 1, 1)  # noqa: DTZ001 - cron speaks of the clock on the wall
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "every day 00:00",
    "@midnight": "every day 00:00",
    "@weekly": "every sunday 00:00",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_EXPECTED = {
    "minute": "a minute from 0 to 59",
    "hour": "hours from 0 to 23",
    "day-of-month": "days from 1 to 31, L for the last one or LW for the last weekday",
    "month": "months from 1 to 12, or JAN to DEC",
    "day-of-week": "days of the week from 0 to 7 (0 and 7 are Sunday), or SUN to SAT",
}
_MONTH_OR_DAY = "[0-9A-Za-z#*/,-]{1,80}"
CRON = rf"[0-9]{{1,2}} +[0-9*/,-]{{1,80}} +[0-9LWlw*/,-]{{1,80}} +{_MONTH_OR_DAY} +{_MONTH_OR_DAY}"
"""What every cron text that is right looks like, for editors; some wrong ones look so too."""


def looks_like_cron(text: str) -> bool:
    """Tell whether somebody meant a cron text, right or wrong."""
    first, *others = text.split() or [""]
    return text.startswith("@") or (len(others) > 2 and re.fullmatch(r"[0-9*/,-]+", first) is not None)


def check_cron(text: str) -> None:
    """Check a cron text of five fields: minute, hour, day of the month, month, day of the week.

    Raises:
        ValueError: what is wrong, and what was expected.
    """
    fields = text.split()
    if text in _NICKNAMES:
        raise ValueError(f"is not known here; write {_NICKNAMES[text]}")
    if len(fields) != len(_EXPECTED):
        names = ", ".join(name.replace("-", " ") for name in _EXPECTED)
        raise ValueError(f"has {_count(len(fields))}; expected five: {names}")
    _check_minute(fields)
    try:
        _check_fields(fields)
        found = list(islice(cron_times(text, _SOME_LEAP_YEAR), 1))
    except CronSimError:  # the fields are right one by one: 31 February
        found = []
    if not found:
        raise ValueError("there is no such day")
    if not re.fullmatch(CRON, text):
        raise ValueError("expected five short fields with spaces between them")


def cron_times(text: str, after: datetime) -> Iterator[datetime]:
    """The times on the wall after `after` that a cron text means, in order; neither has a zone."""
    return CronSim(text, after)


def _count(fields: int) -> str:
    return f"{fields} field{'s' * (fields != 1)}"


def _check_minute(fields: list[str]) -> None:
    """`* 9 * * 2` is the mistake that everybody makes once: 60 campaigns between nine and ten."""
    minute, *others = fields
    if not re.fullmatch("[0-9]{1,2}", minute):
        once = " ".join(["0", *others])
        raise ValueError(f"goes out more than once an hour; expected one minute, such as {once}")


def _check_fields(fields: list[str]) -> None:
    for place, (name, expected) in enumerate(_EXPECTED.items()):
        alone = ["0", "0", "*", "*", "*"]
        alone[place] = fields[place]
        try:
            CronSim(" ".join(alone), _SOME_LEAP_YEAR)
        except CronSimError as error:
            label = name.replace("-", " ")
            raise ValueError(f"{label} {fields[place]}: expected {expected}") from error
