"""The links of a finished email lead through a door of ours, and a picture may tell that it was opened."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

from recmail.render.email import Email

# A link of a page: of a, area and Outlook's shapes, however the template's author wrote it. Its groups are
# the tag up to its address, the attribute with the space around it, and the value in its quotes.
_LINK = re.compile(
    r"""(<(?:a|area|v:[a-z]+)(?:\s+(?!href\b)[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)"""
    r"""(\s+href\s*=\s*("[^"]*"|'[^']*')(?:\s|(?=[/>])))""",
    re.IGNORECASE,
)
_BARE = re.compile(r"""https?://[^\s<>"'{}|\\^`\[\]]*[^\s<>"'{}|\\^`\[\].,;:!?)]""")
_WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_PIXEL = '<img src="{}" width="1" height="1" alt="" style="display:block;border:0;width:1px;height:1px">'

Door = Callable[[str], str | None]
"""From an address as people would open it to the one that leads there through us; None leaves it as it is."""


def through(email: Email, door: Door) -> Email:
    """Return an email whose web links lead through a door; mailto: and places in the page stay.

    One address leads through one and the same door wherever it stands, in the page and in the text.
    """
    known: dict[str, str | None] = {}
    pieces = _LINK.split(email.html)
    for at in range(2, len(pieces), 4):
        attribute, value = pieces[at], pieces[at + 1]
        new = known[value] if value in known else known.setdefault(value, _new(value, door))
        if new is not None:
            # On a line of its own: what stands around it is alike in many messages, and encoded only once.
            pieces[at] = f"\n{new}\n" if attribute[-1].isspace() else f"\n{new}"
        pieces[at + 1] = ""  # it is in the attribute
    text = _BARE.sub(lambda link: door(link[0]) or link[0], email.text)
    return replace(email, html="".join(pieces), text=text)


def _new(value: str, door: Door) -> str | None:
    """The attribute with the door to what its value, in quotes, leads to."""
    address = unescape(value[1:-1]).strip()
    new = door(address) if _WEB.match(address) else None
    return new and f'href="{_escaped(new)}"'


def _escaped(address: str) -> str:
    return address.replace("&", "&amp;").replace('"', "&quot;")


def with_picture(email: Email, url: str) -> Email:
    """Return an email with a picture that nobody sees, at the end of its page."""
    head, end, rest = email.html.rpartition("</body>")
    picture = _PIXEL.format(_escaped(url))
    return replace(email, html=f"{head}{picture}{end}{rest}" if end else email.html + picture)
