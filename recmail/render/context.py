"""A person's values made safe to print; `names` says which there are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

from recmail.errors import RenderError

# Controls (except tab and newline), lone surrogates and noncharacters: libxml2 stops reading at some of
# them, UTF-8 cannot hold others, and mail clients show boxes.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Marks that switch the writing direction: one left open in a name would turn the sentence around it.
_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_FIRST_STRONG_ISOLATE, _POP_DIRECTIONAL_ISOLATE = "\u2068", "\u2069"
_UNCHANGED = frozenset({int, float, bool, type(None)})
_OTHER_DIRECTION = {"ltr": frozenset({"R", "AL"}), "rtl": frozenset({"L"})}


def clean_name(name: str) -> str:
    """Return a person's name or a title as one line without controls and direction marks.

    Message headers want it too: `build_mime` refuses a name that holds a control character.
    """
    if not name.isprintable():
        name = _DIRECTION_MARKS.sub("", _UNPRINTABLE.sub(" ", name))
    return " ".join(name.split())


def isolate(text: str, direction: str) -> str:
    """Return `text` wrapped in Unicode isolates if it holds letters of the other writing direction.

    Without them "שרה, 3 courses" shows its comma and number on the wrong side. Isolates and not <bdi>,
    because subjects and the text part have no markup.

    Source: Unicode Standard Annex #9, sections 2.4 and 2.7.
    """
    if direction == "ltr" and text.isascii():
        return text
    other = _OTHER_DIRECTION.get(direction, frozenset())
    if any(unicodedata.bidirectional(character) in other for character in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_DIRECTIONAL_ISOLATE}"
    return text


def printable(context: Mapping[str, object], *, user_id: str) -> dict[str, object]:
    """Return a copy of a context that is safe to print: plain values, no control characters, names isolated.

    Raises:
        RenderError: a value is not a plain str, int, float, bool, None, list or dict. A template could call
            the methods of any other object, and autoescape trusts what calls itself markup.
    """
    copies: dict[int, object] = {}
    try:
        values = {name: _plain(value, copies) for name, value in context.items()}
    except TypeError:
        path, kind = next(_improper(context, ""))
        raise RenderError(f"{path} is a {kind}; templates get plain values only", user_id=user_id) from None
    direction = str(values.get("direction") or "ltr")
    _isolate_fields(values.get("user"), ("first_name", "last_name"), direction)
    _isolate_fields(values.get("because"), ("title",), direction)
    courses = _listed(values.get("courses"))
    for block in _listed(values.get("blocks")):
        courses += _listed(block.get("courses")) if isinstance(block, dict) else []
    for course in {id(course): course for course in courses}.values():
        _isolate_fields(course, ("title", "subtitle"), direction)
    return values


def _plain(value: object, copies: dict[int, object]) -> object:
    """Return a copy of a value; what stands in two places, as courses do, is copied once.

    Raises:
        TypeError: it is not plain, or not all that it holds.
    """
    if type(value) is str:
        return value if value.isprintable() else _UNPRINTABLE.sub("", value)
    if type(value) in _UNCHANGED:
        return value
    if id(value) in copies:
        return copies[id(value)]
    if type(value) is dict:
        made: object = {
            # Nearly all are texts like this; the call would cost more than the question.
            key: item if type(item) is str and item.isprintable() else _plain(item, copies)
            for key, item in value.items()
        }
    elif type(value) is list:
        made = [_plain(item, copies) for item in value]
    else:
        raise TypeError(type(value))
    copies[id(value)] = made
    return made


def _improper(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield where values stand that are not plain, and what they are."""
    if type(value) is dict:
        for key, item in value.items():
            yield from _improper(item, f"{path}.{key}" if path else key)
    elif type(value) is list:
        for at, item in enumerate(value):
            yield from _improper(item, f"{path}[{at}]")
    elif type(value) is not str and type(value) not in _UNCHANGED:
        yield path, type(value).__name__


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _isolate_fields(record: object, fields: tuple[str, ...], direction: str) -> None:
    if isinstance(record, dict):
        for field in fields:
            if isinstance(record.get(field), str):
                record[field] = isolate(clean_name(record[field]), direction)
