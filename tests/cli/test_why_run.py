"""`recmail why USER RUN`: the story as a person reads it, and who read it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import AT, read_json, recmail

Planned = Callable[..., tuple[int, int]]


def ask(project: Path, question: str, *values: object) -> list[Any]:
    with sqlite3.connect(project / "recmail.db") as connection:
        return connection.execute(question, values).fetchall()


@pytest.fixture
def sent(project: Path, planned: Planned) -> tuple[int, str]:
    """A run that was sent, and somebody who got it."""
    run, people = planned()
    recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project)
    [[who]] = ask(
        project, "SELECT user_id FROM ledger JOIN users USING (user_no) WHERE state = 'sent' LIMIT 1"
    )
    return run, who


def test_the_story_is_told_from_the_rules_to_the_provider(project: Path, sent: tuple[int, str]) -> None:
    run, who = sent
    said = recmail("why", who, run, "--now", AT, project=project).stdout
    lines = said.splitlines()
    assert lines[0].startswith(f"{who}  ")
    assert lines[0].endswith(f", run {run}, weekly-picks")
    assert lines[1:4] == [
        "sent",
        "",
        "Why the person is in the audience, as of 2026-11-02 09:00 UTC, by what is known today",
    ]
    assert lines[4] == "  yes  last_seen within 90d"
    assert "\nPlanned: due 2026-11-02 09:00 UTC (2026-11-02 " in said
    assert "\nCourses, top to bottom\n" in said
    assert f"  2026-11-02 09:00:00 UTC  run {run}: planned by " in said
    assert "sent; the provider calls it " in said


def test_the_story_as_json_has_what_was_there_and_the_run(project: Path, sent: tuple[int, str]) -> None:
    run, who = sent
    story = read_json(recmail("why", who, run, "--json", "--now", AT, project=project))
    assert story["user_id"] == who
    assert [one["run_no"] for one in story["runs"]] == [run]
    found = story["in_run"]
    assert (found["run_no"], found["outcome"], found["in_audience"]) == (run, "sent", True)
    assert found["rules"] == [["last_seen within 90d", True]]
    assert {one["kind"] for one in found["happened"]} == {"run", "message"}
    assert "in_run" not in read_json(recmail("why", who, "--json", "--now", AT, project=project))


def test_what_changed_since_the_plan_is_said(project: Path, sent: tuple[int, str]) -> None:
    run, who = sent
    ask(project, "UPDATE users SET last_seen_at = 0 WHERE user_id = ?", who)
    ask(
        project, "DELETE FROM interactions WHERE user_no = (SELECT user_no FROM users WHERE user_id = ?)", who
    )
    said = recmail("why", who, run, "--now", AT, project=project).stdout
    assert "  no   last_seen within 90d\n  when the run was planned it was otherwise" in said


def test_who_looked_at_whom_is_in_the_audit(
    project: Path, sent: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, who = sent
    monkeypatch.setenv("RECMAIL_USER", "mia")
    before = recmail("runs", run, project=project).stdout
    for words in ((who,), (who, run), (who, "weekly-picks")):
        recmail("why", *words, "--now", AT, project=project)
    recmail("why", "nobody", run, project=project, code=3)
    [[user_no]] = ask(project, "SELECT user_no FROM users WHERE user_id = ?", who)
    rows = ask(project, "SELECT who, run_no, detail FROM audit WHERE action = 'why' ORDER BY audit_no")
    assert [(name, run_no, json.loads(detail)) for name, run_no, detail in rows] == [
        ("mia", None, {"user_no": user_no, "run": None}),
        ("mia", None, {"user_no": user_no, "run": run}),
        ("mia", None, {"user_no": user_no, "run": None}),
    ]
    assert recmail("runs", run, project=project).stdout == before


def test_a_name_that_a_terminal_would_obey_is_made_harmless(project: Path, sent: tuple[int, str]) -> None:
    run, who = sent
    ask(project, "UPDATE users SET first_name = 'Ana' || char(27) || '[31m' WHERE user_id = ?", who)
    assert "\x1b" not in recmail("why", who, run, "--now", AT, project=project).stdout
    assert "\x1b" not in recmail("why", who, "--now", AT, project=project).stdout


def test_a_number_that_no_run_can_have_is_a_mistake(project: Path) -> None:
    said = recmail("why", "u00001", "9" * 20, project=project, code=2).stderr
    assert "is not in the range" in said
