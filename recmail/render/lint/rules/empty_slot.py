"""Places that were meant to hold words and hold none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import HEADINGS, NOTHING, Path
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="empty-slot",
    severity=Severity.ERROR,
    what="a heading, link, button or list item holds nothing; a warning for a paragraph or a cell for words",
    fix="leave it out where there is no value: {% if … %} around the whole tag",
)
_LARGEST_SPACER_PX = 8
_PIXELS = re.compile(r"(\d+\.?\d*|\.\d+)px")


def of_message(message: Message) -> Iterator[Finding]:
    """Look at the tags that stayed empty."""
    for path, holds in message.page.empty:
        tag = path.tag
        if (
            tag.name in HEADINGS
            or tag.name in ("button", "li")
            or (tag.name == "a" and "href" in tag.attributes)
        ):
            yield RULE.finding(f"{tag.label} is empty")
        elif holds == NOTHING and (tag.name == "p" or _for_words(path)):
            yield RULE.finding(f"{tag.label} is empty", severity=Severity.WARNING)


def _for_words(path: Path) -> bool:
    """Return whether a cell has a class and styles of words, and no size, as cells have that part others."""
    styles, attributes = path.tag.styles.last, path.tag.attributes
    sized = any(name in styles or name in attributes for name in ("width", "height"))
    if path.tag.name not in ("td", "th") or sized or not attributes.get("class"):
        return False
    size = _PIXELS.fullmatch(styles.get("font-size", ""))
    if size and float(size[1]) < _LARGEST_SPACER_PX:
        return False
    return bool(size) or "font-family" in styles or "font" in styles
