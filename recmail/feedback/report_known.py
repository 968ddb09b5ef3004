"""How far what is known of enrolments reaches: a report that did not say so would count them as none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db.tables import courses, imports, interactions
from recmail.db.types import EPOCH


@dataclass(frozen=True)
class Known:
    """What imports brought of enrolments.

    Attributes:
        last_import: when the last one from a source of enrolments began; None: there was none.
        newest_enrolment: not after now.
    """

    now: datetime
    last_import: datetime | None
    newest_enrolment: datetime | None

    @property
    def until(self) -> datetime:
        """What happened later is not known."""
        return min(self.last_import or EPOCH, self.now)


def read_known(connection: sa.Connection, now: datetime) -> Known:
    """Find out how far enrolments are known; by the newest of each course, without reading all of them.

    A source that never brought one, such as web analytics, says nothing of them however often it is read.
    """
    of_course = interactions.alias("of_course")
    newest_of_course = (
        sa.select(of_course.c.interaction_no)
        .where(
            of_course.c.course_no == courses.c.course_no,
            of_course.c.kind == "enrolled",
            of_course.c.at <= now,
        )
        .order_by(of_course.c.at.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(interactions.c.source, sa.func.max(interactions.c.at, type_=interactions.c.at.type))
    query = query.join_from(courses, interactions, interactions.c.interaction_no == newest_of_course)
    by_source = dict(connection.execute(query.group_by(interactions.c.source)).all())
    done = sa.select(sa.func.max(imports.c.started_at, type_=imports.c.started_at.type)).where(
        imports.c.kind == "interactions",
        imports.c.finished_at.is_not(None),
        imports.c.started_at <= now,
        imports.c.source.in_(sorted(by_source)),
    )
    return Known(now, connection.scalar(done), max(by_source.values(), default=None))
