"""What an inbox shows of a subject."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import plain
from recmail.render.lint.rule import Rule

LONGEST = 60

RULE = Rule(
    name="subject",
    severity=Severity.WARNING,
    what=f"the subject is longer than {LONGEST} characters, or empty (an error)",
    fix="put what matters first, and let `truncate_words` shorten titles",
)


def of_message(message: Message) -> Iterator[Finding]:
    """Look at the length of the subject."""
    subject = plain(message.email.subject)
    if not subject:
        yield RULE.finding(
            "the subject is empty",
            severity=Severity.ERROR,
            fix="write what to print where a value is missing",
        )
    elif len(subject) > LONGEST:
        yield RULE.finding(f"the subject is longer than {LONGEST} characters: phones cut it off")
