"""Images that nobody can see."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.addresses import fault
from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.page import Tag
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="image-address",
    severity=Severity.ERROR,
    what="an image's address is empty or cannot be read; a warning for a file of this machine",
    fix="print a whole address, https://…, and leave the image out where there is none",
)


def of_tag(tag: Tag) -> Iterator[Finding]:
    """Read the address of an image."""
    if tag.name != "img":
        return
    address = tag.attributes.get("src", "")
    if address.strip()[:5].lower() == "file:":
        yield RULE.finding(
            "images are files of this machine: nobody else sees them",
            severity=Severity.WARNING,
            fix="set public_url under [sender] in recmail.toml",
        )
    elif why := fault(address):
        yield RULE.finding(f"the address of {tag.label} {why}")
