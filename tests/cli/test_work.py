"""`recmail work` and `recmail serve` as real processes, as a supervisor starts and ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from pathlib import Path

import pytest

from recmail.db.connect import writing
from recmail.db.tables import ledger
from recmail.runs.lifecycle import approve
from recmail.runs.project import Project
from recmail.runs.scheduling import switch_on
from tests import scheduled
from tests.cli.conftest import recmail
from tests.scheduled import HOUR, MINUTE, MONDAY, TUESDAY, all_runs, look, states
from tests.shards import as_worker

PEOPLE = 150
LONG_S = 120.0  # until a process that hangs is given up; nothing is judged by it


@pytest.fixture
def project(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """150 people; the schedule is on."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    made = scheduled.make(tmp_path / "acme", people=PEOPLE)
    switch_on(made, "tuesdays", now=MONDAY, who="ana")
    with as_worker(made):
        yield made


def begin(project: Project, *words: str, now: datetime) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "recmail", *words, "--project", str(project.folder)]
    return subprocess.Popen(
        [*command, "--now", now.isoformat()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )


def received(project: Project) -> Counter[str]:
    """How many messages in the Maildir are for whom."""
    folder = project.folder / "outbox" / "new"
    files = list(folder.iterdir()) if folder.exists() else []
    return Counter(str(message_from_bytes(file.read_bytes())["To"]) for file in files)


def test_two_at_once_make_one_run_and_mail_nobody_twice(project: Project) -> None:
    both = [begin(project, "work", "--once", now=TUESDAY - HOUR) for _ in range(2)]
    ended = [(one.communicate(timeout=LONG_S)[1], one.returncode) for one in both]
    assert [code for _, code in ended] == [0, 0], ended
    assert states(project) == [(TUESDAY, "planned")]
    approve(project, 1, now=TUESDAY - HOUR, who="ana")
    look(project, TUESDAY - HOUR)
    both = [begin(project, "work", "--once", now=TUESDAY) for _ in range(2)]
    ended = [(one.communicate(timeout=LONG_S)[1], one.returncode) for one in both]
    assert [code for _, code in ended] == [0, 0], ended
    begin(project, "work", "--once", now=TUESDAY).communicate(timeout=LONG_S)  # who finishes it
    assert states(project) == [(TUESDAY, "finished")]
    found = received(project)
    assert len(found) == PEOPLE
    assert set(found.values()) == {1}


@pytest.mark.parametrize("command", ["work", "serve"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_signal_ends_it_when_what_is_in_hand_is_done(
    project: Project, command: str, number: int, code: int
) -> None:
    look(project, TUESDAY - HOUR)
    approve(project, 1, now=TUESDAY - HOUR, who="ana")
    process = begin(project, command, "--json", now=TUESDAY - MINUTE / 60)
    assert process.stdout is not None
    seen: list[str] = []
    for line in process.stdout:
        news = json.loads(line)
        seen.append(news["what"])
        if news["what"] == "finished":
            process.send_signal(number)
            break
    process.communicate(timeout=LONG_S)
    assert process.returncode == code
    assert seen == ["scheduled", "sending", "finished"]
    assert len(received(project)) == PEOPLE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_killed_while_it_sends_the_next_one_goes_on(project: Project) -> None:
    look(project, TUESDAY - HOUR)
    approve(project, 1, now=TUESDAY - HOUR, who="ana")
    process = begin(project, "work", now=TUESDAY)
    deadline = time.monotonic() + LONG_S
    while not received(project) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    before = received(project)
    assert 0 < len(before) < PEOPLE, "there was nothing left to lose"
    with writing(project.engine) as connection:  # a minute passes
        held = ledger.c.state.in_(("claimed", "sending"))
        connection.execute(ledger.update().where(held).values(next_at=MONDAY))
    code = begin(project, "work", "--once", now=TUESDAY)
    code.communicate(timeout=LONG_S)
    assert code.returncode in (0, 5)
    assert states(project) == [(TUESDAY, "finished")]
    found = received(project)
    assert set(found.values()) == {1}
    unclear = 4  # connections of `files`
    assert PEOPLE - unclear <= len(found) <= PEOPLE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_build_only_prepares(project: Project) -> None:
    recmail("work", "--once", "--build", "--now", (TUESDAY - HOUR).isoformat(), project=project.folder)
    approve(project, 1, now=TUESDAY - HOUR, who="ana")
    said = recmail("work", "--once", "--build", "--now", TUESDAY.isoformat(), project=project.folder)
    assert "run 1  goes out from 2026-11-03 09:00 UTC on" in said.stderr
    assert [run["state"] for run in all_runs(project)] == ["scheduled"]
