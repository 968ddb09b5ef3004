"""Links that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.addresses import fault
from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import Tag
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="link-address",
    severity=Severity.ERROR,
    what="a link's address is empty, only #, or cannot be read; a warning for a # without its place",
    fix="print a whole address, https://…, and leave the link out where there is none ({% if course.url %})",
)


def of_tag(tag: Tag) -> Iterator[Finding]:
    """Read the address of a link."""
    if tag.name not in ("a", "area") or "href" not in tag.attributes:
        return
    address = tag.attributes["href"].strip()
    if address == "#":
        yield RULE.finding(f"the address of {tag.label} is #: the link leads nowhere")
    elif not address.startswith("#") and (why := fault(address)):
        yield RULE.finding(f"the address of {tag.label} {why}")


def of_message(message: Message) -> Iterator[Finding]:
    """Look whether the places within the page are there to which its links lead."""
    for link in message.page.links:
        address = link.attributes["href"].strip()
        if len(address) > 1 and address[0] == "#" and address != "#top":
            names = {tag.attributes.get(key) for tag in message.page.tags for key in ("id", "name")}
            if address[1:] not in names:
                yield RULE.finding(
                    f"{link.label} leads to a place in the email that is not there",
                    severity=Severity.WARNING,
                    fix='give that place the name: <h2 id="…">',
                )
