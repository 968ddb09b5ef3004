"""Which language an email speaks: weekly.hi.html.j2 beside weekly.html.j2 is for those who read Hindi."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from recmail.render.bundle import TemplateBundle

if TYPE_CHECKING:
    from recmail.recommend.blocks import Words

TAG = "[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*"
"""A language (BCP 47) as settings and file names have it."""
# Scripts written from right to left, by language.
_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})


def fallback_chain(tag: str) -> Iterator[str]:
    """Return a language tag and ever wider ones: hi-Latn-IN, hi-Latn, hi (RFC 4647, 3.4)."""
    parts = tag.split("-")
    for count in range(len(parts), 0, -1):
        yield "-".join(parts[:count])


def nearest(tag: str, offered: Collection[str]) -> str | None:
    """Return the narrowest of the languages offered that a tag is of, None when it is of none."""
    known = {one.lower(): one for one in offered}
    return next((known[one] for one in fallback_chain(tag.lower()) if one in known), None)


def spoken(person: str | None, offered: Collection[str], default: str) -> str:
    """Return the language of one person's email: the nearest to theirs that is offered, else the default."""
    return nearest(person or default, {*offered, default}) or default


def words_in(words: Words | None, language: str, default: str) -> str | None:
    """Return a text of a campaign in a language: the nearest that it is written in, else the default one."""
    if not isinstance(words, dict):
        return words
    return words[nearest(language, words) or nearest(default, words) or next(iter(words))]


def direction(language: str) -> str:
    """Return in which direction a language is written: ltr or rtl."""
    return "rtl" if language.split("-")[0] in _RIGHT_TO_LEFT else "ltr"


def editions(bundle: TemplateBundle, template: str) -> dict[str, str]:
    """Return the languages in which a template is there, each with its name: {"hi": "weekly.hi"}."""
    pattern = re.compile(rf"{re.escape(template)}\.({TAG})\.(?:html|txt)\.j2")
    found = sorted(match[1] for match in map(pattern.fullmatch, bundle.files) if match)
    return {tag: f"{template}.{tag}" for tag in found}
