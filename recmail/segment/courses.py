"""Conditions on courses, answered for the whole catalogue at once: a bool for each course."""

# ruff: noqa: D102 - conditions.py says what each method answers

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from recmail.db.types import to_microseconds
from recmail.records import CURRENCY_DIGITS, category_key
from recmail.segment.catalogue import Courses
from recmail.segment.conditions import COMPARED, Conditions
from recmail.segment.fields import Field, Type
from recmail.segment.tree import Event, Node

_COLUMNS = {"published": "published_at", "closes": "closes_at", "price": "price_minor"}
_FOLDED = ("title", "category", "tags", "topics")


class CourseConditions(Conditions[np.ndarray]):
    """Bool arrays over all courses."""

    def __init__(self, courses: Courses, now: datetime) -> None:
        super().__init__(now)
        self._courses = courses

    def numbers(self, node: Node) -> list[int]:
        """Return the numbers of the courses that meet a condition."""
        found: list[int] = np.flatnonzero(self.of(node)).tolist()
        return found

    def everything(self) -> np.ndarray:
        return np.ones(len(self._courses), dtype=bool)

    def all_of(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        found: np.ndarray = np.all(parts, axis=0)
        return found

    def any_of(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        found: np.ndarray = np.any(parts, axis=0)
        return found

    def opposite(self, part: np.ndarray) -> np.ndarray:
        return ~part

    def is_set(self, field: Field) -> np.ndarray:
        if field.type is Type.TIME:
            return self.between(field, None, None if field.ahead else self.now)
        return self._each(field, lambda value: value not in (None, []))

    def true(self, field: Field) -> np.ndarray:
        return self._each(field, bool)

    def text(self, field: Field, values: Sequence[str]) -> np.ndarray:
        if field.name == "language":
            return self._each(field, lambda tag: tag is not None and _speaks(tag, values))
        wanted = set(values)
        return self._each(field, lambda text: text in wanted)

    def has(self, field: Field, value: str) -> np.ndarray:
        return self._each(field, lambda found: found is not None and value in found)

    def number(self, field: Field, op: str, value: Decimal) -> np.ndarray:
        limit: Any = self._minor(value) if field.name == "price" else float(value)
        return np.asarray(COMPARED[op](self._numbers(field), limit), dtype=bool)

    def _minor(self, value: Decimal) -> np.ndarray:
        """A price in the minor units of each course's currency."""
        codes = [code or "" for code in self._courses.column("currency")]
        minor = {code: float(value.scaleb(CURRENCY_DIGITS.get(code, 2))) for code in set(codes)}
        return np.array([minor[code] for code in codes], dtype=np.float64)

    def between(self, field: Field, first: datetime | None, last: datetime | None) -> np.ndarray:
        at = self._numbers(field)  # microseconds are whole numbers below 2 ** 53 until the year 2255
        found: np.ndarray = ~np.isnan(at)
        if first is not None:
            found &= at >= to_microseconds(first)
        if last is not None:
            found &= at <= to_microseconds(last)
        return found

    def days(self, field: Field, first: date | None, last: date | None) -> np.ndarray:
        """No field of courses is a day without a time."""
        raise AssertionError(field.name)

    def event(self, event: Event) -> np.ndarray:
        """Courses do nothing."""
        raise AssertionError(event.kind)

    def _values(self, field: Field) -> Sequence[Any]:
        return self._courses.column(_COLUMNS.get(field.name, field.name))

    def _numbers(self, field: Field) -> np.ndarray:
        """Values as floats; nan, of which every comparison is False, where there is none."""
        return np.array([np.nan if one is None else one for one in self._values(field)], dtype=np.float64)

    def _each(self, field: Field, holds: Callable[[Any], bool]) -> np.ndarray:
        values: Iterable[Any] = self._values(field)
        if field.name in _FOLDED:
            values = map(_folded, values)
        return np.fromiter(map(holds, values), dtype=bool, count=len(self._courses))


def _folded(value: Any) -> Any:
    return [category_key(one) for one in value] if isinstance(value, list) else category_key(value)


def _speaks(tag: str, wanted: Sequence[str]) -> bool:
    """Whether a language tag is one of those wanted, which are in small letters, or a variety of it.

    Source: RFC 4647, 3.3.1, basic filtering.
    """
    small = tag.lower()
    return any(small == one or small.startswith(f"{one}-") for one in wanted)
