"""Where a value stands in an event: a dotted path, one into each element of a list, or one with a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

_EACH = "[]"
_EXPECTED = 'a path such as "properties.course_id", or { from = "a.path", match = "^/courses/([a-z0-9-]+)" }'


@dataclass(frozen=True)
class Place:
    """One place.

    Attributes:
        keys: from the event to the value, or to the list.
        within: from an element of the list to the value; empty where there is no list.
        match: its first group is the value; what it does not match has none.
    """

    keys: tuple[str, ...]
    within: tuple[str, ...] = ()
    match: re.Pattern[str] | None = None

    def read(self, event: Mapping[str, Any], item: Mapping[str, Any] | None) -> str:
        """The text there, empty where there is none; `item` is the element of the list that is asked about.

        Milliseconds become seconds, and a price within a list what all of the item cost.
        """
        if not self.within:
            found = text(value_at(event, self.keys))
            return _thousandth(found) if self.keys[-1].endswith("msec") else self._matched(found)
        if item is None:
            return ""
        found = text(value_at(item, self.within))
        return _times(found, item.get("quantity")) if self.within[-1] == "price" else self._matched(found)

    def courses(self, event: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any] | None]]:
        """All texts there that are not empty, with their elements of the list."""
        if not self.within:
            found = self.read(event, None)
            return [(found, None)] if found else []
        items = value_at(event, self.keys)
        if not isinstance(items, list):
            return []
        pairs = [(self.read(event, item), item) for item in items if isinstance(item, dict)]
        return [(course_id, item) for course_id, item in pairs if course_id]

    def _matched(self, found: str) -> str:
        if self.match is None or not found:
            return found
        match = self.match.search(found)
        return (match.group(1) or "") if match else ""


def value_at(value: Any, keys: Sequence[str]) -> Any:
    """What stands at a path; None where it does not lead."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: Any) -> str:
    """A value of JSON as CSV would have it; empty for lists, objects and null."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else ""


def places(*paths: str) -> tuple[Place, ...]:
    """The places of these paths, for defaults."""
    return tuple(_place(path) for path in paths)


def _read_places(value: Any) -> tuple[Place, ...]:
    """What somebody wrote: one place, or a list of them of which the first that holds something counts."""
    return tuple(_place(one) for one in (value if isinstance(value, list) else [value]))


def _place(value: Any) -> Place:
    if isinstance(value, str):
        return _path(value)
    is_table = isinstance(value, Mapping) and value.keys() == {"from", "match"}
    if not is_table or not all(isinstance(one, str) for one in value.values()):
        raise ValueError(f"expected {_EXPECTED}")
    try:
        match = re.compile(value["match"])
    except re.error as error:
        raise ValueError(f"match: {value['match']!r} is no regular expression: {error}") from error
    if match.groups < 1:
        raise ValueError(f"match: {value['match']!r} has no group; put the course_id into round brackets")
    place = _path(value["from"])
    return Place(place.keys, place.within, match)


def _path(path: str) -> Place:
    keys = path.split(".")
    lists = [index for index, key in enumerate(keys) if key.endswith(_EACH)]
    if not all(key.removesuffix(_EACH) for key in keys):
        raise ValueError(f"{path!r}: a name is missing before, between or after the dots")
    if not lists:
        return Place(tuple(keys))
    last = lists[0]
    if len(lists) > 1 or last == len(keys) - 1:
        raise ValueError(f"{path!r}: [] goes behind one list, with a name after it: items[].item_id")
    return Place((*keys[:last], keys[last].removesuffix(_EACH)), tuple(keys[last + 1 :]))


def _thousandth(milliseconds: str) -> str:
    try:
        return str(float(milliseconds) / 1_000)
    except ValueError:
        return milliseconds


def _times(price: str, quantity: Any) -> str:
    try:
        return str(float(price) * float(text(quantity) or 1))
    except ValueError:
        return price


def _written(found: tuple[Place, ...]) -> list[list[str | None]]:
    return [[*place.keys, _EACH, *place.within, place.match and place.match.pattern] for place in found]


Places = Annotated[tuple[Place, ...], PlainValidator(_read_places), PlainSerializer(_written)]
