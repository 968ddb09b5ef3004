"""Courses as they are now: which of those in a frozen message may not be shown any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import courses, interactions
from recmail.records import TAKEN_KINDS


def gone_stale(
    connection: sa.Connection, user_no: int, course_nos: Sequence[int], *, now: datetime
) -> set[int]:
    """Which of these courses closed, were taken offline, or were taken by this person by now.

    Taken at any time: what was taken before the plan may have been imported after it.
    """
    closed = sa.select(courses.c.course_no).where(
        among(connection, courses.c.course_no, course_nos),
        sa.or_(courses.c.active.is_(False), courses.c.closes_at <= now),
    )
    taken = sa.select(interactions.c.course_no).where(
        interactions.c.user_no == user_no,
        interactions.c.at <= now,
        interactions.c.kind.in_(TAKEN_KINDS),
        among(connection, interactions.c.course_no, course_nos),
    )
    return {int(course_no) for course_no in connection.scalars(sa.union(closed, taken))}
