"""A send that is killed in the middle, then run again: nobody lost, nobody twice, the unclear listed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from recmail.cli import main
from tests.cli.conftest import AT, read_json, recmail
from tests.cli.test_main_job import messages

CONNECTIONS = 4  # of the provider `files`: at most as many messages are unclear after a kill
Planned = Callable[..., tuple[int, int]]


def send_and_kill(project: Path, run: int, people: int, after: int) -> None:
    """Start a real process that sends, and kill it with -9 once `after` more messages are in the Maildir."""
    folder = project / "outbox" / "new"
    before = len(list(folder.iterdir())) if folder.exists() else 0
    command = [sys.executable, "-m", "recmail", "send", str(run), "--yes", "--expect", str(people)]
    process = subprocess.Popen(
        [*command, "--project", str(project), "--now", AT],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if folder.exists() and len(list(folder.iterdir())) >= before + after:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"


@pytest.mark.parametrize("after", [1, 15])
def test_a_killed_send_goes_on_and_mails_nobody_twice(project: Path, planned: Planned, after: int) -> None:
    run, people = planned()
    for _ in range(2):
        send_and_kill(project, run, people, after)
        let_leases_run_out(project)
    account = read_json(recmail("runs", run, "--json", project=project))["account"]
    assert account["states"]["planned"] > 0, "there was nothing left to lose"
    code = send_to_the_end(project, run)
    account = read_json(recmail("runs", run, "--json", project=project))["account"]
    unclear = read_json(recmail("run", "decide", run, "--json", project=project))["unclear"]
    assert account["states"]["sent"] + account["states"]["unknown"] == people
    assert len(unclear) == account["states"]["unknown"] <= 2 * CONNECTIONS
    assert code == (5 if unclear else 0)
    times = Counter(message["Message-ID"] for message in messages(project))
    assert max(times.values()) == 1
    assert account["states"]["sent"] <= len(times) <= people


def let_leases_run_out(project: Path) -> None:
    """A minute passes: what the dead sender held may be taken by others."""
    with sqlite3.connect(project / "recmail.db") as connection:
        connection.execute("UPDATE ledger SET next_at = 0 WHERE state IN ('claimed', 'sending')")


def send_to_the_end(project: Path, run: int) -> int:
    words = ["send", str(run), "--yes", "--project", str(project), "--now", AT]
    return CliRunner().invoke(main, words).exit_code
