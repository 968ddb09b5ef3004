"""Nothing goes out but what was approved, by as many people, for the audience that it was planned for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.approvals import person_of, signatures
from recmail.db.connect import reading, writing
from recmail.db.runs import run_state
from recmail.db.tables import run_shards, runs, users
from recmail.deliver.clock import Clock
from recmail.errors import RefusedError
from recmail.records import RunState
from recmail.runs.check import check
from recmail.runs.guards import Crowd, Readiness, prepare
from recmail.runs.lifecycle import approve
from recmail.runs.plan import plan
from recmail.runs.project import Project
from tests.runs.conftest import PEOPLE, person


def approved(project: Project, now: datetime, name: str = "free") -> int:
    run_no = plan(project, name, now=now, who="test")
    approve(project, run_no, now=now, who="ana@desk")
    return run_no


def come(project: Project, now: datetime, count: int) -> None:
    """More people come into the audience, without consent."""
    with writing(project.engine) as connection:
        connection.execute(users.insert(), [person(number, now) for number in range(1, count + 1)])


def ready(project: Project, run_no: int, now: datetime) -> Readiness:
    return prepare(project, run_no, Clock(now))


def needing(project: Project, approvers: int) -> Project:
    settings = project.settings
    delivery = replace(settings.delivery, approvers=approvers)
    return replace(project, settings=replace(settings, delivery=delivery))


# --- the audience ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("planned", "counted", "refused"),
    [(100, 105, False), (100, 106, True), (0, 0, False), (0, 1, True), (100, 0, False), (19, 20, True)],
)
def test_an_audience_may_grow_by_a_twentieth(planned: int, counted: int, refused: bool) -> None:
    assert Crowd(planned, counted).grew_too_much is refused


def test_an_audience_that_grew_is_refused_and_named(project: Project, now: datetime) -> None:
    run_no = approved(project, now)
    assert ready(project, run_no, now).crowd == Crowd(PEOPLE, PEOPLE)
    come(project, now, 1)
    wanted = r"the audience grew from 12 to 13 people since the plan \(8.3%\).*Plan again: recmail plan free"
    with pytest.raises(RefusedError, match=wanted):
        ready(project, run_no, now)


def test_an_audience_that_shrank_is_only_said(project: Project, now: datetime) -> None:
    file = project.folder / "campaigns" / "free.yaml"
    file.write_text(file.read_text().replace("audience: everyone", "audience: country != 'NO'"))
    run_no = approved(project, now)
    with writing(project.engine) as connection:
        connection.execute(sa.update(users).where(users.c.user_no == 900).values(country="NO"))
    crowd = ready(project, run_no, now).crowd
    assert crowd is not None
    assert crowd.in_words() == "the audience shrank from 12 to 11 people since the plan (8.3%)"


def test_a_run_that_goes_on_is_not_asked_again(project: Project, now: datetime) -> None:
    run_no = approved(project, now)
    come(project, now, 5)
    with writing(project.engine) as connection:
        connection.execute(sa.update(runs).values(state=RunState.SENDING))
    assert ready(project, run_no, now).started


def test_all_that_is_wrong_is_said_at_once(project: Project, now: datetime) -> None:
    file = project.folder / "campaigns" / "free.yaml"
    file.write_text(file.read_text().replace("audience: everyone", "audience: {who: everyone, at_most: 13}"))
    run_no = approved(project, now)
    come(project, now, 2)
    with pytest.raises(RefusedError) as refused:
        ready(needing(project, 2), run_no, now)
    said = str(refused.value)
    for words in (
        "run 1 was approved by ana@desk, and [delivery] approvers is 2; somebody else approves it",
        "the audience grew from 12 to 14 people",
        "the audience is 14 people, and the campaign says at_most: 13",
    ):
        assert words in said
    [warning] = check(project, "free", now=now).over
    assert "audience.at_most: plan would refuse it: the audience is 14 people" in str(warning)


def test_a_plan_past_its_shelf_life_is_refused(project: Project, now: datetime) -> None:
    run_no = approved(project, now)
    assert ready(project, run_no, now + timedelta(days=6))
    with pytest.raises(RefusedError, match="was good until 2026-11-09 09:00 UTC"):
        ready(project, run_no, now + timedelta(days=7, seconds=1))


def test_a_changed_plan_is_refused(project: Project, now: datetime) -> None:
    run_no = approved(project, now)
    with writing(project.engine) as connection:
        connection.execute(sa.update(runs).values(campaign_yaml=runs.c.campaign_yaml + "# edited\n"))
    with pytest.raises(RefusedError, match="is not what was planned"):
        ready(project, run_no, now)


def test_errors_in_emails_are_refused_once_more(project: Project, now: datetime) -> None:
    """As when an older recmail approved the run, and did not look for them."""
    run_no = approved(project, now)
    first = run_shards.c.shard == 0
    with writing(project.engine) as connection:
        kept = connection.scalar(sa.select(run_shards.c.findings).where(first))
        assert isinstance(kept, dict)
        rows = [["a heading is empty", "guard it", "weekly.html.j2", 3, 1, 0]]
        found = {**kept, "with": {"error": 1}, "rules": [["error", "empty-slot", 1, 0, 1, rows]]}
        connection.execute(sa.update(run_shards).where(first).values(findings=found))
    with pytest.raises(
        RefusedError, match="there are errors in the emails of 1 person\n  error  empty-slot: 1 person, u0"
    ):
        ready(project, run_no, now)


# --- who approves ---------------------------------------------------------------------------------


def test_two_different_people_approve_where_two_have_to(project: Project, now: datetime) -> None:
    two = needing(project, 2)
    run_no = plan(two, "free", now=now, who="ana@desk")
    approve(two, run_no, now=now, who="ana@desk")
    assert state(two, run_no) == "planned"
    with pytest.raises(RefusedError, match="somebody else has to approve it too"):
        approve(two, run_no, now=now, who="Ana@laptop")
    with pytest.raises(RefusedError, match="is planned; approve it first"):
        ready(two, run_no, now)
    approve(two, run_no, now=now, who="ben@desk")
    assert state(two, run_no) == "approved"
    with reading(two.engine) as connection:
        signed = signatures(connection, run_no)
        digest = connection.scalar(sa.select(runs.c.content_hash))
    assert [(one.who, one.content_hash) for one in signed] == [("ana@desk", digest), ("ben@desk", digest)]
    assert ready(two, run_no, now).waiting == PEOPLE - 1


def test_a_run_approved_before_two_had_to_gets_its_second_approval(project: Project, now: datetime) -> None:
    run_no, two = approved(project, now), needing(project, 2)
    with pytest.raises(RefusedError, match="recmail approve 1"):
        ready(two, run_no, now)
    approve(two, run_no, now=now, who="ben@desk")
    assert ready(two, run_no, now)
    with pytest.raises(RefusedError, match="it can become approved only when it is planned"):
        approve(two, run_no, now=now, who="cem@desk")


def test_an_approval_that_repeats_others_stands_for_them(project: Project, now: datetime) -> None:
    two = needing(project, 2)
    run_no = plan(two, "free", now=now, who="recmail")
    approve(two, run_no, now=now, who="recmail (once)", stands_for=2)
    assert ready(two, run_no, now)


def test_an_approval_of_other_content_does_not_count(project: Project, now: datetime) -> None:
    run_no = approved(project, now)
    with writing(project.engine) as connection:
        connection.exec_driver_sql("UPDATE approvals SET content_hash = 'of something else'")
    with pytest.raises(RefusedError, match="was approved by nobody, and"):
        ready(project, run_no, now)


@pytest.mark.parametrize(("who", "person"), [("ana@desk", "ana"), (" Ana@x", "ana"), ("ben", "ben")])
def test_a_person_is_the_same_on_every_machine(who: str, person: str) -> None:
    assert person_of(who) == person


def state(project: Project, run_no: int) -> str:
    with reading(project.engine) as connection:
        return run_state(connection, run_no)
