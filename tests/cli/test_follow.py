"""`recmail runs RUN --follow`, in a terminal and outside of one, while a run goes out."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import AT, read_json, recmail

Planned = Callable[..., tuple[int, int]]
ENVIRONMENT = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "PYTHONPATH": os.pathsep.join(sys.path)}


def change(project: Path, statement: str) -> None:
    with sqlite3.connect(project / "recmail.db") as connection:
        connection.execute(statement)


def follow(project: Path, run: int, *words: str) -> list[str]:
    command = [sys.executable, "-m", "recmail", "runs", str(run), "--follow", "--every", "0.2", *words]
    return [*command, "--project", str(project)]


def started(project: Path, run: int, *words: str) -> subprocess.Popen[str]:
    """A watcher in a process of its own."""
    return subprocess.Popen(
        follow(project, run, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def in_a_terminal(command: list[str]) -> str:
    """What a terminal shows at the end of a command that draws over what it drew before."""
    terminal, its_end = pty.openpty()
    termios.tcsetwinsize(its_end, (24, 80))
    shown = subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, env=ENVIRONMENT)
    os.close(its_end)
    written = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # Linux: the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(terminal)
    shown.wait()
    last = written.decode().rpartition("\x1b[2K")[2]
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).replace("\r", "")


def test_a_watcher_sees_a_run_from_its_approval_to_its_end(project: Path, planned: Planned) -> None:
    run, people = planned()
    watcher = started(project, run, "--json", "--now", AT)
    assert watcher.stdout is not None
    first: dict[str, Any] = json.loads(watcher.stdout.readline())
    recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project)
    rest, said = watcher.communicate()
    looks = [first, *map(json.loads, rest.splitlines())]
    assert watcher.returncode == 0, said
    assert (first["state"], first["ended"], first["waiting"]) == ("approved", False, people)
    assert {look["schema_version"] for look in looks} == {1}
    assert [look["ended"] for look in looks] == [False] * (len(looks) - 1) + [True]
    assert all(look["account"]["adds_up"] for look in looks)
    assert {look["account"]["audience"] for look in looks} == {first["account"]["audience"]}
    assert looks[-1]["account"] == read_json(recmail("runs", run, "--json", project=project))["account"]
    assert looks[-1]["account"]["states"]["sent"] == people


def test_ctrl_c_ends_the_watching_and_says_that_the_run_goes_on(project: Path, planned: Planned) -> None:
    run, people = planned()
    change(project, "UPDATE runs SET state = 'sending'")
    watcher = started(project, run, "--now", "2026-11-02T08:00")  # nothing is due yet
    assert watcher.stdout is not None
    line = watcher.stdout.readline()
    assert f"sending; {people} waiting, " in line
    assert "nothing is due now; the next is due at 09:00:00 UTC" in line
    watcher.send_signal(signal.SIGINT)
    _, said = watcher.communicate()
    assert watcher.returncode == 130
    assert said == (
        f"no longer watching; run {run} goes on all the same; watch again: recmail runs {run} --follow\n"
    )


def test_a_run_that_has_ended_is_shown_once_and_exits_as_send_does(project: Path, planned: Planned) -> None:
    run, people = planned()
    recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project)
    line = recmail("runs", run, "--follow", project=project).stdout
    assert f"finished; {people} sent, " in line
    assert line.count("\n") == 1
    change(
        project,
        "UPDATE ledger SET state = 'failed', reason = 'gave_up' WHERE state = 'sent' AND user_no ="
        " (SELECT max(user_no) FROM ledger WHERE state = 'sent')",
    )
    assert f"{people - 1} sent, 1 failed" in recmail("runs", run, "--follow", project=project, code=5).stdout
    change(project, "UPDATE ledger SET state = 'unknown', reason = NULL WHERE state = 'failed'")
    line = recmail("runs", run, "--follow", project=project, code=5).stdout
    assert "1 unclear" in line
    assert f"recmail run decide {run}" in line
    change(project, "UPDATE runs SET state = 'missed', reason = 'the machine was off'")
    assert "missed: the machine was off" in recmail("runs", run, "--follow", project=project, code=1).stdout


def test_a_terminal_of_80_columns_shows_a_picture(project: Path, planned: Planned) -> None:
    run, people = planned()
    recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project)
    change(
        project,
        "INSERT INTO ledger_events (run_no, user_no, at, state, detail) SELECT run_no, user_no, due_at,"
        " 'failed', 'refused_message – 554 5.6.0 no' || char(27) || '[31m, said a server at length and more'"
        " || ' (queue id ' || user_no || ')' FROM ledger WHERE state = 'sent' LIMIT 3",
    )
    change(project, "UPDATE ledger SET variant = 'question' WHERE state = 'sent'")
    look = read_json(recmail("runs", run, "--follow", "--json", project=project))
    assert look["account"] == read_json(recmail("runs", run, "--json", project=project))["account"]
    assert look["account"]["variants"]["question"]["people"] == people
    lines = in_a_terminal(follow(project, run)).splitlines()
    assert f"Run {run}, weekly-picks: finished" in lines[0]
    assert f"100 %  {people} of {people}" in lines[1]
    assert [line for line in lines if len(line) > 80] == []
    text = " ".join(" ".join(lines).split())
    assert f"{people} sent" in text
    assert "people in all" in text
    assert f"variant question: {people} sent" in text
    assert "what went wrong lately: 3 x failed, such as u" in text
    assert "554 5.6.0 no·[31m, said a server at length and more (queue id" in text


def test_what_does_not_go_together_is_told(project: Path) -> None:
    assert "--follow needs" in recmail("runs", "--follow", project=project, code=2).stderr
    assert "go with --follow" in recmail("runs", 1, "--every", 3, project=project, code=2).stderr
    assert "there is no run 9" in recmail("runs", 9, "--follow", project=project, code=4).stderr


def test_the_list_says_who_approved_and_what_failed(
    project: Path, planned: Planned, monkeypatch: Any
) -> None:
    monkeypatch.setenv("RECMAIL_USER", "ana")
    _run, people = planned()
    change(
        project,
        "UPDATE ledger SET state = CASE user_no % 2 WHEN 0 THEN 'failed' ELSE 'unknown' END"
        " WHERE user_no IN (SELECT user_no FROM ledger WHERE state = 'planned' LIMIT 7)",
    )
    [listed] = read_json(recmail("runs", "--json", project=project))["runs"]
    assert listed["approved_by"] == "ana"
    states = listed["account"]["states"]
    assert states["failed"] + states["unknown"] == 7
    recmail("runs", project=project)
    lines = recmail("runs", "weekly-picks", project=project).stdout.splitlines()
    assert lines[0].split() == [
        *("run", "campaign", "state", "planned", "approved"),
        *("people", "sent", "waiting", "failed"),
    ]
    assert f"approved, {states['unknown']} unclear  2026-11-02  ana" in lines[1]
    assert lines[1].split()[-2:] == [str(people - 7), str(states["failed"])]
    assert "no runs of comeback yet" in recmail("runs", "comeback", project=project).stderr
    wrong = recmail("runs", "weekly-pick", project=project, code=4)
    assert "did you mean weekly-picks?" in wrong.stderr
