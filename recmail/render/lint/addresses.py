"""What is wrong with an address that a link or an image has."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOST = re.compile(r"[^\s!-,/:-@\[-^`{-~]+|[0-9a-f:.]+", re.IGNORECASE)
_JINJA = re.compile(r"\{\{|\{%")


def fault(address: str) -> str:
    """Return why nobody gets anywhere by an address, to be read after "the address"; "" for a good one.

    Source: RFC 3986; which schemes an email may use, recmail.render.urls.
    """
    address = address.strip()
    if not address:
        return "is empty"
    if _JINJA.search(address):
        return "holds Jinja that was not worked out"
    if any(character.isspace() for character in address):
        return "has a space in it"
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for one that is no number
    except ValueError:
        return "cannot be read"
    scheme = parts.scheme.lower()
    if scheme in ("http", "https"):
        return "" if _HOST.fullmatch(parts.hostname or "") else "has no host that can be read"
    if scheme == "mailto":
        return "" if "@" in parts.path or parts.query else "has no mailbox"
    return f"begins with {scheme}:, which an email may not use" if scheme else "is not a whole one"
