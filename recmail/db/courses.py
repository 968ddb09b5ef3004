"""Courses as they are now: all of them, and which of those in a frozen message may not be shown any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among_parameter
from recmail.db.tables import courses, interactions
from recmail.db.types import UtcTime
from recmail.records import TAKEN_KINDS


def read_courses(connection: sa.Connection) -> dict[str, list[Any]]:
    """Read all courses, column by column, in the order of course_no."""
    found = connection.execute(sa.select(courses).order_by(courses.c.course_no))
    rows = found.all()
    return {name: [row[place] for row in rows] for place, name in enumerate(found.keys())}


def relative_pictures(connection: sa.Connection) -> list[str]:
    """Return the active courses whose image_url is only a path, as one below [sender] public_url."""
    query = sa.select(courses.c.course_id).where(
        courses.c.active.is_(True), courses.c.image_url != "", courses.c.image_url.not_like("%://%")
    )
    return list(connection.scalars(query.order_by(courses.c.course_no)))


def full_courses(connection: sa.Connection, now: datetime) -> frozenset[int]:
    """The course_no of courses in which as many people enrolled by now as they have seats."""
    enrolled = sa.select(sa.func.count(interactions.c.user_no.distinct())).where(
        interactions.c.course_no == courses.c.course_no,
        interactions.c.kind == "enrolled",
        interactions.c.at <= now,
    )
    has_none_left = courses.c.seats.is_not(None), enrolled.scalar_subquery() >= courses.c.seats
    return frozenset(connection.scalars(sa.select(courses.c.course_no).where(*has_none_left)))


def gone_stale(
    connection: sa.Connection,
    user_no: int,
    course_nos: Sequence[int],
    *,
    begun: Sequence[int] = (),
    now: datetime,
) -> set[int]:
    """Which of these courses closed, were taken offline, or were taken by this person by now.

    Taken at any time: what was taken before the plan may have been imported after it.

    Args:
        begun: those of them that are shown because the person has begun them: only completing counts.
    """
    values = {"courses": list(course_nos), "begun": list(begun), "user": user_no, "now": now}
    return set(connection.scalars(_gone_stale(), values))


@cache
def _gone_stale() -> sa.CompoundSelect[Any]:
    """One statement for all messages: making it took longer than running it."""
    now: sa.BindParameter[datetime] = sa.bindparam("now", type_=UtcTime())
    closed = sa.select(courses.c.course_no).where(
        among_parameter(courses.c.course_no, "courses"),
        sa.or_(courses.c.active.is_(False), courses.c.closes_at <= now),
    )
    taken = sa.select(interactions.c.course_no).where(
        interactions.c.user_no == sa.bindparam("user", type_=sa.BigInteger()),
        interactions.c.at <= now,
        interactions.c.kind.in_(TAKEN_KINDS),
        among_parameter(interactions.c.course_no, "courses"),
        (interactions.c.kind == "completed") | ~among_parameter(interactions.c.course_no, "begun"),
    )
    return sa.union(closed, taken)
