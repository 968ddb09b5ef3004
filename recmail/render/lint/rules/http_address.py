"""Addresses without encryption: browsers warn of them, and mail clients leave such images out."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import Tag
from recmail.render.lint.rule import Rule
from recmail.render.lint.sources import Sources

RULE = Rule(
    name="http-address",
    severity=Severity.WARNING,
    what="a link or an image has an http: address, or one stands in the text part",
    fix="write https:, in the catalogue if it comes from there",
)
_IN_TEXT = "the text part has an http: address"


def of_templates(sources: Sources) -> Iterator[Finding]:
    """Look at the addresses that stand in templates."""
    for tag, file, line in sources.tags():
        for finding in of_tag(tag):
            yield RULE.finding(finding.found, template=file, line=line)
    for file, text in sources.text.items():
        for number, written in enumerate(text.split("\n"), start=1):
            if "http://" in written.lower():
                yield RULE.finding(_IN_TEXT, template=file, line=number)


def of_message(message: Message) -> Iterator[Finding]:
    """Look at the addresses of the text part."""
    if "http://" in message.email.text.lower():
        yield RULE.finding(_IN_TEXT)


def of_tag(tag: Tag) -> Iterator[Finding]:
    """Look at the addresses of one tag."""
    for name in ("href", "src", "background"):
        if tag.attributes.get(name, "").strip()[:5].lower() == "http:":
            what = "leads to" if name == "href" else "shows an image of"
            yield RULE.finding(f"{tag.label} {what} an http: address")
