"""Runs of several campaigns are sent together, as they become due, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.tables import events, ledger
from recmail.deliver import alarms, breaker
from recmail.deliver.clock import Clock
from recmail.deliver.options import WorkSummary
from recmail.deliver.worker import work
from recmail.errors import RecmailError
from recmail.records import MessageState
from recmail.runs import senders as senders_module
from recmail.runs.lifecycle import approve, cancel, pause, resume
from recmail.runs.message import RunWriter
from recmail.runs.news import News
from recmail.runs.plan import plan
from recmail.runs.project import Project, open_project
from recmail.runs.scheduling import switch_off, switch_on
from recmail.runs.send import start
from recmail.runs.senders import Senders
from recmail.runs.working import send_once
from recmail.settings import load_settings
from tests.scheduled import DAY, HOUR, MINUTE, MONDAY, PEOPLE, TUESDAY, WHEN, all_runs, look, states, write
from tests.servers import HOST, SmtpServer

SENT = MessageState.SENT
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the workers are looked at


@pytest.fixture
def due(tuesdays: Project) -> Project:
    """Run 1 is scheduled for Tuesday."""
    switch_on(tuesdays, "tuesdays", now=MONDAY, who="ana")
    look(tuesdays, TUESDAY - HOUR)
    approve(tuesdays, 1, now=TUESDAY - HOUR, who="ana")
    look(tuesdays, TUESDAY - HOUR)
    return tuesdays


def go(project: Project, now: datetime, told: list[News] | None = None) -> Senders:
    """Send what is due."""
    tell = (told if told is not None else []).append
    return send_once(project, Clock(now), tell=tell, stop=threading.Event())


def received(project: Project) -> list[str]:
    """Whom the messages in the Maildir are for, in order."""
    folder = project.folder / "outbox" / "new"
    files = list(Path(folder).iterdir()) if folder.exists() else []
    return sorted(str(message_from_bytes(file.read_bytes())["To"]) for file in files)


def counts(project: Project, run_no: int) -> dict[MessageState, int]:
    with reading(project.engine) as connection:
        found = account(connection, run_no)
    assert found.adds_up
    return {state: people for state, people in found.states.items() if people}


def test_a_scheduled_run_goes_out_when_it_is_due(due: Project) -> None:
    go(due, TUESDAY - MINUTE)
    assert states(due) == [(TUESDAY, "scheduled")]
    told: list[News] = []
    senders = go(due, TUESDAY, told)
    assert states(due) == [(TUESDAY, "finished")]
    assert counts(due, 1) == {SENT: PEOPLE}
    assert len(set(received(due))) == PEOPLE
    assert [one.what for one in told] == ["sending", "finished"]
    assert (senders.paused, senders.failures, senders.errors) == (set(), False, [])


def test_switched_off_it_does_not_go_out(due: Project) -> None:
    switch_off(due, "tuesdays", now=TUESDAY - MINUTE, who="ana")
    go(due, TUESDAY)
    assert states(due) == [(TUESDAY, "scheduled")]
    assert received(due) == []


def test_a_run_that_was_only_approved_needs_a_person_to_begin_it(tuesdays: Project) -> None:
    plan(tuesdays, "tuesdays", now=MONDAY, who="ana")
    approve(tuesdays, 1, now=MONDAY, who="ana")
    go(tuesdays, MONDAY)
    assert states(tuesdays) == [(MONDAY, "approved")]
    start(tuesdays, 1, Clock(MONDAY), "ana")  # what `send` does first
    go(tuesdays, MONDAY)
    assert states(tuesdays) == [(MONDAY, "finished")]


def test_several_campaigns_go_out_together(due: Project) -> None:
    write(due, WHEN, "zebra")
    switch_on(due, "zebra", now=MONDAY, who="ana")
    look(due, TUESDAY - HOUR)
    approve(due, 2, now=TUESDAY - HOUR, who="ana")
    look(due, TUESDAY - HOUR)
    go(due, TUESDAY)
    assert [state for _, state in states(due)] == ["finished", "finished"]
    assert counts(due, 1) == counts(due, 2) == {SENT: PEOPLE}


def test_what_a_guard_refuses_is_paused_and_stops_no_other(due: Project) -> None:
    write(due, WHEN, "zebra")
    switch_on(due, "zebra", now=MONDAY, who="ana")
    look(due, TUESDAY - HOUR)
    approve(due, 2, now=TUESDAY - HOUR, who="ana")
    look(due, TUESDAY - HOUR)
    with writing(due.engine) as connection:  # somebody tampers with what was approved
        connection.execute(ledger.update().where(ledger.c.run_no == 1).values(row_hash="x", due_at=MONDAY))
    told: list[News] = []
    senders = go(due, TUESDAY, told)
    first, second = all_runs(due)
    assert (first["state"], second["state"]) == ("paused", "finished")
    assert "its content changed since" in first["reason"]
    assert senders.paused == {1}
    assert counts(due, 1) == {MessageState.PLANNED: PEOPLE}
    assert [one.run for one in told if one.is_bad] == [1]
    resume(due, 1, now=TUESDAY, who="ana")
    assert go(due, TUESDAY).paused == {1}, "a guard is asked again"


@pytest.mark.parametrize(
    ("error", "reason", "traced"),
    [
        (ZeroDivisionError("a bug"), "ZeroDivisionError: a bug", True),
        (RecmailError("the processes died 5 times"), "the processes died 5 times", False),
    ],
)
def test_a_message_that_breaks_the_program_pauses_its_run_alone(
    due: Project,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: Exception,
    reason: str,
    traced: bool,
) -> None:
    write_whole = RunWriter.write

    def write_or_break(self: RunWriter, *arguments: object, **named: object) -> object:
        raise error

    monkeypatch.setattr(RunWriter, "write", write_or_break)
    senders = go(due, TUESDAY)
    [run] = all_runs(due)
    assert (run["state"], run["reason"]) == ("paused", f"a message cannot be written: {reason}")
    assert len(senders.errors) == 1
    assert ("Traceback" in capfd.readouterr().err) is traced, "somebody has to mend it"
    monkeypatch.setattr(RunWriter, "write", write_whole)
    resume(due, 1, now=TUESDAY, who="ana")
    go(due, TUESDAY)
    assert counts(due, 1) == {SENT: PEOPLE}


def test_a_run_that_is_paused_or_cancelled_is_let_be(due: Project) -> None:
    start(due, 1, Clock(TUESDAY), "ana")
    pause(due, 1, now=TUESDAY, who="ana")
    go(due, TUESDAY)
    assert received(due) == []
    cancel(due, 1, now=TUESDAY, who="ana")
    go(due, TUESDAY)
    assert counts(due, 1) == {MessageState.CANCELLED: PEOPLE}


def test_a_run_that_comes_due_while_another_is_sent_need_not_wait_for_its_end(due: Project) -> None:
    write(due, WHEN, "zebra")
    plan(due, "zebra", now=MONDAY, who="ana")
    approve(due, 2, now=MONDAY, who="ana")
    clock = Clock(TUESDAY)
    senders = Senders(due, clock, "recmail", [].append, waits=True)
    gate, first = threading.Event(), threading.Event()
    write_whole = RunWriter.write

    def write_slowly(self: RunWriter, claim: object, *arguments: object, **named: object) -> object:
        if self.campaign.name == "tuesdays":
            first.set()
            gate.wait(60)
        return write_whole(self, claim, *arguments, **named)  # type: ignore[arg-type]  # as it was called

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunWriter, "write", write_slowly)
        assert senders.look()
        assert first.wait(60)
        start(due, 2, clock, "ana")
        assert senders.look()
        gate.set()
        while senders.look():
            senders.join()
    assert counts(due, 1) == counts(due, 2) == {SENT: PEOPLE}
    assert len(received(due)) == 2 * PEOPLE


def test_a_weekly_campaign_goes_out_weekly_under_a_cap_of_one_in_seven_days(
    tuesdays: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last week's left four minutes late, this week's is on time."""
    monkeypatch.setenv("RECMAIL_LIMITS_EMAILS_PER_PERSON", "1 per 7d")
    weekly = open_project(tuesdays.folder)
    switch_on(weekly, "tuesdays", now=MONDAY, who="ana")
    for number, due in enumerate((TUESDAY, TUESDAY + 7 * DAY), start=1):
        look(weekly, due - HOUR)
        approve(weekly, number, now=due - HOUR, who="ana")
        look(weekly, due - HOUR)
        go(weekly, due + (2 - number) * 4 * MINUTE)
    assert [counts(weekly, number) for number in (1, 2)] == [{SENT: PEOPLE}] * 2
    between = plan(weekly, "tuesdays", now=TUESDAY + 13 * DAY, who="ana")
    assert counts(weekly, between) == {MessageState.SKIPPED: PEOPLE}
    weekly.engine.dispose()


