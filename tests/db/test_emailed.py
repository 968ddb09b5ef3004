"""Which courses people were emailed: sent, perhaps sent, or waiting in an approved run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.emailed import emailed_courses
from recmail.db.types import to_microseconds
from recmail.records import MessageState, RunState
from tests.ledgers import add_people, add_run, set_rows

DAY = timedelta(days=1)


def showing(*courses: int) -> dict[str, Any]:
    return {
        "context": {
            "user": {},
            "slots": [[0, course, "why", "popular", False, 1.0, None] for course in courses],
        }
    }


def emailed(engine: sa.Engine, now: datetime, *, days: int = 30) -> list[tuple[int, int, int]]:
    """user_no, course_no, and how many days ago."""
    with reading(engine) as connection:
        table = emailed_courses(connection, 0, 2, since=now - days * DAY, now=now)
    day = 86_400_000_000
    return [
        (row.user_no, row.course_no, (to_microseconds(now) - row.at) // day) for row in table.itertuples()
    ]


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    add_people(database, now, 3)
    return database


def test_what_left_counts_from_its_intent(people: sa.Engine, now: datetime) -> None:
    for run_no, state, days in ((1, "sent", 3), (2, "unknown", 2), (3, "sending", 1), (4, "sent", 40)):
        add_run(people, run_no, now - 50 * DAY, people=[0, 2], **showing(run_no, 9))
        set_rows(people, run_no, state=MessageState(state), intent_at=now - days * DAY)
    assert emailed(people, now) == [(0, 1, 3), (0, 2, 2), (0, 3, 1), (0, 9, 1)]
    assert emailed(people, now, days=3) == [(0, 2, 2), (0, 3, 1), (0, 9, 1)]


@pytest.mark.parametrize("state", ["approved", "scheduled", "sending", "paused"])
def test_what_waits_in_an_approved_run_counts_from_when_it_is_due(
    people: sa.Engine, now: datetime, state: str
) -> None:
    add_run(people, 1, now, people=[1], run_state=RunState(state), due_at=now + 2 * DAY, **showing(5))
    assert emailed(people, now) == [(1, 5, -2)]


@pytest.mark.parametrize("state", ["building", "planned", "cancelled", "expired", "failed"])
def test_a_run_that_nobody_approved_takes_no_courses(people: sa.Engine, now: datetime, state: str) -> None:
    add_run(people, 1, now, people=[1], run_state=RunState(state), **showing(5))
    assert emailed(people, now) == []


@pytest.mark.parametrize("state", ["failed", "skipped", "held_out", "cancelled"])
def test_what_never_left_does_not_count(people: sa.Engine, now: datetime, state: str) -> None:
    add_run(people, 1, now, people=[1], **showing(5))
    set_rows(people, 1, state=MessageState(state))
    assert emailed(people, now) == []


def test_what_left_after_now_is_not_known_yet(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[1], **showing(5))
    set_rows(people, 1, state=MessageState.SENT, intent_at=now + DAY)
    assert emailed(people, now) == []


def test_erased_people_and_rows_without_an_email_have_none(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0], context=None)
    add_run(people, 2, now, people=[1])
    for run_no in (1, 2):
        set_rows(people, run_no, state=MessageState.SENT, intent_at=now)
    assert emailed(people, now) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_finds_what_left_by_the_index_of_the_cap(people: sa.Engine, now: datetime) -> None:
    seen: list[Any] = []
    sa.event.listen(people, "before_cursor_execute", lambda *args: seen.append((args[2], args[3])))
    emailed(people, now)
    ((text, values),) = [(text, values) for text, values in seen if "json_each" in text]
    with reading(people) as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
    assert any("ix_ledger_cap" in step for step in plan), plan
    assert not any(step.startswith("SCAN ledger") for step in plan), plan
