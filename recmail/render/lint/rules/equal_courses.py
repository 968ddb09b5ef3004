"""Two places of one email that show the same course."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
    """Look for courses that stand in the context twice, for titles that do, and for what is printed twice."""
    courses = [course for course in message.context.get("courses") or () if isinstance(course, Mapping)]
    if len({course.get("course_id") for course in courses}) < len(courses):
        yield RULE.finding("the same course stands in two places")
        return
    yield from _printed(message, courses)
    titles = [plain(str(course.get("title") or "")).casefold() for course in courses]
    if len(set(titles)) < len(titles):
        yield RULE.finding(
            "two courses have the same title: they look like one that is shown twice",
            severity=Severity.WARNING,
            fix="look whether the catalogue holds a course twice; give each its own title, or leave one out",
        )


def _printed(message: Message, courses: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Look for titles that link to their course more often than there are courses of that title.

    A card may link to its course by a picture, a title and a button, and a list at the top by its title too:
    only links of the same class are compared, or those in the same place where they have none.
    """
    addresses: dict[str, list[str]] = {}
    for course in courses:
        title, url = plain(str(course.get("title") or "")), course.get("url")
        if title and isinstance(url, str):
            addresses.setdefault(title, []).append(url.partition("?")[0].partition("#")[0])
    times = Counter(
        (words, path.tag.attributes.get("class") or path)
        for words, path, address in message.page.titles
        if words in addresses and address.startswith(tuple(addresses[words]))
    )
    if any(count > len(addresses[words]) for (words, _), count in times.items()):
        yield RULE.finding(
            "the template prints the same course in two places",
            fix="print each course of a block once: {% for course in block.courses %}",
        )