# --- what keeps a run waiting ---------------------------------------------------------------------


def with_speed(project: Project, name: str, speed: str) -> Project:
    """Run 2, of another campaign, is being sent, as its `speed` allows."""
    write(project, WHEN + speed, name)
    plan(project, name, now=MONDAY, who="ana")
    approve(project, 2, now=MONDAY, who="ana")
    start(project, 2, Clock(MONDAY), "ana")
    return project


def limited(project: Project, at_most: str) -> Project:
    settings = project.folder / "recmail.toml"
    text = settings.read_text("utf-8")
    settings.write_text(
        text.replace("[provider.files]\n", f'[provider.files]\nat_most = "{at_most}"\n'), "utf-8"
    )
    return replace(project, settings=load_settings(project.folder))


def test_a_quota_that_is_used_up_ends_it_and_is_told_once(due: Project) -> None:
    project = limited(due, "5 per hour")
    told: list[News] = []
    go(project, TUESDAY, told)
    assert counts(project, 1) == {SENT: 5, MessageState.PLANNED: PEOPLE - 5}
    [waits] = [one for one in told if one.what == "waits"]
    assert "5 per hour of provider files are used up until 10:" in waits.text
    assert not waits.is_bad
    go(project, TUESDAY + HOUR + 2 * MINUTE, told)
    assert counts(project, 1) == {SENT: 10, MessageState.PLANNED: PEOPLE - 10}


