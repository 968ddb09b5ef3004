"""Gmail cuts long emails off and hides what follows, the link to unsubscribe first of all.

Source: Google gives no figure; senders measure 102 KB of HTML after decoding
(https://github.com/hteumeuleu/email-bugs/issues/41).
"""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.rule import Rule

CLIPPED_BYTES = 102_400
NEAR_BYTES = CLIPPED_BYTES * 9 // 10

RULE = Rule(
    name="size",
    severity=Severity.ERROR,
    what="the HTML is larger than 102,400 bytes, where Gmail cuts it off; a warning from 90 % of that",
    fix="show fewer courses, or shorten the styles: each style attribute is sent once for every tag",
)


def of_message(message: Message) -> Iterator[Finding]:
    """Compare the size of the HTML with what Gmail shows."""
    if message.html_bytes > CLIPPED_BYTES:
        yield RULE.finding("larger than 102,400 bytes: Gmail cuts the end off, with the link to unsubscribe")
    elif message.html_bytes >= NEAR_BYTES:
        yield RULE.finding("nearly 102,400 bytes, where Gmail cuts emails off", severity=Severity.WARNING)
