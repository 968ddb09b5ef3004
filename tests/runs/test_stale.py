"""What went stale between plan and sending gives way to what was frozen beside it, else nothing is sent."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.runs import find_run
from recmail.db.tables import courses, interactions, ledger, ledger_context
from recmail.deliver.clock import Clock
from recmail.errors import RenderError
from recmail.records import Claim, Outgoing, Skip
from recmail.runs import send as sending
from recmail.runs.lifecycle import approve, retry
from recmail.runs.message import RunWriter
from recmail.runs.plan import plan
from recmail.runs.project import Project
from recmail.runs.seats import KNOWN_FOR
from tests.runs.conftest import APART, PEOPLE

WHO = 2 * APART  # a person of the plan


@pytest.fixture
def run(project: Project, now: datetime) -> int:
    run_no = plan(project, "free", now=now, who="test")
    approve(project, run_no, now=now, who="test")
    return run_no


def shown(project: Project, user_no: int = WHO) -> list[int]:
    """The two courses that a person was planned to see."""
    query = sa.select(ledger_context.c.context).where(ledger_context.c.user_no == user_no)
    with reading(project.engine) as connection:
        context: Any = connection.scalar(query)
    return [course_no for _, course_no, *_ in context["slots"]]


def written(project: Project, run_no: int, now: datetime, *, writer: RunWriter | None = None) -> str:
    """The email of WHO as text, or why it is skipped."""
    with reading(project.engine) as connection:
        writer = writer or RunWriter(project, find_run(connection, run_no))
        query = sa.select(ledger.c.message_id).where(ledger.c.user_no == WHO)
        message_id = connection.scalars(query).one()
    claim = Claim(
        run_no=run_no,
        user_no=WHO,
        user_id=f"u{WHO}",
        email="ana@example.org",
        claim_id="mine",
        attempts=0,
        message_id=message_id,
        due_at=now,
    )
    [message] = writer.write([claim], now=now)
    assert not isinstance(message, RenderError)
    return f"skipped: {message.reason}" if isinstance(message, Skip) else message.mime.decode()


def take(project: Project, course_no: int, kind: str, at: datetime, user_no: int) -> None:
    row = {"event_key": f"{course_no} {user_no}", "user_no": user_no, "course_no": course_no}
    with writing(project.engine) as connection:
        connection.execute(interactions.insert().values(row | {"kind": kind, "at": at, "source": "test"}))


def go_stale(project: Project, course_no: int, how: str, now: datetime) -> None:
    """Let a course become what WHO may not be shown any more."""
    change: dict[str, Any] = {
        "closed": {"closes_at": now},
        "offline": {"active": False},
        "full": {"seats": 1},
    }
    with writing(project.engine) as connection:
        if how in change:
            here = sa.update(courses).where(courses.c.course_no == course_no)
            connection.execute(here.values(change[how]))
    if how == "full":
        take(project, course_no, "enrolled", now, user_no=APART)
    if how == "taken":
        take(project, course_no, "enrolled", now, user_no=WHO)


@pytest.mark.parametrize("how", ["closed", "offline", "full", "taken"])
def test_a_stale_course_gives_way_to_a_reserve(project: Project, run: int, now: datetime, how: str) -> None:
    first, second = shown(project)
    later = now + timedelta(hours=1)
    assert f"Course {first}" in written(project, run, later)
    go_stale(project, first, how, later)
    after = written(project, run, later)
    assert f"Course {first}" not in after
    assert f"Course {second}" in after
    [stand_in] = [number for number in range(4) if number != second and f"Course {number}" in after]
    assert stand_in != first


def test_without_a_reserve_nothing_is_sent(project: Project, run: int, now: datetime) -> None:
    first, second = shown(project)
    others = [number for number in range(4) if number not in (first, second)]
    for number in (first, *others):
        go_stale(project, number, "closed", now)
    assert written(project, run, now) == "skipped: stale"


def test_seats_are_counted_once_a_minute(project: Project, run: int, now: datetime) -> None:
    first, _ = shown(project)
    with reading(project.engine) as connection:
        writer = RunWriter(project, find_run(connection, run))
    assert f"Course {first}" in written(project, run, now, writer=writer)
    go_stale(project, first, "full", now)
    assert f"Course {first}" in written(project, run, now + KNOWN_FOR / 2, writer=writer)
    assert f"Course {first}" not in written(project, run, now + KNOWN_FOR, writer=writer)


def test_a_message_that_cannot_be_written_fails_alone_and_is_retried(
    project: Project, run: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made to fail: what the lint looked at before approval is known to be writable."""
    finish = RunWriter.finish

    def fails(self: RunWriter, claim: Claim, *arguments: Any) -> Outgoing:
        if claim.user_no == WHO:
            raise RenderError("no title", template="weekly.html.j2", line=3)
        return finish(self, claim, *arguments)

    def send() -> Any:
        return sending.send(project, run, clock=Clock(now), who="test", stop=threading.Event())

    monkeypatch.setattr(RunWriter, "finish", fails)
    first = send()
    assert first.account.reasons["failed", "render"] == 1
    assert first.account.states["sent"] == PEOPLE - 2
    monkeypatch.setattr(RunWriter, "finish", finish)
    assert retry(project, run, now=now, who="test") == 1
    assert send().account.states["sent"] == PEOPLE - 1
