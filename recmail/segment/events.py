"""Conditions inside the parentheses of an event, as SQL on its row of the interactions table."""

# ruff: noqa: D102 - conditions.py says what each method answers

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import interactions
from recmail.segment.catalogue import Courses
from recmail.segment.conditions import COMPARED
from recmail.segment.courses import CourseConditions
from recmail.segment.fields import Field, of_events
from recmail.segment.sql import Condition, SqlConditions, lower_ascii
from recmail.segment.tree import All, Event, Node, fields_of

_OWN = frozenset(of_events().values())


class EventConditions(SqlConditions):
    """What is asked of courses is answered from the catalogue, and becomes a list of course numbers."""

    def __init__(self, catalogue: Courses, now: datetime) -> None:
        super().__init__(now)
        self._size = len(catalogue)
        self._courses = CourseConditions(catalogue, now)

    def conditions(self, what: Node) -> list[Condition]:
        """Return conditions that together state what an event has to be; about a course, it must have one."""
        if not fields_of(what) & _OWN:
            return [among(interactions.c.course_no, self._courses.numbers(what))]
        if isinstance(what, All):
            return [condition for part in what.parts for condition in self.conditions(part)]
        if fields_of(what) <= _OWN:
            return [self.of(what)]
        return [interactions.c.course_no.between(0, self._size - 1), self.of(what)]

    def of(self, node: Node) -> Condition:
        """Return the condition that a node states; False, never NULL, for an event without a course."""
        if fields_of(node) & _OWN:
            return super().of(node)
        numbers = self._courses.numbers(node)
        return sa.func.coalesce(among(interactions.c.course_no, numbers), sa.false())

    def is_set(self, field: Field) -> Condition:
        return (interactions.c.query if field.name == "query" else interactions.c.value).is_not(None)

    def has(self, field: Field, value: str) -> Condition:
        found = lower_ascii(interactions.c.query).contains(value, autoescape=True)
        return sa.func.coalesce(found, sa.false())

    def number(self, field: Field, op: str, value: Decimal) -> Condition:
        return sa.func.coalesce(COMPARED[op](interactions.c.value, float(value)), sa.false())

    def true(self, field: Field) -> Condition:
        """Events have no such field of their own."""
        raise AssertionError(field.name)

    def text(self, field: Field, values: Sequence[str]) -> Condition:
        """Events have no such field of their own."""
        raise AssertionError(field.name)

    def between(self, field: Field, first: datetime | None, last: datetime | None) -> Condition:
        """Events have no such field of their own."""
        raise AssertionError(field.name)

    def days(self, field: Field, first: date | None, last: date | None) -> Condition:
        """Events have no such field of their own."""
        raise AssertionError(field.name)

    def event(self, event: Event) -> Condition:
        """An event has no events."""
        raise AssertionError(event.kind)
