"""Conditions on people, as SQL on the users table: bind parameters only, and never NULL."""

# ruff: noqa: D102 - conditions.py says what each method answers

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.sql import FromClause

from recmail.db.consent import personalized
from recmail.db.learned_tables import clusters, people_clusters
from recmail.db.tables import courses, interactions
from recmail.records import TAKEN_KINDS
from recmail.segment.catalogue import Courses
from recmail.segment.conditions import COMPARED
from recmail.segment.events import EventConditions
from recmail.segment.fields import Field, Type
from recmail.segment.sql import Condition, SqlConditions, attribute, lower_ascii
from recmail.segment.tree import Event

_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = {"signed_up": "signed_up_at"}
_KINDS = {"enrolments": TAKEN_KINDS, "completions": ("completed",)}

DoneBy: TypeAlias = Callable[[FromClause, Sequence[Condition], int], Condition]
"""From people, conditions on interactions and a number: who has at least so many such interactions."""


def looked_up(people: FromClause, conditions: Sequence[Condition], times: int) -> Condition:
    """Ask for each person by the index on (user_no, at): the cost grows with the people who are asked."""
    # Without correlate, a query around this one that reads interactions too would lend it its rows.
    mine = (interactions.c.user_no == people.c.user_no, *conditions)
    if times == 1:
        return sa.select(sa.literal(1)).where(*mine).correlate(people).exists()
    count = sa.select(sa.func.count()).select_from(interactions).where(*mine).correlate(people)
    return count.scalar_subquery() >= times


def collected(people: FromClause, conditions: Sequence[Condition], times: int) -> Condition:
    """Collect everybody who did it once, then look people up: for counting a whole audience on SQLite."""
    doers = sa.select(interactions.c.user_no).where(*conditions)
    if times > 1:
        doers = doers.group_by(interactions.c.user_no).having(sa.func.count() >= times)
    return people.c.user_no.in_(doers)


