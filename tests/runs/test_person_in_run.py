"""What one run did for one person is told in order, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.consent import Consent, Suppression, record_consent, suppress, unsubscribe
from recmail.db.tables import courses, events, ledger, users
from recmail.deliver.clock import Clock
from recmail.runs.lifecycle import approve, cancel, decide
from recmail.runs.person_in_run import PersonInRun, person_in_run
from recmail.runs.plan import plan
from recmail.runs.project import Project
from recmail.runs.send import send
from tests.ledgers import claim, intents, rules, settle
from tests.rows import course_row, empty_project, user_row
from tests.shards import as_worker

CAMPAIGN = """\
subject: "{{ user.first_name or 'Hello' }}"
audience: |
  language == "en"
  and country == "IN"
blocks:
  - staff_picks: 2
"""
MINUTE = timedelta(minutes=1)
Cell = dict[str, Any]


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """Ana and Ben in India, Cleo who said no, Dora in Germany; six courses, all picked by the staff."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    folder = tmp_path / "acme"
    made = empty_project(folder)
    people = [("ana", "IN", "Asia/Kolkata"), ("ben", "IN", "Nowhere/At_All"), ("cleo", "IN", None)]
    people += [("dora", "DE", None)]
    with writing(made.engine) as connection:
        connection.execute(courses.insert(), [_course(number, now) for number in range(6)])
        rows = [_person(number, now, *who) for number, who in enumerate(people)]
        connection.execute(users.insert(), rows)
        yes = [Consent(number, "email", True, now - timedelta(days=9), "page") for number in range(4)]
        record_consent(connection, yes)
        unsubscribe(connection, 2, topic="", at=now - timedelta(days=2), channel="page")
    (folder / "campaigns" / "spring.yaml").write_text(CAMPAIGN)
    with as_worker(made):
        yield made


def _course(number: int, now: datetime) -> Cell:
    return course_row(number, now, url=f"https://acme.example/c{number}", staff_pick=True)


def _person(number: int, now: datetime, name: str, country: str, zone: str | None) -> Cell:
    about = {"first_name": name.title(), "language": "en", "country": country, "timezone": zone}
    return user_row(number, now, email=f"{name}@example.org", user_id=name, **about)


def planned(project: Project, now: datetime) -> int:
    run_no = plan(project, "spring", now=now, who="mia")
    approve(project, run_no, now=now + MINUTE, who="otto")
    return run_no


def sent(project: Project, run_no: int, now: datetime) -> None:
    send(project, run_no, clock=Clock(now + 2 * MINUTE), who="otto", stop=threading.Event())


def change(project: Project, statement: sa.Executable) -> None:
    with writing(project.engine) as connection:
        connection.execute(statement)


def course_is(project: Project, course_id: str, *, active: bool) -> None:
    change(project, sa.update(courses).where(courses.c.course_id == course_id).values(active=active))


def told(found: PersonInRun) -> list[str]:
    return [one.what for one in found.happened]


def titles(found: PersonInRun) -> list[tuple[str, str | None]]:
    return [(course.title, course.instead_of) for course in found.shown]


def test_an_email_that_left_is_told_from_plan_to_complaint(project: Project, now: datetime) -> None:
    run_no = planned(project, now)
    sent(project, run_no, now)
    with writing(project.engine) as connection:
        later = now + 60 * MINUTE
        row: Cell = {"provider": "relay", "event_key": "e1", "kind": "complained", "raw": ""}
        times = {"at": later, "received_at": later}
        connection.execute(events.insert().values(**row, **times, run_no=run_no, user_no=0))
        suppress(connection, [Suppression("ana@example.org", "complaint", later, "relay")])
        unsubscribe(connection, 0, topic="", at=later + MINUTE, channel="one_click")
    found = person_in_run(project, "ana@example.org", run_no)
    assert (found.user_id, found.outcome, found.in_audience) == ("ana", "sent", True)
    assert found.rules == [('language == "en"', True), ('country == "IN"', True)]
    assert (found.due_at, found.due_local) == (now, "2026-11-02 14:30 in Asia/Kolkata")
    assert len(found.shown) == 2
    assert {(course.block, course.source, course.instead_of) for course in found.shown} == {
        ("staff_picks", "staff_picks", None)
    }
    assert (found.shown_note, found.waits) == (None, None)
    said = told(found)
    assert said[:3] == [
        f"run {run_no}: {what}" for what in ("planned by mia", "approved by otto", "sending by otto")
    ]
    assert said[3].startswith("its last try began, as message id ")
    assert said[4].startswith("sent; the provider calls it ")
    assert said[5:] == [
        f"run {run_no}: finished by otto",
        "the address: complaint (relay)",
        "complained, says relay",
        "said no to email, by one_click",
    ]
    assert [one.at for one in found.happened] == sorted(one.at for one in found.happened)


