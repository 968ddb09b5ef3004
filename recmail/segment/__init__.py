"""Who is addressed: a segment in words, as a condition of SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.sql import FromClause

from recmail.db.tables import interactions, users
from recmail.segment.parse import Rule, SeenWithin, parse

__all__ = ["Segment", "audience_query", "compile_segment", "count_rules"]


@dataclass(frozen=True)
class Segment:
    """People by what is known of them at `now`; erased people are in no segment."""

    text: str
    now: datetime
    parsed: tuple[Rule, ...]

    @property
    def rules(self) -> list[tuple[str, sa.ColumnElement[bool]]]:
        """Each rule as it is written, and as a condition on the users table."""
        return [(rule.text, _condition(rule, users, self.now)) for rule in self.parsed]

    def where(self, people: FromClause) -> sa.ColumnElement[bool]:
        """Return the condition that a row of `people` (the users table or an alias of it) is addressed."""
        conditions = (_condition(rule, people, self.now) for rule in self.parsed)
        return sa.and_(people.c.erased_at.is_(None), *conditions)


def compile_segment(text: str, now: datetime) -> Segment:
    """Read a segment as of an instant.

    Raises:
        ConfigError: the first mistake; its line and column count inside the text.
    """
    return Segment(text, now, tuple(parse(text)))


def audience_query(
    segment: Segment, low: int | None = None, high: int | None = None
) -> sa.Select[tuple[int]]:
    """Select the user numbers of a segment, of those with low <= user_no < high when that is given.

    It reads an alias of users, so that it keeps its meaning inside a query on users.
    """
    people = users.alias("audience")
    query = sa.select(people.c.user_no).where(segment.where(people))
    if low is not None:
        query = query.where(people.c.user_no >= low)
    return query if high is None else query.where(people.c.user_no < high)


def count_rules(connection: sa.Connection, segment: Segment) -> list[tuple[str, int]]:
    """Count the people who are left after each rule, together with the rules before it."""
    counts = []
    left = sa.select(sa.func.count()).select_from(users).where(users.c.erased_at.is_(None))
    for text, condition in segment.rules:
        left = left.where(condition)
        counts.append((text, connection.execute(left).scalar_one()))
    return counts


def _condition(rule: Rule, people: FromClause, now: datetime) -> sa.ColumnElement[bool]:
    if isinstance(rule, SeenWithin):
        return _seen_within(people, now - rule.within, now)
    return sa.true()


def _seen_within(people: FromClause, start: datetime, now: datetime) -> sa.ColumnElement[bool]:
    """The later of last_seen_at and the newest interaction, neither after now, is not before `start`.

    Any one between the two will do, so no maximum is needed: EXISTS stops at the first one that the index
    (user_no, at) finds. COALESCE keeps the rule two-valued, so that its opposite will be exact.
    """
    seen = sa.func.coalesce(people.c.last_seen_at.between(start, now), sa.false())
    active = (
        sa.select(sa.literal(1))
        .where(interactions.c.user_no == people.c.user_no, interactions.c.at.between(start, now))
        .correlate(people)
        .exists()
    )
    return sa.or_(seen, active)
