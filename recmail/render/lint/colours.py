"""Reads colours as CSS and HTML write them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from cssutils.css.colors import COLORS

_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_FUNCTION = re.compile(r"rgba?\(([^()]*)\)")
_SEPARATOR = re.compile(r"[\s,/]+")


class Colour(NamedTuple):
    """Red, green and blue from 0 to 255; `alpha` from 0 (nothing is seen) to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def over(self, behind: Colour) -> Colour:
        """Return what is seen of this colour before another one."""
        pairs = zip(self[:3], behind[:3], strict=True)
        red, green, blue = (self.alpha * one + (1 - self.alpha) * other for one, other in pairs)
        return Colour(red, green, blue)

    def __str__(self) -> str:
        return "#" + "".join(f"{round(part):02x}" for part in self[:3])


WHITE, BLACK, LINK_BLUE = Colour(255, 255, 255), Colour(0, 0, 0), Colour(0, 0, 238)


@lru_cache(maxsize=4_096)
def read_colour(text: str) -> Colour | None:
    """Read a colour: a name, three to eight hexadecimal digits, rgb() or rgba(); None for anything else."""
    text = text.strip().lower()
    if text in COLORS:
        return Colour(*COLORS[text])
    if _HEX.fullmatch(text):
        digits = text[1:] if len(text) > 5 else "".join(digit * 2 for digit in text[1:])
        red, green, blue, alpha = (int((digits + "ff")[at : at + 2], 16) for at in range(0, 8, 2))
        return Colour(red, green, blue, alpha / 255)
    called = _FUNCTION.fullmatch(text)
    return _called(_SEPARATOR.split(called[1].strip())) if called else None


def _called(arguments: list[str]) -> Colour | None:
    if len(arguments) not in (3, 4):
        return None
    try:
        parts = [_share(argument, 255) for argument in arguments[:3]]
        alpha = _share(arguments[3], 1) if len(arguments) == 4 else 1.0
    except ValueError:
        return None
    red, green, blue = (min(max(part, 0.0), 255.0) for part in parts)
    return Colour(red, green, blue, min(max(alpha, 0.0), 1.0))


def _share(argument: str, whole: float) -> float:
    return float(argument[:-1]) / 100 * whole if argument.endswith("%") else float(argument)
