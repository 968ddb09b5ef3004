"""Where an email may point to: the web and mail addresses, nothing that runs or reads files."""

from __future__ import annotations

import re
from html import unescape

from recmail.errors import RenderError

# A tag, comments for Outlook included. A printed value cannot forge one: autoescape leaves no < in it.
_TAG = re.compile(r"""<[a-zA-Z][^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
_SHORTEST_TAG = re.compile("<[a-zA-Z][^>]*>")
# Its attributes one after the other, so that " href=x" in a title inside alt="…" is not taken for one.
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
ADDRESSES = frozenset({"href", "src", "background", "action", "formaction", "poster"})
"""The attributes that point somewhere."""
ONLY = "an email may link only to http:, https: and mailto: addresses"
ALLOWED = re.compile(r"(?:https?://|mailto:|#)[^\s]", re.IGNORECASE)
# Browsers drop these inside an address and before it: "java\nscript:" is javascript:.
_IGNORED = re.compile("[\x00-\x20\x7f-\xa0]")
# How nearly every tag is written: double quotes, and an address that says at once what it is.
_PLAIN_TAG = re.compile(
    r"<[a-zA-Z][a-zA-Z0-9:]*+(?:\s++(?:(?!(?:href|src|background|action|formaction|poster)\b)[a-z:-]++"
    r"""(?:="[^"]*+")?+|[a-z]++="(?:https?://|mailto:|\#)[!\#-%'-~][^"]*+"))*+\s*+/?>"""
)

_harmless_before: set[str] = set()
_MOST_TAGS, _LONGEST_TAG = 16_384, 1_000  # of those that are kept: a few megabytes


def check_addresses(html: str, *, images: str | None, template: str, user_id: str) -> None:
    """Check that every address in a page is http, https, mailto or a place in the page.

    Args:
        images: where pictures are; only when this is a file: address (a preview on this machine) may
            pictures be files, and only those below it.

    Raises:
        RenderError: the first address that is not.
    """
    unknown = set(_SHORTEST_TAG.findall(html)) - _harmless_before
    if all(map(_PLAIN_TAG.fullmatch, unknown)):
        _remember(unknown)
        return
    local = images if images and images.startswith("file:") else None
    for tag in _TAG.finditer(html):
        if _PLAIN_TAG.fullmatch(tag.group()):
            continue  # most tags; taking them apart too would double the cost
        for attribute, *value in _ATTRIBUTE.findall(tag.group()):
            if attribute.lower() not in ADDRESSES:
                continue
            address = _IGNORED.sub("", unescape("".join(value)))
            if ALLOWED.match(address):
                continue
            if local and attribute == "src" and address.startswith(local) and "/.." not in address:
                continue
            line = html.count("\n", 0, tag.start()) + 1
            raise RenderError(
                f"{attribute} is {address[:80]!r} (line {line} of the page); {ONLY}",
                template=template,
                user_id=user_id,
            )


def _remember(harmless: set[str]) -> None:
    """Keep tags for the next pages: most of a page's are the template's, alike in all messages of a run."""
    if len(_harmless_before) > _MOST_TAGS:
        _harmless_before.clear()
    _harmless_before.update(tag for tag in harmless if len(tag) <= _LONGEST_TAG)
