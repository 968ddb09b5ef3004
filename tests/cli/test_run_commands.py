"""What a person decides about a run: each decision says what it did, and refuses what is not legal."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from recmail.cli import main
from tests.cli.conftest import AT, read_json, recmail

Planned = Callable[..., tuple[int, int]]


def change(project: Path, statement: str) -> None:
    with sqlite3.connect(project / "recmail.db") as connection:
        connection.execute(statement)


def states(project: Path, run: int) -> dict[str, Any]:
    return read_json(recmail("runs", run, "--json", project=project))["account"]["states"]


def send(project: Path, run: int) -> None:
    recmail("send", run, "--yes", "--now", AT, project=project)


@pytest.fixture
def sending(project: Path, planned: Planned) -> tuple[int, int]:
    """A run that a sender has begun, with three people left who wait: the others are counted as sent."""
    run, people = planned()
    change(project, "UPDATE runs SET state = 'sending'")
    change(
        project,
        "UPDATE ledger SET state = 'sent', intent_at = due_at WHERE state = 'planned' AND user_no NOT IN "
        "(SELECT user_no FROM ledger WHERE state = 'planned' LIMIT 3)",
    )
    return run, people


def test_a_paused_run_waits_until_it_is_resumed(project: Path, sending: tuple[int, int]) -> None:
    run, people = sending
    paused = recmail("run", "pause", "weekly-picks", "--now", AT, project=project)
    assert f"3 people waiting, {people - 3} sent; who waits gets nothing until it is resumed" in paused.stderr
    assert f"recmail run resume {run}" in paused.stdout
    refused = recmail("send", run, "--yes", "--now", AT, project=project, code=4)
    assert f"recmail run resume {run}" in refused.stderr
    resumed = recmail("run", "resume", run, "--now", AT, project=project)
    assert "3 people waiting" in resumed.stderr
    send(project, run)
    assert states(project, run)["sent"] == people


def test_only_a_run_that_is_sent_can_be_paused(project: Path, planned: Planned) -> None:
    run, _ = planned()
    assert "is approved" in recmail("run", "pause", run, project=project, code=4).stderr
    assert "is approved, not paused" in recmail("run", "resume", run, project=project, code=4).stderr
    assert "only a finished run" in recmail("run", "retry", run, project=project, code=4).stderr


def test_cancelling_says_how_many_and_is_for_good(project: Path, sending: tuple[int, int]) -> None:
    run, people = sending
    asked = CliRunner().invoke(main, ["run", "cancel", str(run), "--project", str(project)], input="n\n")
    assert asked.exit_code == 4
    assert "nothing was cancelled: 3 people wait" in asked.output
    assert states(project, run)["cancelled"] == 0
    assert "3 people will not get it" in recmail("run", "cancel", run, "--yes", project=project).output
    assert states(project, run)["cancelled"] == 3
    assert states(project, run)["sent"] == people - 3
    recmail("send", run, "--yes", "--now", AT, project=project, code=4)
    recmail("run", "cancel", run, "--yes", project=project, code=4)


def test_failed_messages_are_retried(project: Path, sending: tuple[int, int]) -> None:
    run, people = sending
    send(project, run)
    change(project, "UPDATE ledger SET state = 'failed', reason = 'gave_up' WHERE provider_id IS NOT NULL")
    assert states(project, run)["failed"] == 3
    refused = recmail("run", "retry", run, project=project, code=4).stderr
    assert "nothing was put back in line: 3 people got no email: 3 gave up after several tries" in refused
    retried = recmail("run", "retry", run, "--yes", "--now", AT, project=project)
    assert "3 failed messages wait again" in retried.output
    send(project, run)
    assert states(project, run)["sent"] == people


def test_unclear_messages_are_listed_and_settled(project: Path, sending: tuple[int, int]) -> None:
    run, people = sending
    send(project, run)
    change(project, "UPDATE ledger SET state = 'unknown' WHERE provider_id IS NOT NULL")
    unclear = read_json(recmail("run", "decide", run, "--json", project=project))["unclear"]
    assert len(unclear) == 3
    one = ("--user", unclear[0])
    assert (
        "1 message counted as sent" in recmail("run", "decide", run, "--sent", *one, project=project).output
    )
    assert (
        "nothing changed: 2 people may have this email already and would get a second one"
        in recmail("run", "decide", run, "--resend", project=project, code=4).stderr
    )
    with sqlite3.connect(project / "recmail.db") as connection:
        [address] = connection.execute("SELECT email FROM users WHERE user_id = ?", unclear[1:2]).fetchone()
    by_address = ("run", "decide", run, "--user", address)
    assert recmail(*by_address, project=project).stdout.split() == [unclear[1]]
    asked = recmail(*by_address, "--resend", project=project, code=4).stderr
    assert "nothing changed: 1 person may have this email already" in asked
    resent = recmail("run", "decide", run, "--resend", "--yes", "--now", AT, project=project)
    assert "2 messages waiting again" in resent.output
    send(project, run)
    assert states(project, run)["sent"] == people
    settled = recmail("run", "decide", run, project=project)
    assert settled.stdout == ""
    assert settled.stderr == f"nothing to settle: no such message of run {run} is unclear\n"


def test_a_run_that_is_not_there_is_named(project: Path) -> None:
    for words in (
        ("runs", 9),
        ("approve", 9),
        ("send", 9, "--yes"),
        ("run", "decide", 9),
        ("run", "retry", 9),
    ):
        assert "there is no run 9" in recmail(*words, project=project, code=4).stderr


def test_the_list_of_runs_begins_empty_and_shows_the_newest_first(project: Path, planned: Planned) -> None:
    assert "no runs yet" in recmail("runs", project=project).stderr
    run, people = planned()
    [listed] = read_json(recmail("runs", "--json", project=project))["runs"]
    assert (listed["run"], listed["state"], listed["waiting"]) == (run, "approved", people)
    assert "weekly-picks" in recmail("runs", project=project).stdout


def commands(group: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(group, click.Group):
        return [(path, group)]
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize(("path", "command"), commands(main), ids=lambda value: str(value))
def test_every_command_has_help_an_example_and_json(path: tuple[str, ...], command: click.Command) -> None:
    assert command.name == path[-1]
    text = recmail(*path, "--help").stdout
    assert f"recmail {' '.join(path)}" in text.partition("Example")[2]
    assert "--json" in text
    assert "\\b" not in text


def test_no_list_of_commands_is_cut_off_in_a_narrow_terminal() -> None:
    for path in ((), ("models",), ("run",), ("user",), ("export",)):
        text = CliRunner().invoke(main, [*path, "--help"], terminal_width=80).stdout
        listed = text.partition("Commands:")[2]
        assert listed
        assert "..." not in listed
