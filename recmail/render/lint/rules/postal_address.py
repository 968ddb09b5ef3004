"""The sender's postal address, which the law wants in every email that advertises (CAN-SPAM, CASL, UWG)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import plain
from recmail.render.lint.rule import Rule
from recmail.render.lint.sources import Sources

RULE = Rule(
    name="postal-address",
    severity=Severity.ERROR,
    what="the HTML or the text part does not show the sender's postal address",
    fix="print {{ sender.postal_address }} at the end",
)
_PRINTED = re.compile(r"\bsender\s*(?:\.\s*postal_address\b|\[\s*['\"]postal_address['\"]\s*\])")
_HTML, _TEXT = "the HTML has no postal address", "the text part has no postal address"


def of_templates(sources: Sources) -> Iterator[Finding]:
    """Look for the address in all files of each part."""
    for kind in sources.parts_without(_PRINTED):
        yield RULE.finding(_HTML if kind == "html" else _TEXT, template=f"{sources.template}.{kind}.j2")


def of_message(message: Message) -> Iterator[Finding]:
    """Look for the address of the settings among the words of both parts."""
    address = plain(message.value("sender", "postal_address") or "")
    if not address:
        yield RULE.finding(
            "no postal address is set", fix="write postal_address under [sender] in recmail.toml"
        )
        return
    if not _shows(message.html_words, address):
        yield RULE.finding(_HTML)
    if message.email.text.strip() and not _shows(message.text_words, address):
        yield RULE.finding(_TEXT)


def _shows(words: str, address: str) -> bool:
    """Return whether an address is among words, also in lines of its own without the commas between."""
    return address in words or _letters(address) in _letters(words)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
