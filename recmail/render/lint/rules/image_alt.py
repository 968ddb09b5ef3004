"""What stands in an image's place where images are off, and what a screen reader says."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import Tag
from recmail.render.lint.rule import Rule
from recmail.render.lint.sources import Sources

RULE = Rule(
    name="image-alt",
    severity=Severity.WARNING,
    what="an image has no alternative text, or is the only content of a link and has an empty one",
    fix='write alt="what the image shows"; alt="" if it only decorates',
)


def of_templates(sources: Sources) -> Iterator[Finding]:
    """Look for images without the attribute."""
    for tag, file, line in sources.tags():
        if _missing(tag):
            yield RULE.finding(_found(tag), template=file, line=line)


def of_tag(tag: Tag) -> Iterator[Finding]:
    """Look whether an image has the attribute."""
    if _missing(tag):
        yield RULE.finding(_found(tag))


def of_message(message: Message) -> Iterator[Finding]:
    """Look for links that hold nothing but images without words."""
    for path in message.page.unnamed:
        yield RULE.finding(
            f"{path.tag.label} holds only an image without alternative text: the link has no name",
            fix='write alt="where the link leads"',
        )


def _missing(tag: Tag) -> bool:
    return tag.name == "img" and "alt" not in tag.attributes


def _found(tag: Tag) -> str:
    return f"{tag.label} has no alternative text: where images are off people see nothing"
