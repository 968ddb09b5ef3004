"""What a template prints where it has no value, or did not work it out: None, nan, {{ … }}.

A course may be called "None of the Above" and a person {{ 7*7 }}: what stands in the values themselves, or in
the template word for word, is not blamed on the template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message import Message
from recmail.render.lint.page import Tag, plain
from recmail.render.lint.rule import Rule

RULE = Rule(
    name="leaked-value",
    severity=Severity.ERROR,
    what="None, nan, NaN, NaT, undefined, {{, }}, {% or %} is read; a warning where imported values hold it",
    fix="print {{ … or '…' }}, or write {% if … %} around it",
)
_MARKS = ("{{", "}}", "{%", "%}")
_PAIRS = {"}}": "{{", "%}": "{%"}  # one finding for both
# The first tells quickly that there is none of them; "nan" is in "finance" too.
_SIGNS = (*_MARKS, "None", "nan", "NaN", "NaT", "undefined")
_SIGN = re.compile(r"\{\{|\}\}|\{%|%\}|(?<!\w)(?:None|nan|NaN|NaT|undefined)(?!\w)")
_IN_ADDRESS = re.compile(r"[/=](?:None|nan|NaN|NaT|undefined)(?=[/?&#]|$)")
_TAG = re.compile(r"<[^<>]*>")
_CUT = 3  # so many letters tell a value that was cut off by a filter


def of_tag(tag: Tag) -> Iterator[Finding]:
    """Look for what stands for a missing value in the address of a link or image."""
    for name in ("href", "src"):
        if found := _IN_ADDRESS.search(tag.attributes.get(name, "")):
            yield RULE.finding(
                f"the address of {tag.label} holds {found[0][1:]}",
                severity=Severity.WARNING,
                fix="look which value the template or the catalogue puts there",
            )


def of_message(message: Message) -> Iterator[Finding]:
    """Look for it among all words, and for where it came from."""
    email = message.email
    parts = {"subject": email.subject, "preheader": email.preheader, "text part": email.text}
    parts["HTML"] = "\n".join([*message.page.words, *message.page.alts])
    for part, text in parts.items():
        if any(sign in text for sign in _SIGNS) and _SIGN.search(text):
            yield from _blame(message, part, plain(text))


def _blame(message: Message, part: str, text: str) -> Iterator[Finding]:
    for sign in dict.fromkeys(_SIGN.findall(text)):
        held = [words for value in _texts(message.context) for words in _read(value) if _holds(words, sign)]
        own = [words for words in message.own_words if _holds(words, sign)]
        places = [found for found in _SIGN.finditer(text) if found[0] == sign]
        named = _PAIRS.get(sign, sign)
        if any(not _explained(text, found, (*held, *own)) for found in places):
            yield RULE.finding(f"{named} is read in the {part}")
        imported = sign in _MARKS or any(words.casefold() == sign.casefold() for words in held)
        if imported and any(_explained(text, found, held) for found in places):
            yield RULE.finding(
                f"{named} is read: the imported values hold it",
                severity=Severity.WARNING,
                fix="correct it in your data and import it again",
            )


def _holds(words: str, sign: str) -> bool:
    return sign.casefold() in words.casefold()


def _read(value: str) -> Iterable[str]:
    """Return a value as it is read where it is printed: as it is, as HTML, or without its tags."""
    if "<" not in value and "&" not in value:
        return (plain(value),)
    read = [
        form for gap in ("", " ") for form in (unescape(_TAG.sub(gap, value)), _TAG.sub(gap, unescape(value)))
    ]
    return dict.fromkeys(map(plain, (value, *read)))


def _explained(text: str, found: re.Match[str], values: Iterable[str]) -> bool:
    """Return whether a sign in a text is that in one of some values."""
    return any(_printed(value, text, found) for value in values)


def _printed(value: str, text: str, found: re.Match[str]) -> bool:
    """Return whether a sign in a text is that in a value, printed whole or from its beginning.

    Filters change the case of letters, so it does not count.
    """
    for sign in re.finditer(re.escape(found[0]), value, re.IGNORECASE):
        after = _alike(value[sign.end() :], text[found.end() :])
        start = found.start() - sign.start()
        before = start >= 0 and _alike(value, text[start:]) >= sign.start()
        whole = after == len(value) - sign.end()
        if before and (whole or sign.start() + after >= _CUT):
            return True
    return False


def _alike(one: str, other: str) -> int:
    """Return with how many characters two texts begin that are equal but for their case."""
    pairs = zip(one, other, strict=False)
    return next(
        (at for at, (a, b) in enumerate(pairs) if a != b and a.casefold() != b.casefold()),
        min(len(one), len(other)),
    )


def _texts(value: object) -> Iterable[str]:
    """Yield all texts of a context."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
