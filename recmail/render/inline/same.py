"""Compares two pages as mail clients see them: tags, attributes, text; not the bytes they are written in."""

from __future__ import annotations

import re

from lxml import etree

MARK = "data-rk"
_SPACE = re.compile(r"[ \t\n\r\f]+")


def difference(one: etree._Element, other: etree._Element) -> str:
    """Return the first difference of two parsed pages in words, "" if they are the same."""
    left, right = list(one.iter()), list(other.iter())
    for mine, theirs in zip(left, right, strict=False):
        found = _differs(mine, theirs)
        if found:
            return found
    if len(left) != len(right):
        return f"{len(left)} tags and comments instead of {len(right)}"
    return ""


def _differs(mine: etree._Element, theirs: etree._Element) -> str:
    name = mine.tag if isinstance(mine.tag, str) else "comment"
    if mine.tag != theirs.tag:
        return f"<{name}> where {theirs.tag} should be"
    if _depth(mine) != _depth(theirs):
        return f"<{name}> stands in another tag"
    if isinstance(mine.tag, str):
        have, want = _attributes(mine), _attributes(theirs)
        if have != want:
            return f"<{name}> has {have} instead of {want}"
    for have_text, want_text in ((mine.text, theirs.text), (mine.tail, theirs.tail)):
        if words(have_text) != words(want_text):
            return f"in or after <{name}>: {words(have_text)!r} instead of {words(want_text)!r}"
    return ""


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(key): str(value) for key, value in element.attrib.items() if key != MARK}


def _depth(element: etree._Element) -> int:
    return sum(1 for _ in element.iterancestors())


def words(text: str | None) -> str:
    """Return a text with each run of spaces as one; "" for nothing but spaces."""
    folded = _SPACE.sub(" ", text or "")
    return "" if folded == " " else folded
