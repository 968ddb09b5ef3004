"""What a tree of rules comes down to: a few plain questions, put to the database or to arrays alike."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar

from recmail.segment.fields import Field, Type
from recmail.segment.tree import (
    All,
    AnyOf,
    Compare,
    Event,
    Everyone,
    Has,
    InCluster,
    IsSet,
    Node,
    Not,
    OneOf,
    Span,
    Value,
)

T = TypeVar("T")
COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""The operators of numbers; != is the opposite of ==."""
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


class Conditions(ABC, Generic[T]):
    """Turns a tree into conditions of one kind, as of an instant.

    Every answer is yes or no, also where nothing is known: a comparison with nothing is no, and `not` is the
    exact opposite. Days are days of UTC.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now

    def of(self, node: Node) -> T:
        """Return the condition that a node states."""
        match node:
            case Everyone():
                return self.everything()
            case All(parts):
                return self.all_of([self.of(part) for part in parts])
            case AnyOf(parts):
                return self.any_of([self.of(part) for part in parts])
            case Not(part):
                return self.opposite(self.of(part))
            case Event():
                return self.event(node)
            case InCluster(value):
                return self.in_cluster(str(value.value))
            case Compare(field, "!=", value):
                return self.opposite(self._compare(field, "==", value))
            case Compare(field, op, value):
                return self._compare(field, op, value)
            case OneOf(field, values, negated):
                found = self._one_of(field, values)
                return self.opposite(found) if negated else found
            case IsSet(field, negated):
                return self.opposite(self.is_set(field)) if negated else self.is_set(field)
            case Has(field, value):
                return self.has(field, str(value.value))
            case Span():
                return self._span(node)

    def _one_of(self, field: Field, values: Sequence[Value]) -> T:
        if field.type is Type.TEXT:
            return self.text(field, [str(value.value) for value in values])
        return self.any_of([self._compare(field, "==", value) for value in values])

    def _compare(self, field: Field, op: str, value: Value) -> T:
        found = value.value
        if isinstance(found, bool):
            return (
                self.true(field)
                if found
                else self.all_of([self.is_set(field), self.opposite(self.true(field))])
            )
        if isinstance(found, Decimal):
            return self.number(field, op, found)
        if isinstance(found, date):
            return self._compare_day(field, op, found)
        return self.text(field, [found])

    def _compare_day(self, field: Field, op: str, day: date) -> T:
        """Compare with a whole day: `> day` is after its end, `<= day` up to its end."""
        if field.type is Type.DAY:
            first, last = day + _DAY if op == ">" else day, day - _DAY if op == "<" else day
            return self.days(field, None if op[0] == "<" else first, None if op[0] == ">" else last)
        start = datetime.combine(day, time(), UTC)
        end = start + _DAY
        first_instant = None if op[0] == "<" else end if op == ">" else start
        last_instant = None if op[0] == ">" else (start if op == "<" else end) - _MICROSECOND
        return self._between(field, first_instant, last_instant)

    def _span(self, span: Span) -> T:
        if span.field.type is Type.DAY:
            today = self.now.astimezone(UTC).date()
            ends = (today, today + span.length) if span.ahead else (today - span.length, today)
            return self.days(span.field, *ends)
        bounds: tuple[datetime | None, datetime | None]
        if span.ahead:
            end = self.now + span.length
            bounds = (end + _MICROSECOND, None) if span.over else (self.now, end)
        else:
            start = self.now - span.length
            bounds = (None, start - _MICROSECOND) if span.over else (start, self.now)
        return self._between(span.field, *bounds)

    def _between(self, field: Field, first: datetime | None, last: datetime | None) -> T:
        """A time within bounds, both included; nothing after now counts, except where times lie ahead."""
        if not field.ahead:
            last = self.now if last is None else min(last, self.now)
        return self.between(field, first, last)

    # --- what each kind of conditions says for itself ---------------------------------------------

    @abstractmethod
    def everything(self) -> T:
        """Yes."""

    @abstractmethod
    def all_of(self, parts: Sequence[T]) -> T:
        """All parts hold."""

    @abstractmethod
    def any_of(self, parts: Sequence[T]) -> T:
        """One of the parts holds."""

    @abstractmethod
    def opposite(self, part: T) -> T:
        """The part does not hold."""

    @abstractmethod
    def is_set(self, field: Field) -> T:
        """Something is known; of a time that does not lie ahead: and it is not after now."""

    @abstractmethod
    def true(self, field: Field) -> T:
        """It is true."""

    @abstractmethod
    def text(self, field: Field, values: Sequence[str]) -> T:
        """It is one of these texts, which are in the form that is compared."""

    @abstractmethod
    def has(self, field: Field, value: str) -> T:
        """It has this text in it."""

    @abstractmethod
    def number(self, field: Field, op: str, value: Decimal) -> T:
        """It compares so with a number; op is one of == < <= > >=."""

    @abstractmethod
    def between(self, field: Field, first: datetime | None, last: datetime | None) -> T:
        """It lies between two instants, both included."""

    @abstractmethod
    def days(self, field: Field, first: date | None, last: date | None) -> T:
        """It is a day between two, both included."""

    @abstractmethod
    def event(self, event: Event) -> T:
        """The person did that."""

    def in_cluster(self, key: str) -> T:
        """The person is in the cluster of this name; nothing but people is."""
        raise AssertionError(key)
