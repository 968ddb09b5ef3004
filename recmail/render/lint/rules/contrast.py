"""Words that can hardly be told from what is behind them, in light or in dark mode.

Source: WCAG 2.2, success criterion 1.4.3 (AA): 4.5, and 3 for words of 24 px, or of 18.66 px and bold.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.look import Look, has_dark, look
from recmail.render.lint.page import Path
from recmail.render.lint.rule import Rule
from recmail.settings.brand import LEAST_CONTRAST, contrast_of

RULE = Rule(
    name="contrast",
    severity=Severity.WARNING,
    what="words have less contrast than 4.5 (3 where they are large), in light or in dark mode",
    fix="make the words darker or lighter; colours stand under [brand] in recmail.toml, or in the styles",
)
_LARGE_PX, _LARGE_BOLD_PX = 24.0, 18.66
_NEEDED, _NEEDED_LARGE = LEAST_CONTRAST, 3.0


def of_words(path: Path) -> Iterator[Finding]:
    """Compare the colour of words with what is behind them."""
    light = look(path, False)
    yield from _compared(path, light, "light")
    if has_dark(path.sheet):
        dark = look(path, True)
        if (dark.ink, dark.behind) != (light.ink, light.behind):
            yield from _compared(path, dark, "dark")


def _compared(path: Path, seen: Look, mode: str) -> Iterator[Finding]:
    if seen.ink is None or seen.behind is None or seen.size_px < 2:
        return
    large = seen.size_px >= _LARGE_PX or (seen.bold and seen.size_px >= _LARGE_BOLD_PX)
    needed = _NEEDED_LARGE if large else _NEEDED
    ink = seen.ink.over(seen.behind)
    ratio = contrast_of(ink, seen.behind)
    if ratio < needed:
        written = f"{floor(ratio * 100) / 100:.2f}".rstrip("0").rstrip(".")
        yield RULE.finding(
            f"the words of {path.tag.label} are {ink} on {seen.behind} in {mode} mode: "
            f"contrast {written}, where {needed:g} can be read"
        )
