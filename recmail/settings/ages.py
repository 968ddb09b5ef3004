"""How long data are kept: "3y", "13 months", "30d"; empty for ever."""

from __future__ import annotations

import re
from datetime import timedelta

from recmail.settings.source import shown
from recmail.settings.values import one_line

_AGE = re.compile(r"([1-9]\d{0,4})\s*(d|days?|w|weeks?|months?|y|years?)")
# A month has 30.44 days and a year 365.25: nobody's data go a month too early for the length of February.
_DAYS = {"d": 1.0, "w": 7.0, "m": 365.25 / 12, "y": 365.25}


def age(value: object) -> timedelta | None:
    """Read an age; None when it is empty: such data are kept until somebody deletes them."""
    if value == "":
        return None
    text = one_line(value)
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"found {shown(text)}; expected an age such as 30d, 13 months or 3y, or nothing")
    return timedelta(days=round(int(found[1]) * _DAYS[found[2][0]]))
