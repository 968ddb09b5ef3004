"""Headings that announce nothing."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="bare-heading",
    severity=Severity.WARNING,
    what="a heading is followed by one of its rank or higher, in another place, with nothing between",
    fix="print the heading only where something follows: {% if block.courses %} around both",
)


def of_message(message: Message) -> Iterator[Finding]:
    """Look at the headings without anything under them."""
    for path in message.page.bare:
        yield RULE.finding(f"nothing stands under {path.tag.label}")
