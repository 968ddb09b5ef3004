"""What a look at the schedules makes of them, on both databases; times are worked out by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest

from recmail.campaign.calendar import Occurrence, occurrences
from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.leases import drop_lease, take_lease
from recmail.db.runs import move_run, run_audit
from recmail.db.schedules import find_switch, keep_trouble
from recmail.db.tables import users
from recmail.errors import ConfigError, ModelError
from recmail.records import MessageState, RunState
from recmail.runs.by_itself import WHO
from recmail.runs.lifecycle import approve, cancel, pause
from recmail.runs.news import News
from recmail.runs.plan import plan, plan_again
from recmail.runs.preparing import FRESH
from recmail.runs.project import Project
from recmail.runs.scheduling import switch_off, switch_on
from recmail.settings import load_settings
from tests.scheduled import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    ONCE,
    PEOPLE,
    TUESDAY,
    WHEN,
    add_people,
    all_runs,
    let_leases_run_out,
    look,
    states,
    write,
)

WEEK = 7 * DAY


@pytest.fixture
def on(tuesdays: Project) -> Project:
    """Its schedule is on since Monday."""
    switch_on(tuesdays, "tuesdays", now=MONDAY, who="ana")
    return tuesdays


def signed(project: Project, run_no: int, hours_before: float = 0.5) -> None:
    """A person approves a run."""
    due = next(run["due_instant"] for run in all_runs(project) if run["run_no"] == run_no)
    approve(project, run_no, now=due - hours_before * HOUR, who="ana")


def first_after(project: Project, after: datetime) -> Occurrence:
    schedule = project.campaign("tuesdays").schedule
    assert schedule is not None
    return next(occurrences(schedule, "UTC", after=after))


def test_a_run_is_planned_an_hour_before_and_waits_for_a_person(on: Project) -> None:
    told: list[News] = []
    assert look(on, TUESDAY - 61 * MINUTE, told) == []
    assert (states(on), told) == ([], [])
    assert look(on, TUESDAY - HOUR, told) == []
    [run] = all_runs(on)
    assert (run["due_instant"], run["state"]) == (TUESDAY, "planned")
    assert run["reason"] == (
        "waits for approval until 2026-11-03 12:00 UTC: every run is approved by a person"
    )
    assert [one.what for one in told] == ["planned", "waits"]
    with reading(on.engine) as connection:
        assert account(connection, 1).states[MessageState.PLANNED] == PEOPLE
    look(on, TUESDAY - 59 * MINUTE, told)
    assert len(told) == 2, "the same is said once"
    signed(on, 1)
    look(on, TUESDAY - 20 * MINUTE)
    assert states(on) == [(TUESDAY, "scheduled")]


def test_many_looks_at_once_make_one_run(on: Project) -> None:
    together = threading.Barrier(4)

    def at_once(_number: int) -> list[object]:
        together.wait()
        return [*look(on, TUESDAY - HOUR)]

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(at_once, range(4))] == [[], [], [], []]
    assert states(on) == [(TUESDAY, "planned")]


def test_after_weeks_without_power_only_the_newest_goes_out(on: Project) -> None:
    told: list[News] = []
    look(on, TUESDAY + 3 * WEEK + HOUR, told)
    assert states(on) == [(TUESDAY + 2 * WEEK, "missed"), (TUESDAY + 3 * WEEK, "planned")]
    missed = all_runs(on)[0]["reason"]
    assert missed == (
        "nothing ran that would prepare it, until 2026-11-17 12:00 UTC; missed too: 2 before it, from "
        "2026-11-03 09:00 UTC on"
    )
    assert [one.what for one in told] == ["missed", "planned", "waits"]
    look(on, TUESDAY + 3 * WEEK + HOUR, told)
    assert len(told) == 3


def test_a_broken_file_is_said_once_tried_again_and_then_missed(on: Project) -> None:
    look(on, MONDAY)  # so that it is known what is due next
    write(on, "schedul: every day 09:00\n")
    told: list[News] = []
    for now in (TUESDAY - HOUR, TUESDAY, TUESDAY + 3 * HOUR):
        [error] = look(on, now, told)
        assert isinstance(error, ConfigError)
    assert states(on) == []
    assert [one.what for one in told] == ["trouble"]
    assert "campaigns/tuesdays.yaml:6:1: schedul: unknown key; did you mean schedule?" in told[0].text
    look(on, TUESDAY + 3 * HOUR + MINUTE, told)
    assert states(on) == [(TUESDAY, "missed")]
    assert "did you mean schedule?" in all_runs(on)[0]["reason"]
    look(on, TUESDAY + DAY, told)
    write(on, WHEN)
    assert look(on, TUESDAY + 2 * DAY, told) == []
    with reading(on.engine) as connection:
        one = find_switch(connection, "tuesdays")
    assert one is not None
    assert one.trouble is None
    assert one.next is not None
    assert one.next.due == TUESDAY + WEEK
    assert [one.what for one in told] == ["trouble", "missed"]


def test_a_file_that_is_mended_in_time_goes_out(on: Project) -> None:
    look(on, MONDAY)
    (on.folder / "campaigns" / "tuesdays.yaml").unlink()
    assert look(on, TUESDAY - HOUR) != []
    write(on, WHEN)
    assert look(on, TUESDAY + HOUR) == []
    assert states(on) == [(TUESDAY, "planned")]


def test_one_campaigns_trouble_stops_no_other(on: Project) -> None:
    write(on, WHEN, "broken")
    write(on, WHEN, "zebra")
    for name in ("broken", "zebra"):
        switch_on(on, name, now=MONDAY, who="ana")
    write(on, WHEN + "audience: nobody\n", "broken")
    assert len(look(on, TUESDAY - HOUR)) == 1
    assert [run["campaign"] for run in all_runs(on)] == ["tuesdays", "zebra"]


def test_a_plan_that_is_refused_is_tried_again_a_little_later(on: Project) -> None:
    short = WHEN + "audience: {who: everyone, at_most: 3}\n"
    text = (on.folder / "campaigns" / "tuesdays.yaml").read_text("utf-8").replace("audience: everyone\n", "")
    (on.folder / "campaigns" / "tuesdays.yaml").write_text(text.replace(WHEN, short), "utf-8")
    told: list[News] = []
    [error] = look(on, TUESDAY - HOUR, told)
    assert "the audience is 12 people, and the campaign says at_most: 3" in str(error)
    write(on, WHEN)
    assert str(look(on, TUESDAY - 56 * MINUTE, told)[0]) == str(error)
    assert look(on, TUESDAY - 55 * MINUTE, told) == []
    assert [one.what for one in told] == ["trouble", "planned", "waits"]


def test_nobody_approved_in_time(on: Project) -> None:
    look(on, TUESDAY - HOUR)
    look(on, TUESDAY + 3 * HOUR)
    assert states(on) == [(TUESDAY, "planned")]
    look(on, TUESDAY + 3 * HOUR + MINUTE)
    [run] = all_runs(on)
    assert run["state"] == "expired"
    assert run["reason"] == "nobody approved it until 2026-11-03 12:00 UTC"
    with reading(on.engine) as connection:
        counts = account(connection, 1)
    assert counts.states[MessageState.CANCELLED] == PEOPLE
    assert counts.adds_up


def test_a_schedule_that_changed_ends_what_was_planned_for_a_time_it_has_no_more(on: Project) -> None:
    look(on, TUESDAY - HOUR)
    signed(on, 1)
    write(on, WHEN.replace("09:00", "10:00"))
    look(on, TUESDAY - 10 * MINUTE)
    assert states(on) == [(TUESDAY, "expired")]
    look(on, TUESDAY)
    assert states(on) == [(TUESDAY, "expired"), (TUESDAY + HOUR, "planned")]
    assert "the schedule in its file was changed" in all_runs(on)[0]["reason"]


def test_switched_off_nothing_is_prepared_and_what_was_due_stays_past(on: Project) -> None:
    plan_ = switch_off(on, "tuesdays", now=MONDAY, who="ben")
    assert not plan_.is_on
    look(on, TUESDAY)
    switch_on(on, "tuesdays", now=TUESDAY + HOUR, who="ana")
    look(on, TUESDAY + HOUR)
    assert states(on) == []


def test_a_run_that_was_planned_by_hand_for_the_time_is_the_run(on: Project) -> None:
    occurrence = first_after(on, MONDAY)
    plan(on, "tuesdays", now=MONDAY, who="ana", occurrence=occurrence)
    look(on, TUESDAY - HOUR)
    assert states(on) == [(TUESDAY, "planned")]
    cancel(on, 1, now=TUESDAY - HOUR, who="ana")
    look(on, TUESDAY - MINUTE)
    assert states(on) == [(TUESDAY, "cancelled")], "whoever cancels it wants it not to go out"


def test_a_run_that_goes_out_at_once_is_left_alone(on: Project) -> None:
    plan(on, "tuesdays", now=MONDAY, who="ana")
    approve(on, 1, now=MONDAY, who="ana")
    look(on, TUESDAY)
    assert states(on)[0] == (MONDAY, "approved")


# --- approval: once -------------------------------------------------------------------------------


@pytest.fixture
def once(on: Project) -> Project:
    """The first run was approved by Ana; from then on they go out by themselves."""
    write(on, ONCE)
    look(on, TUESDAY - HOUR)
    assert "the first run is approved by a person" in all_runs(on)[0]["reason"]
    signed(on, 1)
    return on


def second(project: Project) -> tuple[str, str | None]:
    """How the run a week later stands after it was planned."""
    look(project, TUESDAY + WEEK - HOUR)
    run = all_runs(project)[-1]
    assert run["due_instant"] == TUESDAY + WEEK
    return run["state"], run["reason"]


def test_what_is_like_an_approved_run_is_approved_by_itself(once: Project) -> None:
    assert second(once) == ("scheduled", None)
    assert all_runs(once)[-1]["approved_by"] == WHO
    with reading(once.engine) as connection:
        done = [row["action"] for row in run_audit(connection, all_runs(once)[-1]["run_no"])]
    assert done == [
        "planned",
        "approved",
        "approved as run 1 was approved by ana, 0 % more or fewer people, nothing new in the emails",
        "scheduled",
    ]


@pytest.mark.parametrize(("more", "state"), [(1, "scheduled"), (2, "planned")])
def test_more_people_than_agreed_need_a_person(once: Project, more: int, state: str) -> None:
    add_people(once, range(PEOPLE, PEOPLE + more))  # of 12: 8.3 %, 16.7 %
    assert second(once)[0] == state


def test_changes_do_not_add_up_unseen(once: Project) -> None:
    add_people(once, range(PEOPLE, PEOPLE + 1))
    assert second(once)[0] == "scheduled"
    add_people(once, range(PEOPLE + 1, PEOPLE + 2))
    look(once, TUESDAY + 2 * WEEK - HOUR)
    last = all_runs(once)[-1]
    assert last["state"] == "planned"
    assert "16.7 % more or fewer people than in run 1, which was approved" in last["reason"]


@pytest.mark.parametrize("what", ["campaign", "template"])
def test_an_edit_needs_a_person(once: Project, what: str) -> None:
    path = {"campaign": "campaigns/tuesdays.yaml", "template": "templates/plain.txt.j2"}[what]
    file = once.folder / path
    file.write_text(file.read_text("utf-8").replace("Hello", "Hi") + "\n", "utf-8")
    state, reason = second(once)
    assert state == "planned"
    assert "changed since run 1, which was approved" in str(reason)


def test_new_findings_in_the_emails_need_a_person(once: Project) -> None:
    add_people(once, range(PEOPLE, PEOPLE + 1))
    with writing(once.engine) as connection:
        connection.execute(users.update().where(users.c.user_no == PEOPLE).values(first_name="None"))
    state, reason = second(once)
    assert state == "planned"
    assert "its emails have what those of run 1 had not: " in str(reason)


def test_data_that_could_not_be_imported_needs_a_person(once: Project) -> None:
    toml = once.folder / "recmail.toml"
    toml.write_text(toml.read_text("utf-8") + '\n[sources.users]\nfile = "gone.parquet"\n', "utf-8")
    broken = replace(once, settings=load_settings(once.folder))
    (once.folder / "gone.parquet").write_text("not parquet", "utf-8")
    state, reason = second(broken)
    assert state == "planned"
    assert "not all data is fresh ([sources.users]" in str(reason)


# --- whoever dies ---------------------------------------------------------------------------------


def test_a_planner_that_was_killed_is_followed(on: Project) -> None:
    add_people(on, range(2_000, 2_003))  # a second shard
    command = [sys.executable, "-m", "recmail", "work", "--once", "--build", "--now"]
    words = [(TUESDAY - HOUR).isoformat(), "--project", str(on.folder)]
    environment = {**os.environ, "RECMAIL_CRASH_AT": "after-shard:1"}
    killed = subprocess.run([*command, *words], check=False, capture_output=True, env=environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert states(on) == [(TUESDAY, "building")]
    assert look(on, TUESDAY - 30 * MINUTE) == []
    assert states(on) == [(TUESDAY, "building")], "it may be alive"
    let_leases_run_out(on)
    told: list[News] = []
    assert look(on, TUESDAY - 29 * MINUTE, told) == []
    assert [one.what for one in told] == ["taken up", "planned", "waits"]
    with reading(on.engine) as connection:
        counts = account(connection, 1)
    assert counts.adds_up
    assert counts.states[MessageState.PLANNED] == PEOPLE + 3


def test_a_run_that_somebody_plans_by_hand_just_now_is_left_to_them(on: Project) -> None:
    test = threading.Event()
    occurrence = first_after(on, MONDAY)

    def meanwhile(_done: int, _total: int) -> None:
        assert look(on, TUESDAY - HOUR) == []
        assert states(on) == [(TUESDAY, "building")]
        test.set()

    plan(on, "tuesdays", now=TUESDAY - HOUR, who="ana", occurrence=occurrence, progress=meanwhile)
    assert test.is_set()
    look(on, TUESDAY - HOUR)
    assert states(on) == [(TUESDAY, "planned")]


def test_what_was_planned_and_not_judged_is_judged_by_the_next_look(once: Project) -> None:
    occurrence = first_after(once, TUESDAY)
    plan(once, "tuesdays", now=TUESDAY + WEEK - HOUR, who="recmail", occurrence=occurrence)
    with writing(once.engine) as connection:  # it died before it could import everything
        keep_trouble(connection, "tuesdays", "users.csv is gone", now=TUESDAY)
    assert second(once)[0] == "planned"


def test_a_look_leaves_alone_what_another_one_works_on(on: Project) -> None:
    with writing(on.engine) as connection:
        take_lease(connection, "schedule tuesdays", "somebody", HOUR)
    assert look(on, TUESDAY) == []
    assert states(on) == []


@pytest.mark.parametrize("stop", [cancel, pause])
def test_a_run_that_was_stopped_is_no_example(once: Project, stop: Callable[..., object]) -> None:
    """Ana approved it, and somebody saw afterwards that it was wrong."""
    with writing(once.engine) as connection:
        if stop is pause:
            move_run(connection, 1, RunState.SENDING, who="ana", now=TUESDAY)
    stop(once, 1, now=TUESDAY, who="ben")
    state, reason = second(once)
    assert state == "planned"
    assert f"run 1, which was approved, is {all_runs(once)[0]['state']}" in str(reason)
    signed(once, 2)
    look(once, TUESDAY + 2 * WEEK - HOUR)
    assert all_runs(once)[-1]["state"] == "scheduled", "run 2 is the example now"


def test_while_another_imports_a_plan_waits_for_the_next_look_only(on: Project) -> None:
    with writing(on.engine) as connection:
        take_lease(connection, FRESH, "somebody", HOUR)
    assert look(on, TUESDAY - HOUR) == []
    assert states(on) == []
    with writing(on.engine) as connection:
        drop_lease(connection, FRESH, "somebody")
    look(on, TUESDAY - 59 * MINUTE)
    assert states(on) == [(TUESDAY, "planned")]


def test_what_cannot_be_planned_again_leaves_the_plan_alone(on: Project) -> None:
    look(on, TUESDAY - HOUR)
    occurrence = first_after(on, MONDAY)
    file = on.folder / "campaigns" / "tuesdays.yaml"
    file.write_text(file.read_text("utf-8").replace("popular: 2", "top_picks: 2"), "utf-8")
    with pytest.raises(ModelError):
        plan_again(on, "tuesdays", now=TUESDAY - HOUR, who="ana", occurrence=occurrence)
    assert states(on) == [(TUESDAY, "planned")]


def test_a_model_that_only_a_variant_needs_is_trained(on: Project) -> None:
    write(on, WHEN + "variants: [{name: a, share: 50%}, {name: b, share: 50%, blocks: [{top_picks: 2}]}]\n")
    told: list[News] = []
    look(on, TUESDAY - HOUR, told)
    assert "training: " in told[0].text, "there is nothing to train on, and it is said"
