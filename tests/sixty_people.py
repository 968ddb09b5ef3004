"""A project of sixty people in six shards, for tests of whole plans."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from recmail.db.connect import writing
from recmail.db.consent import Consent, record_consent
from recmail.db.tables import courses, interactions, users
from recmail.runs.project import Project
from tests.rows import course_row, empty_project, user_row

PEOPLE, APART, COURSES = 60, 170, 14  # user_no 0, 170, ...: six shards


def sixty_people(folder: Path, now: datetime) -> Project:
    """Sixty people in six shards, three of them without consent; course 3 has two seats left."""
    made = empty_project(folder)
    numbers = [number * APART for number in range(PEOPLE)]
    month_ago = now - timedelta(days=30)
    with writing(made.engine) as connection:
        connection.execute(courses.insert(), [_course(number, now) for number in range(COURSES)])
        connection.execute(users.insert(), [user_row(number, now) for number in numbers])
        record_consent(
            connection, [Consent(number, "email", True, month_ago, "page") for number in numbers[3:]]
        )
        connection.execute(interactions.insert(), _enrolments(numbers, month_ago))
    return made


def _course(number: int, now: datetime) -> dict[str, Any]:
    return course_row(
        number,
        now,
        category=f"Category {number % 4}",
        seats=5 if number == 3 else None,
        staff_pick=number == 3 or number > 9,
        published_at=now - timedelta(days=40) if number == 3 else None,
    )


def _enrolments(numbers: list[int], at: datetime) -> list[dict[str, Any]]:
    """Three people took course 3, and everybody one of the first five others."""
    pairs = [(number, (place * place) % 7 % 5) for place, number in enumerate(numbers)]
    pairs = [(number, course if course != 3 else 4) for number, course in pairs]
    pairs += [(number, 3) for number in numbers[:3]]
    return [
        {
            "event_key": f"{number} {course}",
            "user_no": number,
            "course_no": course,
            "kind": "enrolled",
            "at": at,
            "source": "test",
        }
        for number, course in pairs
    ]
