"""Two runs are compared person by person, on both databases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.ledger import PlannedRow, insert_rows
from recmail.db.tables import runs
from recmail.errors import RefusedError
from recmail.records import MessageState, RunState
from recmail.render.bundle import TemplateBundle
from recmail.runs.diff import CourseChange, Diff, compare
from tests.ledgers import add_people, add_run

COURSES = {"course_id": ["sql", "law", "art", "tea"], "title": ["SQL", "Law", "Art", "Tea"]}


def showing(*courses: int, fallbacks: tuple[int, ...] = ()) -> dict[str, Any]:
    slots = [[0, course, "why", "top_picks", False, 1.0, None] for course in courses]
    slots += [[0, course, "why", "popular", True, 1.0, None] for course in fallbacks]
    return {"context": {"user": {}, "slots": slots}}


def add(engine: sa.Engine, run_no: int, now: datetime, emails: dict[int, Any], **columns: Any) -> None:
    """A planned run: for each person what is shown, or the reason why there is no email."""
    frozen: dict[str, Any] = {
        "campaign": "spring",
        "campaign_yaml": "subject: x\n",
        "template_bundle": TemplateBundle({"weekly.html.j2": "x"}).to_json(),
        "settings": {"printed": {"name": "Acme"}},
        "courses": COURSES,
        "due_instant": now.replace(day=run_no),
    }
    add_run(engine, run_no, now, people=[], run_state=RunState.PLANNED)
    with writing(engine) as connection:
        connection.execute(sa.update(runs).where(runs.c.run_no == run_no).values(**frozen | columns))
    for user_no, row in emails.items():
        _add_row(engine, run_no, now, user_no, row)


def _add_row(engine: sa.Engine, run_no: int, now: datetime, user_no: int, row: Any) -> None:
    skipped = isinstance(row, str)
    planned = PlannedRow(
        user_no=user_no,
        state=MessageState.SKIPPED if skipped else MessageState.PLANNED,
        reason=row if skipped else None,
        due_at=now,
        context=None if skipped else row["context"],
        reserves=[],
        row_hash="",
    )
    with writing(engine) as connection:
        insert_rows(connection, run_no, [planned], now=now, domain="acme.example")


def compared(engine: sa.Engine) -> Diff:
    with reading(engine) as connection:
        return compare(connection, 1, 2)


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    add_people(database, now, 8)
    return database


def test_who_came_and_went_and_why(people: sa.Engine, now: datetime) -> None:
    add(people, 1, now, {0: showing(1), 1: showing(1), 2: "cap", 3: showing(1), 4: "opted_out"})
    add(people, 2, now, {0: showing(1), 2: showing(1), 3: "opted_out", 4: "opted_out", 5: showing(1)})
    found = compared(people)
    assert found.both == 1
    assert found.came == {"had enough emails lately": 1, "not in the audience": 1}
    assert found.went == {"not in the audience": 1, "unsubscribed": 1}
    assert (found.same_courses, found.new_course, found.courses) == (1, 0, [])


def test_whose_courses_changed(people: sa.Engine, now: datetime) -> None:
    add(people, 1, now, {0: showing(0, 1), 1: showing(0, 1), 2: showing(0), 3: showing(1, fallbacks=(0,))})
    later = {0: showing(1, 0), 1: showing(0, 2), 2: showing(fallbacks=(0,)), 3: showing(fallbacks=(1,))}
    add(people, 2, now, later)
    found = compared(people)
    assert (found.both, found.same_courses, found.new_course) == (4, 2, 1)
    assert (found.lost_picks, found.examples) == (2, ["u2", "u3"])
    assert found.courses == [
        CourseChange("sql", "SQL", 4, 3),
        CourseChange("law", "Law", 3, 2),
        CourseChange("art", "Art", 0, 1),
    ]
    assert (1, "of those in both get a course that is new to them (25.0%)") in found.as_rows()


def test_who_gets_fewer_courses_and_none_new(people: sa.Engine, now: datetime) -> None:
    add(people, 1, now, {0: showing(0, 1), 1: showing(0, 1), 2: showing(0, 1), 3: showing(0)})
    add(people, 2, now, {0: showing(0), 1: showing(2), 2: showing(0, 1), 3: showing(0, 1)})
    found = compared(people)
    assert (found.both, found.new_course, found.same_courses, found.fewer_courses) == (4, 2, 1, 1)
    assert (1, "of those in both get fewer courses, none new") in found.as_rows()
    assert found.to_dict()["fewer_courses"] == 1


def test_what_else_the_runs_were_made_with(people: sa.Engine, now: datetime) -> None:
    add(people, 1, now, {0: showing(0)}, model_version="a")
    files = TemplateBundle({"weekly.html.j2": "y", "new.html.j2": ""}).to_json()
    settings = {"printed": {"name": "Acme", "language": "hi"}}
    yaml = "subject: y\n"
    add(people, 2, now, {}, template_bundle=files, settings=settings, campaign_yaml=yaml)
    found = compared(people)
    assert found.made_otherwise == [
        "the campaign was edited",
        "templates: new.html.j2, weekly.html.j2",
        "model: a, then none",
        "what is printed from recmail.toml: language",
    ]
    assert found.campaign_lines == ["--- run 1", "+++ run 2", "@@ -1 +1 @@", "-subject: x", "+subject: y"]


def test_a_run_is_as_itself(people: sa.Engine, now: datetime) -> None:
    add(people, 1, now, {number: showing(number % 4) for number in range(8)})
    with reading(people) as connection:
        found = compare(connection, 1, 1)
    assert found == Diff(1, 1, both=8, same_courses=8)


@pytest.mark.parametrize("state", [RunState.BUILDING, RunState.FAILED])
def test_a_run_without_a_plan_is_refused(people: sa.Engine, now: datetime, state: RunState) -> None:
    add(people, 1, now, {})
    add(people, 2, now, {}, state=state)
    with pytest.raises(RefusedError, match=f"run 2 is {state}: it has no plan to compare"):
        compared(people)
