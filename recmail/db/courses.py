"""Courses as they are now: all of them, and which of those in a frozen message may not be shown any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Shown:
    """The courses that one person's email shows, or could show.

    Attributes:
        begun: those of them that are shown because the person has begun them: only completing counts.
    """

    user_no: int
    course_nos: Sequence[int]
    begun: Sequence[int] = ()


def gone_stale(connection: sa.Connection, emails: Sequence[Shown], *, now: datetime) -> list[set[int]]:
    """Which courses of each email closed, were taken offline, or were taken by its person by now.

    Taken at any time: what was taken before the plan may have been imported after it.
    """
    every = sorted({course_no for email in emails for course_no in email.course_nos})
    people = sorted({email.user_no for email in emails})
    closed = {row.course_no for row in connection.execute(_closed(), {"courses": every, "now": now})}
    taken: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for row in connection.execute(_taken(), {"people": people, "now": now}):
        taken[row.user_no].append((row.course_no, row.kind == "completed"))
    return [
        closed.intersection(email.course_nos)
        | {
            course_no
            for course_no, is_completed in taken[email.user_no]
            if course_no in email.course_nos and (is_completed or course_no not in email.begun)
        }
        for email in emails
    ]


@cache
def _closed() -> sa.Select[tuple[int]]:
    """One statement for all messages: making it took longer than running it."""
    return sa.select(courses.c.course_no).where(
        among_parameter(courses.c.course_no, "courses"),
        sa.or_(courses.c.active.is_(False), courses.c.closes_at <= sa.bindparam("now", type_=UtcTime())),
    )


@cache
def _taken() -> sa.Select[tuple[int, int, str]]:
    """All that these people took: asked for the courses too, SQLite may begin with those, which many took."""
    return sa.select(interactions.c.user_no, interactions.c.course_no, interactions.c.kind).where(
        among_parameter(interactions.c.user_no, "people"),
        interactions.c.at <= sa.bindparam("now", type_=UtcTime()),
        interactions.c.kind.in_(TAKEN_KINDS),
    )
