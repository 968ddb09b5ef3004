"""Two places of one email that show the same course."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import plain
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="equal-courses",
    severity=Severity.ERROR,
    what="an email shows a course twice; a warning where two courses have the same title",
    fix="please report it: no email is planned with a course twice",
)


def of_message(message: Message) -> Iterator[Finding]:
    """Look for courses that stand in the context twice, and for titles that do."""
    courses = [course for course in message.context.get("courses") or () if isinstance(course, Mapping)]
    if len({course.get("course_id") for course in courses}) < len(courses):
        yield RULE.finding("the same course stands in two places")
        return
    titles = [plain(str(course.get("title") or "")).casefold() for course in courses]
    if len(set(titles)) < len(titles):
        yield RULE.finding(
            "two courses have the same title: they look like one that is shown twice",
            severity=Severity.WARNING,
            fix="look whether the catalogue holds a course twice; give each its own title, or leave one out",
        )
