"""Who is addressed: a segment in words, as a condition of SQL; and the same words to choose courses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from sqlalchemy.sql import FromClause

from recmail.db.tables import users
from recmail.segment.catalogue import Courses
from recmail.segment.courses import CourseConditions
from recmail.segment.fields import courses as _course_scope
from recmail.segment.fields import people as _people_scope
from recmail.segment.most_common import Common, most_common
from recmail.segment.names import unknown_names
from recmail.segment.people import DoneBy, PeopleConditions, collected, looked_up
from recmail.segment.reading import read_condition, read_rules
from recmail.segment.tree import Node, Rule

__all__ = [
    "Common",
    "Courses",
    "Segment",
    "audience_query",
    "check_segment",
    "check_where",
    "compile_segment",
    "count_rules",
    "courses_where",
    "unknown_names",
    "values_instead",
    "whole_audience",
]


@dataclass(frozen=True)
class Segment:
    """People by what is known of them at `now`; erased people are in no segment."""

    now: datetime
    rules: tuple[Rule, ...]
    catalogue: Courses = field(repr=False)

    def where(self, people: FromClause, *, done_by: DoneBy = looked_up) -> sa.ColumnElement[bool]:
        """Return the condition that a row of `people` (the users table or an alias of it) is addressed."""
        conditions = PeopleConditions(people, self.catalogue, self.now, done_by=done_by)
        return sa.and_(people.c.erased_at.is_(None), *(conditions.of(rule.node) for rule in self.rules))


def compile_segment(text: str, now: datetime, *, attributes: Mapping[str, str], courses: Courses) -> Segment:
    """Read a segment as of an instant.

    Args:
        attributes: types (text, number, boolean, date) of people's declared attributes by name.
        courses: the catalogue; events are asked for courses that are in it.

    Raises:
        ConfigError: every mistake; line and column count inside the text.
    """
    return Segment(now, check_segment(text, attributes), courses)


def check_segment(text: str, attributes: Mapping[str, str]) -> tuple[Rule, ...]:
    """Return the rules of a segment, checked for its words only.

    Raises:
        ConfigError: every mistake; line and column count inside the text.
    """
    return read_rules(text, _people_scope(attributes))


def check_where(text: str) -> Node:
    """Return a condition on courses, checked for its words only.

    Raises:
        ConfigError: every mistake; line and column count inside the text.
    """
    return read_condition(text, _course_scope())


def courses_where(text: str, courses: Courses, now: datetime) -> np.ndarray:
    """Tell which courses meet a condition: a bool for each.

    Raises:
        ConfigError: every mistake; line and column count inside the text.
    """
    return CourseConditions(courses, now).of(check_where(text))


def audience_query(segment: Segment, low: int, high: int) -> sa.Select[tuple[int]]:
    """Select the user numbers of a segment with low <= user_no < high.

    It reads an alias of users, so that it keeps its meaning inside a query on users.
    """
    people = users.alias("audience")
    some = people.c.user_no >= low, people.c.user_no < high
    return sa.select(people.c.user_no).where(*some, segment.where(people))


def whole_audience(connection: sa.Connection, segment: Segment) -> sa.Select[tuple[int]]:
    """Select all user numbers of a segment; for queries that go through everybody at once."""
    people = users.alias("audience")
    return sa.select(people.c.user_no).where(segment.where(people, done_by=_at_once(connection)))


def _at_once(connection: sa.Connection) -> DoneBy:
    """How to ask everybody: PostgreSQL decides by itself whether to collect, but only if it may look up."""
    return collected if connection.dialect.name == "sqlite" else looked_up


def count_rules(connection: sa.Connection, segment: Segment) -> list[tuple[str, int]]:
    """Count the people who are left after each rule, together with the rules before it; in one pass.

    Each person stops at the first rule that leaves them out. The first rule stands in WHERE, where the
    database can begin with the few whom it finds, instead of looking at everybody.
    """
    conditions = PeopleConditions(users, segment.catalogue, segment.now, done_by=_at_once(connection))
    first, *others = (conditions.of(rule.node) for rule in segment.rules)
    within_first = sa.and_(users.c.erased_at.is_(None), first)
    if not others:
        counting = sa.select(sa.func.count()).select_from(users).where(within_first)
        counts = [connection.execute(counting).scalar_one()]
    else:
        passed = sa.case(
            *((sa.not_(rule), number) for number, rule in enumerate(others)), else_=len(others)
        ).label("passed")
        # Without MATERIALIZED, SQLite works every rule out once for each count.
        people = sa.select(passed).where(within_first).cte("people").prefix_with("MATERIALIZED")
        left = (sa.func.count(sa.case((people.c.passed >= number, 1))) for number in range(len(others) + 1))
        counts = list(connection.execute(sa.select(*left)).one())
    return [(rule.text, int(count)) for rule, count in zip(segment.rules, counts, strict=True)]


def rules_met(connection: sa.Connection, segment: Segment, user_no: int) -> list[tuple[str, bool]]:
    """Tell of each rule, as it is written, whether one person meets it by what is known now."""
    conditions = PeopleConditions(users, segment.catalogue, segment.now)
    met = [sa.case((conditions.of(rule.node), 1), else_=0) for rule in segment.rules]
    found = connection.execute(sa.select(*met).where(users.c.user_no == user_no)).one()
    return [(rule.text, bool(meets)) for rule, meets in zip(segment.rules, found, strict=True)]


def values_instead(connection: sa.Connection, segment: Segment, number: int) -> list[Common]:
    """What those whom the rules before had left do have, where a rule asks for texts and finds nobody.

    Args:
        number: of the rule that leaves nobody, from 0.
    """
    conditions = PeopleConditions(users, segment.catalogue, segment.now, done_by=_at_once(connection))
    before = (conditions.of(rule.node) for rule in segment.rules[:number])
    return most_common(connection, segment.rules[number].node, [users.c.erased_at.is_(None), *before])
