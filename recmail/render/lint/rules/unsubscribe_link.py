"""The way out, which the law wants in every email, and without which people press "spam" instead."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.rule import Rule
from recmail.render.lint.sources import Sources

RULE = Rule(
    name="unsubscribe-link",
    severity=Severity.ERROR,
    what="the HTML or the text part has no link to unsubscribe that is seen",
    fix="print {{ links.unsubscribe }} at the end, in the HTML as the address of a link",
)
_PRINTED = re.compile(r"\blinks\s*(?:\.\s*unsubscribe\b|\[\s*['\"]unsubscribe['\"]\s*\])")
_HTML, _TEXT = "the HTML has no link to unsubscribe", "the text part has no link to unsubscribe"


def of_templates(sources: Sources) -> Iterator[Finding]:
    """Look for the address in all files of each part."""
    for kind in sources.parts_without(_PRINTED):
        yield RULE.finding(_HTML if kind == "html" else _TEXT, template=f"{sources.template}.{kind}.j2")


def of_message(message: Message) -> Iterator[Finding]:
    """Look for the person's own address to unsubscribe."""
    address = message.value("links", "unsubscribe")
    links = [tag.attributes["href"].strip() for tag in message.page.links]
    if not address or not any(link.startswith(address) for link in links):
        yield RULE.finding(_HTML)
    elif not any(link.startswith(address) for link in message.page.seen):
        yield RULE.finding(
            "nobody sees the link to unsubscribe in the HTML: it is hidden or empty",
            fix="write words into it, and no style that hides them",
        )
    if message.email.text.strip() and (not address or address not in message.email.text):
        yield RULE.finding(_TEXT)
