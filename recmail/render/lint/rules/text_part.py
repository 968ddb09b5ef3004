"""The text part: what watches, screen readers and spam filters read, and people who switched HTML off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import plain
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="text-part",
    severity=Severity.ERROR,
    what="there is no text part; a warning where it leaves out courses or most words of the HTML",
    fix="write NAME.txt.j2 with all that the HTML says; `recmail check` drafts one",
)
_ENOUGH = 1 / 3  # the HTML says "Enroll now" for each course and repeats titles; the text need not


def of_message(message: Message) -> Iterator[Finding]:
    """Compare what both parts say."""
    text, html = message.text_words, message.html_words
    if not text:
        yield RULE.finding("there is no text part")
        return
    courses = message.context.get("courses") or ()
    titles = {plain(str(course.get("title") or "")) for course in courses if isinstance(course, Mapping)}
    if any(title not in text and title in html for title in titles if title):
        yield RULE.finding(
            "the text part leaves out courses that the HTML shows",
            severity=Severity.WARNING,
            fix="print the same courses in both templates",
        )
    elif len(text) < len(html) * _ENOUGH:
        yield RULE.finding(
            "the text part says less than a third of the HTML",
            severity=Severity.WARNING,
            fix="print in NAME.txt.j2 what the HTML says",
        )