class PeopleConditions(SqlConditions):
    """Conditions on the rows of `people`, which is the users table or an alias of it."""

    def __init__(
        self, people: FromClause, catalogue: Courses, now: datetime, *, done_by: DoneBy = looked_up
    ) -> None:
        super().__init__(now)
        self._people, self._catalogue, self._done_by = people, catalogue, done_by

    def is_set(self, field: Field) -> Condition:
        if field.type is Type.TIME:
            return self.between(field, None, self.now)
        return self._column(field).is_not(None)

    def true(self, field: Field) -> Condition:
        return self._column(field).is_(True)

    def text(self, field: Field, values: Sequence[str]) -> Condition:
        if field.name == "favourite_category" and not field.attribute:
            return self._known(self._favourite().in_(self._catalogue.category_numbers(values)))
        if field.name == "language" and not field.attribute:
            tag = lower_ascii(self._column(field))
            varieties = (tag.startswith(f"{value}-", autoescape=True) for value in values)
            return self._known(sa.or_(tag.in_(values), *varieties))
        return self._known(self._column(field).in_(values))

    def has(self, field: Field, value: str) -> Condition:
        """No field of people is searched for a part."""
        raise AssertionError(field.name)

    def number(self, field: Field, op: str, value: Decimal) -> Condition:
        return self._known(COMPARED[op](self._column(field), float(value)))

    def between(self, field: Field, first: datetime | None, last: datetime | None) -> Condition:
        if field.name == "last_seen":
            return self._seen_last(first, last)
        return self._known(sa.and_(*_bounds(self._column(field), first, last)))

    def days(self, field: Field, first: date | None, last: date | None) -> Condition:
        day = self._column(field)
        bounds = [day >= first.isoformat()] if first else []
        return self._known(sa.and_(*bounds, *([day <= last.isoformat()] if last else [])))

    def event(self, event: Event) -> Condition:
        start = None if event.within is None else self.now - event.within
        inner = EventConditions(self._catalogue, self.now)
        done = (
            interactions.c.kind == event.kind,
            *_bounds(interactions.c.at, start, self.now),
            *([] if event.what is None else inner.conditions(event.what)),
        )
        if event.op == ">=":
            return self._done_by(self._people, done, event.times)
        return sa.not_(self._done_by(self._people, done, event.times + 1))

    def in_cluster(self, key: str) -> Condition:
        """Who switched personalization off since the last training is in none."""
        mine = people_clusters.c.user_no == self._people.c.user_no, clusters.c.name_key == key
        found = sa.select(sa.literal(1)).join_from(
            people_clusters, clusters, clusters.c.cluster_no == people_clusters.c.cluster_no
        )
        there = found.where(*mine).correlate(self._people).exists()
        return sa.and_(there, personalized(self._people.c.user_no, self.now))

    # --- what people's fields are in the database -------------------------------------------------

    def _column(self, field: Field) -> sa.ColumnElement[Any]:
        if field.attribute:
            return attribute(self._people, field.name, field.type)
        if field.name in _KINDS:
            return self._taken(sa.func.count(interactions.c.course_no.distinct()), _KINDS[field.name])
        if field.name == "favourite_category":
            return self._favourite()
        column: sa.ColumnElement[Any] = self._people.c[_COLUMNS.get(field.name, field.name)]
        return column

    def _taken(self, what: sa.ColumnElement[Any], kinds: Sequence[str]) -> sa.ScalarSelect[Any]:
        return (
            sa.select(what)
            .where(
                interactions.c.user_no == self._people.c.user_no,
                interactions.c.kind.in_(kinds),
                interactions.c.at <= self.now,
            )
            .correlate(self._people)
            .scalar_subquery()
        )

    def _favourite(self) -> sa.ScalarSelect[Any]:
        """The number of the category with the most courses taken, then the newest, then the first by name."""
        numbers = self._catalogue.categories
        if not numbers:
            return sa.select(sa.null()).scalar_subquery()
        number = sa.case(dict(numbers), value=courses.c.category).label("category_no")
        return (
            sa.select(number)
            .select_from(interactions.join(courses, courses.c.course_no == interactions.c.course_no))
            .where(
                interactions.c.user_no == self._people.c.user_no,
                interactions.c.kind.in_(TAKEN_KINDS),
                interactions.c.at <= self.now,
                courses.c.category.in_(list(numbers)),
            )
            .group_by(sa.text("category_no"))
            .order_by(
                sa.func.count(interactions.c.course_no.distinct()).desc(),
                sa.func.max(interactions.c.at).desc(),
                sa.text("category_no"),
            )
            .limit(1)
            .correlate(self._people)
            .scalar_subquery()
        )

    def _seen_last(self, first: datetime | None, last: datetime | None) -> Condition:
        """The latest visit or interaction up to now lies between two instants.

        No maximum is needed: there is one in between, and none from there to now. EXISTS stops at the first
        that the index (user_no, at) finds.
        """
        if last is None or last >= self.now:
            return self._seen(first, self.now)
        return sa.and_(self._seen(first, last), sa.not_(self._seen(last + _MICROSECOND, self.now)))

    def _seen(self, first: datetime | None, last: datetime) -> Condition:
        visit = self._known(sa.and_(*_bounds(self._people.c.last_seen_at, first, last)))
        return sa.or_(visit, looked_up(self._people, _bounds(interactions.c.at, first, last), 1))

    @staticmethod
    def _known(condition: Condition) -> Condition:
        """No where the condition is NULL, so that its opposite is exact."""
        return sa.func.coalesce(condition, sa.false())


def _bounds(at: sa.ColumnElement[datetime], first: datetime | None, last: datetime | None) -> list[Condition]:
    """A time from `first` to `last`, both included."""
    return [*([] if first is None else [at >= first]), *([] if last is None else [at <= last])]
