"""The line that an inbox shows after the subject."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import plain
from recmail.render.lint.rule import Rule

SHORTEST, LONGEST = 40, 110

RULE = Rule(
    name="preheader",
    severity=Severity.WARNING,
    what=f"there is no preheader, or it is shorter than {SHORTEST} or longer than {LONGEST} characters",
    fix="write a sentence of 40 to 110 characters that goes on where the subject ends",
)


def of_message(message: Message) -> Iterator[Finding]:
    """Look at the length of the preheader."""
    length = len(plain(message.email.preheader))
    if not length:
        yield RULE.finding("no preheader: inboxes show the first words of the email instead")
    elif length < SHORTEST:
        yield RULE.finding(f"the preheader is shorter than {SHORTEST} characters: room in the inbox is left")
    elif length > LONGEST:
        yield RULE.finding(f"the preheader is longer than {LONGEST} characters: inboxes cut it off")