def test_a_course_that_went_stale_is_told_with_the_reserve_that_stood_in(
    project: Project, now: datetime
) -> None:
    run_no = planned(project, now)
    before = person_in_run(project, "ana", run_no)
    gone = before.shown[0]
    course_is(project, gone.course_id, active=False)
    assert titles(person_in_run(project, "ana", run_no)) == titles(before)  # nothing has left yet
    sent(project, run_no, now)
    after = person_in_run(project, "ana", run_no)
    assert after.shown_note is None
    [stand_in] = [course for course in after.shown if course.instead_of]
    assert stand_in.instead_of == gone.title
    assert stand_in.course_id not in {course.course_id for course in before.shown}
    course_is(project, gone.course_id, active=True)  # the database does not know any more: the hash does
    assert titles(person_in_run(project, "ana", run_no)) == titles(after)


def test_what_left_cannot_be_told_when_the_message_would_be_another_today(
    project: Project, now: datetime
) -> None:
    run_no = planned(project, now)
    sent(project, run_no, now)
    change(project, sa.update(users).where(users.c.user_no == 0).values(email="ana@example.net"))
    found = person_in_run(project, "ana", run_no)
    assert len(found.shown) == 2
    assert "cannot be told any more" in str(found.shown_note)


def test_who_gets_no_email_is_told_why_and_since_when(project: Project, now: datetime) -> None:
    run_no = planned(project, now)
    found = person_in_run(project, "cleo", run_no)
    assert (found.outcome, found.in_audience) == ("not sent: unsubscribed", True)
    assert (found.due_at, found.due_local, found.shown) == (None, None, [])
    assert told(found)[:2] == ["said yes to email, by page", "said no to email, by page"]
    assert "not sent: unsubscribed" in told(found)


def test_who_is_not_in_the_run_is_told_which_rule_kept_them_out(project: Project, now: datetime) -> None:
    run_no = planned(project, now)
    found = person_in_run(project, "dora", run_no)
    assert (found.outcome, found.in_audience) == ("not in the audience", False)
    assert found.rules == [('language == "en"', True), ('country == "IN"', False)]
    assert told(found) == [f"run {run_no}: planned by mia", f"run {run_no}: approved by otto"]


def test_a_zone_that_is_none_gives_way_to_the_project_s(project: Project, now: datetime) -> None:
    assert person_in_run(project, "ben", planned(project, now)).due_local == "2026-11-02 09:00 in UTC"


def test_what_comes_next_is_told(project: Project, now: datetime) -> None:
    run_no = planned(project, now)
    at = "2026-11-02 09:00:00 UTC"
    assert person_in_run(project, "ana", run_no).waits == f"due at {at}"
    mine = ledger.c.run_no == run_no
    change(project, sa.update(ledger).where(mine).values(attempts=2))
    assert person_in_run(project, "ana", run_no).waits == f"after 2 tries due at {at}"
    change(project, sa.text("UPDATE runs SET state = 'paused'"))
    paused = f"after 2 tries due at {at}, but the run is paused: recmail run resume {run_no}"
    assert person_in_run(project, "ana", run_no).waits == paused
    change(project, sa.text("UPDATE runs SET state = 'sending'"))
    claims = claim(project.engine, now, run_nos=(run_no,), claim_id="abc")
    assert person_in_run(project, "ana", run_no).waits == (
        "a sender has it (claim abc), until 2026-11-02 09:01:00 UTC; then it waits again"
    )
    checked = rules(now, runs=[run_no])
    settle(project.engine, intents(claims), checked)
    waits = person_in_run(project, "ana", run_no).waits
    assert waits == "it is on its way (claim abc); without an answer by 2026-11-02 09:11:00 UTC it is unclear"


def test_decisions_and_the_end_of_the_run_are_told(project: Project, now: datetime) -> None:
    run_no = planned(project, now)
    change(project, sa.update(ledger).where(ledger.c.user_no == 0).values(state="unknown"))
    decide(project, run_no, "sent", user_ids=["ana"], now=now + 3 * MINUTE, who="otto")
    cancel(project, run_no, now=now + 4 * MINUTE, who="mia")
    assert told(person_in_run(project, "ana", run_no))[2:] == [
        f"run {run_no}: decide by otto (outcome sent, messages 1)",
        "sent: decided: it arrived",
        f"run {run_no}: cancelled by mia",
    ]
    ben = person_in_run(project, "ben", run_no)
    assert ben.outcome == "cancelled"
    assert told(ben)[-2:] == [f"run {run_no}: cancelled by mia", "cancelled"]
