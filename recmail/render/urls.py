"""Where an email may point to: the web and mail addresses, nothing that runs or reads files."""

from __future__ import annotations

import re
from html import unescape

from recmail.errors import RenderError

# A tag, comments for Outlook included. A printed value cannot forge one: autoescape leaves no < in it.
_TAG = re.compile(r"""<[a-zA-Z][^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
# Its attributes one after the other, so that " href=x" in a title inside alt="…" is not taken for one.
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_ADDRESSES = frozenset({"href", "src", "background", "action", "formaction", "poster"})
_BACKGROUND = re.compile(r"background[\s=/>]")  # the attribute; not background-color: in a style
_ALLOWED = re.compile(r"(?:https?://|mailto:|#)[^\s]", re.IGNORECASE)
# Browsers drop these inside an address and before it: "java\nscript:" is javascript:.
_IGNORED = re.compile("[\x00-\x20\x7f-\xa0]")


def check_addresses(html: str, *, images: str | None, template: str, user_id: str) -> None:
    """Check that every address in a page is http, https, mailto or a place in the page.

    Args:
        images: where pictures are; only when this is a file: address (a preview on this machine) may
            pictures be files, and only those below it.

    Raises:
        RenderError: the first address that is not.
    """
    local = images if images and images.startswith("file:") else None
    for tag in _TAG.finditer(html):
        if not _may_have_address(tag.group().lower()):
            continue  # most tags; taking them apart too would double the cost
        for attribute, *value in _ATTRIBUTE.findall(tag.group()):
            if attribute.lower() not in _ADDRESSES:
                continue
            address = _IGNORED.sub("", unescape("".join(value)))
            if _ALLOWED.match(address):
                continue
            if local and attribute == "src" and address.startswith(local) and "/.." not in address:
                continue
            line = html.count("\n", 0, tag.start()) + 1
            raise RenderError(
                f"{attribute} is {address[:80]!r} (line {line} of the page);"
                " an email may link only to http:, https: and mailto: addresses",
                template=template,
                user_id=user_id,
            )


def _may_have_address(tag: str) -> bool:
    if "href" in tag or "src" in tag or "action" in tag or "poster" in tag:
        return True
    return "background" in tag and _BACKGROUND.search(tag) is not None
