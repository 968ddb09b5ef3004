"""Plans whose planner died, and plans that lay too long, are said to be that, and come to an end."""

from __future__ import annotations

from datetime import datetime

import pytest

from recmail.campaign.calendar import Occurrence
from recmail.db.connect import reading
from recmail.db.runs import run_audit
from recmail.errors import RefusedError
from recmail.runs import scheduler
from recmail.runs.left_behind import give_up_dead_plans
from recmail.runs.lifecycle import approve, check_fresh
from recmail.runs.listing import read_run, read_runs
from recmail.runs.news import News
from recmail.runs.occurrences import next_occurrences
from recmail.runs.plan import plan, plan_again
from recmail.runs.project import Project
from recmail.runs.scheduling import switch_off, switch_on
from recmail.runs.shift import Shift
from tests.scheduled import DAY, HOUR, MINUTE, MONDAY, TUESDAY, all_runs, look, states, write

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the other tests ask both
AGAIN = "plan again with: recmail plan tuesdays"


def interrupted(project: Project, now: datetime, occurrence: Occurrence | None = None) -> None:
    """Plan by hand, and press Ctrl-C."""

    def press(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan(project, "tuesdays", now=now, who="ana", occurrence=occurrence, progress=press)


def first_after(project: Project, now: datetime) -> Occurrence:
    return next_occurrences(project, project.campaign("tuesdays"), now=now)[0]


def test_a_plan_whose_planner_died_is_said_to_be_dead_and_fails(tuesdays: Project) -> None:
    interrupted(tuesdays, MONDAY)
    assert states(tuesdays) == [(MONDAY, "building")]
    assert read_run(tuesdays, 1).headline == f"Run 1, tuesdays: building: its planner died; {AGAIN}"
    told: list[News] = []
    look(tuesdays, MONDAY + MINUTE, told)
    [run] = all_runs(tuesdays)
    assert (run["state"], run["reason"]) == ("failed", f"its planner died; {AGAIN}")
    assert [(one.what, one.run, one.is_bad) for one in told] == [("failed", 1, True)]
    assert read_run(tuesdays, 1).waiting == 0


@ON_SQLITE
def test_a_plan_that_is_made_just_now_is_left_alone(tuesdays: Project) -> None:
    seen: list[object] = []

    def meanwhile(_done: int, _of: int) -> None:
        seen.append(read_runs(tuesdays)[0].reason)
        seen.extend(give_up_dead_plans(tuesdays, now=MONDAY, who="ana"))

    plan(tuesdays, "tuesdays", now=MONDAY, who="ana", progress=meanwhile)
    assert seen == [None]
    assert states(tuesdays) == [(MONDAY, "planned")]


def test_a_dead_plan_of_a_schedule_that_is_on_is_taken_up_and_of_one_that_is_off_fails(
    tuesdays: Project,
) -> None:
    switch_on(tuesdays, "tuesdays", now=MONDAY, who="ana")
    interrupted(tuesdays, MONDAY, first_after(tuesdays, MONDAY))
    assert f"what looks at schedules goes on with it, or {AGAIN}" in read_run(tuesdays, 1).headline
    look(tuesdays, MONDAY)
    assert states(tuesdays) == [(TUESDAY, "building")]
    switch_off(tuesdays, "tuesdays", now=MONDAY, who="ana")
    look(tuesdays, MONDAY)
    assert states(tuesdays) == [(TUESDAY, "failed")]


@ON_SQLITE
def test_planning_again_for_the_same_time_ends_the_dead_plan(tuesdays: Project) -> None:
    first, told = first_after(tuesdays, MONDAY), list[str]()
    interrupted(tuesdays, MONDAY, first)
    plan_again(tuesdays, "tuesdays", now=MONDAY, who="ana", occurrence=first, tell=told.append)
    assert told == ["run 1, which was planned for the same time, has failed: its planner died"]
    assert [run["state"] for run in all_runs(tuesdays)] == ["failed", "planned"]
    assert all_runs(tuesdays)[1]["due_instant"] == TUESDAY


@ON_SQLITE
def test_a_planner_that_dies_again_and_again_is_followed_at_intervals(
    tuesdays: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_on(tuesdays, "tuesdays", now=MONDAY, who="ana")
    interrupted(tuesdays, MONDAY, first_after(tuesdays, MONDAY))

    def die(shift: Shift, *_all: object, **_named: object) -> None:
        raise scheduler.StorageError("the disk is full")

    monkeypatch.setattr("recmail.runs.preparing.build", die)
    prepared = TUESDAY - HOUR
    for minutes, tries in ((0, 1), (1, 1), (4, 1), (5, 2), (6, 2), (10, 3)):
        look(tuesdays, prepared + minutes * MINUTE)
        with reading(tuesdays.engine) as connection:
            taken_up = [row["at"] for row in run_audit(connection, 1) if row["action"] == "taken up"]
        assert len(taken_up) == tries
    [error] = look(tuesdays, prepared + 11 * MINUTE)
    assert str(error) == "its planner died again; the next try is at 2026-11-03 08:15 UTC"


def test_an_approved_run_of_a_schedule_that_is_off_expires_with_its_plan(tuesdays: Project) -> None:
    switch_on(tuesdays, "tuesdays", now=MONDAY, who="ana")
    look(tuesdays, TUESDAY - HOUR)
    approve(tuesdays, 1, now=TUESDAY - HOUR, who="ana")
    look(tuesdays, TUESDAY - HOUR)
    switch_off(tuesdays, "tuesdays", now=TUESDAY - MINUTE, who="ana")
    look(tuesdays, TUESDAY + 7 * DAY)
    assert states(tuesdays) == [(TUESDAY, "scheduled")], "a person may still send it"
    told: list[News] = []
    look(tuesdays, TUESDAY + 7 * DAY + MINUTE, told)
    [run] = all_runs(tuesdays)
    why = "its plan was good until 2026-11-10 09:00 UTC, and nobody sent it"
    assert (run["state"], run["reason"]) == ("expired", why)
    assert [one.what for one in told] == ["expired"]
    assert read_run(tuesdays, 1).waiting == 0, "nobody's place under the cap is taken any more"


@ON_SQLITE
def test_a_plan_made_by_hand_expires_too(tuesdays: Project) -> None:
    write(tuesdays, "", "now")
    plan(tuesdays, "now", now=MONDAY, who="ana")
    look(tuesdays, MONDAY + 8 * DAY)
    assert states(tuesdays) == [(MONDAY, "expired")]


def test_a_run_that_is_being_sent_and_too_old_says_how_to_end_it() -> None:
    old = {"run_no": 3, "shelf_until": MONDAY, "state": "paused"}
    with pytest.raises(RefusedError, match="end it with: recmail run cancel 3; who still waits needs a new"):
        check_fresh(old, MONDAY + DAY)
