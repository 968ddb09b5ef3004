"""Courses that a frozen message may not show any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.courses import Shown, full_courses, gone_stale
from recmail.db.tables import courses, interactions

DAY = timedelta(days=1)


@pytest.fixture
def catalogue(database: sa.Engine, now: datetime) -> sa.Engine:
    """Courses 0 (open), 1 (closing in a day), 2 (closed now) and 3 (offline)."""
    with writing(database) as connection:
        for number, (closes_at, active) in enumerate(
            [(None, True), (now + DAY, True), (now, True), (None, False)]
        ):
            row: dict[str, Any] = {
                "course_no": number,
                "course_id": f"c{number}",
                "title": f"Course {number}",
            }
            row |= {"topics": [], "tags": [], "prerequisites": [], "staff_pick": False}
            row |= {"closes_at": closes_at, "active": active}
            row |= {"source": "test", "source_row_hash": "", "imported_at": now}
            connection.execute(courses.insert().values(row))
    return database


def stale(engine: sa.Engine, now: datetime, *shown: int) -> set[int]:
    with reading(engine) as connection:
        return gone_stale(connection, [Shown(7, shown)], now=now)[0]


def interact(engine: sa.Engine, course_no: int, kind: str, at: datetime, user_no: int = 7) -> None:
    row = {"event_key": f"{course_no} {kind} {at} {user_no}", "user_no": user_no, "course_no": course_no}
    with writing(engine) as connection:
        connection.execute(interactions.insert().values(row | {"kind": kind, "at": at, "source": "test"}))


def test_closed_and_offline_courses_are_stale(catalogue: sa.Engine, now: datetime) -> None:
    assert stale(catalogue, now, 0, 1, 2, 3) == {2, 3}
    assert stale(catalogue, now, 0, 1) == set()
    assert stale(catalogue, now + DAY, 1) == {1}


@pytest.mark.parametrize("kind", ["enrolled", "progressed", "completed"])
@pytest.mark.parametrize("age", [timedelta(), timedelta(hours=1), timedelta(days=900)])
def test_a_course_is_stale_however_long_ago_it_was_taken(
    catalogue: sa.Engine, now: datetime, kind: str, age: timedelta
) -> None:
    interact(catalogue, 0, kind, now - age)
    assert stale(catalogue, now, 0, 1) == {0}


def test_looking_at_a_course_is_not_taking_it(catalogue: sa.Engine, now: datetime) -> None:
    interact(catalogue, 0, "viewed", now - DAY)
    interact(catalogue, 0, "enrolled", now - DAY, user_no=8)
    interact(catalogue, 0, "enrolled", now + DAY)
    assert stale(catalogue, now, 0) == set()


def test_a_course_shown_because_it_was_begun_is_stale_only_when_completed(
    catalogue: sa.Engine, now: datetime
) -> None:
    for course_no in (0, 1):
        interact(catalogue, course_no, "enrolled", now - DAY)
        interact(catalogue, course_no, "progressed", now)
    emails = [Shown(7, [0, 1, 2], begun=[0, 2]), Shown(8, [1, 2])]
    with reading(catalogue) as connection:
        assert gone_stale(connection, emails, now=now) == [{1, 2}, {2}]
    interact(catalogue, 0, "completed", now)
    with reading(catalogue) as connection:
        assert gone_stale(connection, emails, now=now) == [{0, 1, 2}, {2}]


def test_a_course_is_full_when_as_many_people_enrolled_as_it_has_seats(
    catalogue: sa.Engine, now: datetime
) -> None:
    with writing(catalogue) as connection:
        for course_no, seats in ((0, 2), (1, 2), (2, 0)):
            statement = sa.update(courses).where(courses.c.course_no == course_no)
            connection.execute(statement.values(seats=seats))
    for course_no in (0, 1, 3):
        interact(catalogue, course_no, "enrolled", now - DAY, user_no=1)
        interact(catalogue, course_no, "enrolled", now, user_no=1)
        interact(catalogue, course_no, "viewed", now - DAY, user_no=2)
    interact(catalogue, 0, "enrolled", now, user_no=2)
    interact(catalogue, 1, "enrolled", now + DAY, user_no=2)
    with reading(catalogue) as connection:
        assert full_courses(connection, now) == {0, 2}
        assert full_courses(connection, now - timedelta(hours=1)) == {2}
        assert full_courses(connection, now + DAY) == {0, 1, 2}
