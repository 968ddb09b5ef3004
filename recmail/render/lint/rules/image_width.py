"""Images without a width, which Outlook for Windows shows as large as their files are."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.page import Tag
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="image-width",
    severity=Severity.WARNING,
    what="an image has no width attribute: Outlook for Windows shows it in the size of its file",
    fix='write width="…" in the tag, in pixels and without "px"',
)


def of_tag(tag: Tag) -> Iterator[Finding]:
    """Look for the attribute."""
    if tag.name == "img" and not tag.attributes.get("width", "").strip().rstrip("%").isdecimal():
        yield RULE.finding(f"{tag.label} has no width: Outlook shows it in the size of its file")
