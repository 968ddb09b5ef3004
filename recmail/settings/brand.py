"""What [brand] may hold: colours, fonts and a logo; and whether one colour can be read on another."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recmail.settings.source import shown
from recmail.settings.values import one_line

LEAST_CONTRAST = 4.5
"""Of ordinary text on its ground. Source: WCAG 2.2, success criterion 1.4.3 (level AA)."""
WIDEST = 544  # pixels of the column between its margins, as the shipped templates have it
_COLOUR = re.compile("#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_FONTS = re.compile(r"-?[A-Za-z][A-Za-z0-9 -]*(?:, *-?[A-Za-z][A-Za-z0-9 -]*)*")
_GENERIC = ("serif", "sans-serif", "monospace")
_PICTURE = re.compile(r"\.(?:png|jpe?g|gif)(?:\?[^#]*)?$", re.IGNORECASE)
_WEB = re.compile(r"https://[^\s\"'<>{}]+")
_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*")


def colour(value: object) -> str:
    """Read a colour; Outlook knows neither short ones nor transparent ones, so short ones are written out."""
    text = one_line(value)
    if not _COLOUR.fullmatch(text):
        hint = f"; did you mean #{text}?" if _COLOUR.fullmatch(f"#{text}") else ""
        raise ValueError(f"found {shown(text)}; expected a colour such as #0b6a4e{hint}")
    digits = text[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def fonts(value: object) -> str:
    """Read names of fonts, the last one a kind that every reader has."""
    text = one_line(value)
    if not _FONTS.fullmatch(text):
        raise ValueError(
            f"found {shown(text)}; expected names of fonts, without quotes: Georgia, Times New Roman, serif"
        )
    if text.rpartition(",")[2].strip() not in _GENERIC:
        raise ValueError(f"found {shown(text)}; the last one must be serif, sans-serif or monospace")
    return ", ".join(name.strip() for name in text.split(","))


def logo(value: object) -> str:
    """Read where the logo is: on the web, or a file of the project; empty when there is none."""
    if value == "":
        return ""
    text = one_line(value)
    is_file = _FILE.fullmatch(text) and not any(part in (".", "..") for part in text.split("/"))
    if not is_file and not _WEB.fullmatch(text):
        raise ValueError(
            f"found {shown(text)}; expected https://... or a file of the project such as images/logo.png"
        )
    if not _PICTURE.search(text):
        raise ValueError(f"found {shown(text)}; expected .png, .jpg or .gif: Outlook shows no others")
    return text


def pixels(value: object) -> int:
    """Read the width of a logo, or how round corners are."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= WIDEST:
        raise ValueError(f"found {shown(value)}; expected a number of pixels from 0 to {WIDEST}")
    return value


def contrast(one: str, other: str) -> float:
    """Return how much two colours (#rrggbb) differ, as `contrast_of` does."""
    return contrast_of(*([int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in (one, other)))


def contrast_of(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how much two colours differ, from 1 to 21 (black on white).

    Args:
        one: red, green and blue, from 0 to 255; what follows them does not count.

    Source: WCAG 2.2, "contrast ratio" and "relative luminance".
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Sequence[float]) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
