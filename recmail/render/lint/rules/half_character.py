"""Characters that are halves of one: no email can hold them, so it would fail when it is sent."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="half-character",
    severity=Severity.ERROR,
    what=r"a part of the email holds half a character (\ud83d) and cannot be written as UTF-8",
    fix=r"write the character itself, or \U0001f600 in place of \ud83d\ude00",
)


def of_message(message: Message) -> Iterator[Finding]:
    """Look at all parts."""
    email = message.email
    parts = {
        "subject": email.subject,
        "preheader": email.preheader,
        "HTML": email.html,
        "text part": email.text,
    }
    for part, text in parts.items():
        if not text.isascii() and not _whole(text):
            yield RULE.finding(f"the {part} holds half a character and cannot be written as UTF-8")


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