@ON_SQLITE
def test_once_does_not_stay_for_a_very_slow_speed_and_says_how_far_it_came(due: Project) -> None:
    project, told = with_speed(due, "zebra", "speed: 2 per hour\n"), list[News]()
    go(project, MONDAY, told)
    assert counts(project, 2) == {SENT: 1, MessageState.PLANNED: PEOPLE - 1}
    [waits] = [one for one in told if one.what == "waits"]
    assert "2 per hour of campaign zebra are used up until 09:30:" in waits.text
    [so_far] = [one for one in told if one.what == "so far"]
    assert so_far.text == "so far: 11 waiting, 1 sent"


def test_no_worker_begins_again_and_again_at_a_quota_that_is_used_up(
    due: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = limited(due, "5 per day")
    begun: list[object] = []

    def count(*arguments: Any, **named: Any) -> WorkSummary:
        begun.append(arguments)
        return work(*arguments, **named)

    monkeypatch.setattr(senders_module, "work", count)
    told: list[News] = []
    senders = Senders(project, Clock(TUESDAY), "recmail", told.append, waits=True)
    for _ in range(4):
        senders.look()
        senders.join()
    assert len(begun) == 1
    assert [one.what for one in told] == ["sending", "waits"]


def test_a_run_that_its_own_pause_if_paused_is_told_and_counts(
    due: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "LEAST_TRIED", 5)
    project = limited(with_speed(due, "zebra", "speed: {pause_if: {complaints: 1%}}\n"), "5 per day")
    go(project, MONDAY)
    assert counts(project, 2) == {SENT: 5, MessageState.PLANNED: PEOPLE - 5}
    complain(project, 2, at=MONDAY + HOUR, people=range(3))
    told: list[News] = []
    senders = go(project, TUESDAY + HOUR, told)
    assert senders.paused == {2}
    [paused] = [one for one in told if one.what == "paused"]
    assert (paused.run, paused.is_bad) == (2, True)
    assert "3 complaints of 5 messages" in paused.text
    assert paused.text.endswith("when that is mended: recmail run resume 2")
    assert counts(project, 1) == {SENT: 5, MessageState.PLANNED: PEOPLE - 5}, "the other run goes on"


@ON_SQLITE
def test_what_a_provider_told_one_worker_the_next_one_knows_until_the_runs_were_paused(
    due: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker ends when all are deferred; twenty in a row are more than one of them tries."""
    monkeypatch.setattr(breaker, "DEFERRED_IN_A_ROW", 20)
    with SmtpServer(answers={"RCPT": ["450 4.2.0 come back later"]}).running() as server:
        project = through(due, server)
        senders = Senders(project, Clock(TUESDAY), "recmail", [].append, waits=True)
        for state, tried in (("sending", 12), ("paused", 20), ("sending", 32)):
            senders.look()
            senders.join()
            [run] = all_runs(project)
            rcpt = sum(command.startswith("RCPT") for command in server.commands)
            assert (run["state"], rcpt) == (state, tried)
            if state == "paused":
                assert run["reason"].startswith("the last 20 messages were all deferred")
                senders.look()  # what is paused is let go
                resume(project, 1, now=TUESDAY, who="ana")
            with writing(project.engine) as connection:  # a minute, and then two, have passed
                connection.execute(ledger.update().values(next_at=TUESDAY))


def through(project: Project, server: SmtpServer) -> Project:
    """The project, sending through a server of this machine, one message after the other."""
    settings = project.folder / "recmail.toml"
    relay = f'[provider.relay]\ntype = "smtp"\nhost = "{HOST}"\nport = {server.port}\ntls = "none"\n'
    text = settings.read_text("utf-8").replace('provider = "files"', 'provider = "relay"')
    settings.write_text(text + relay, "utf-8")
    return replace(project, settings=load_settings(project.folder))


def complain(project: Project, run_no: int, *, at: datetime, people: range) -> None:
    row = {
        "provider": "files",
        "kind": "complained",
        "at": at,
        "received_at": at,
        "run_no": run_no,
        "raw": "",
    }
    with writing(project.engine) as connection:
        connection.execute(
            events.insert(), [row | {"event_key": f"event {one}", "user_no": one} for one in people]
        )


def test_a_run_that_a_person_pauses_is_told_as_that(due: Project) -> None:
    told: list[News] = []
    senders = Senders(due, Clock(TUESDAY - HOUR), "recmail", told.append, waits=True)
    start(due, 1, Clock(TUESDAY), "ana")
    senders.look()
    pause(due, 1, now=TUESDAY, who="ana")
    senders.join()
    senders.look()
    assert (told[-1].what, told[-1].is_bad) == ("paused", False)
    assert told[-1].text == "is paused: paused by ana; to let it go on: recmail run resume 1"
    assert senders.paused == set()
