"""`recmail init` asks what it has to know, when somebody is there to answer."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import AT, read_json, recmail

IN_LISBON = {**os.environ, "TZ": "Europe/Lisbon"}


def on_a_terminal(*arguments: object, answers: list[str], folder: Path) -> tuple[int, str]:
    """Run a command on a real terminal, where somebody types the answers; return its code and its screen."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "recmail", *map(str, arguments)]
    environment = {**IN_LISBON, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment)
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    screen = b""
    try:
        while data := os.read(ours, 4096):
            screen += data
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    return process.wait(), screen.decode().replace("\r\n", "\n")


def settings(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "recmail.toml").read_text("utf-8"))


def test_four_questions_make_a_project(tmp_path: Path) -> None:
    answers = [
        "Söhne & Co, Ltd",
        '"Söhne & Co, Ltd" <learn@soehne.eu>',
        "Road 12, Berlin",
        "Europe/Berlin EUR",
    ]
    code, screen = on_a_terminal("init", "acme", answers=answers, folder=tmp_path)
    assert code == 0
    found = settings(tmp_path / "acme")
    assert found["project"]["name"] == answers[0]
    assert found["sender"]["from"] == answers[1]
    assert found["sender"]["postal_address"] == answers[2]
    assert (found["project"]["timezone"], found["project"]["currency"]) == ("Europe/Berlin", "EUR")
    assert screen.count("]: ") == 3
    assert "weekly-picks would address nobody: there is no data yet" in screen
    assert "[sources.*] in recmail.toml" in screen
    assert "fill in" not in screen.partition("would address")[2]


def test_a_wrong_answer_is_explained_and_asked_again(tmp_path: Path) -> None:
    answers = [
        "Acme",
        "nobody",
        "",
        "",
        "1 Road",
        "New York, USD",
        "Europe/Berlin",
        "Europe/Berlin eur",
        "Asia/Kolkata, INR",
    ]
    code, screen = on_a_terminal("init", "acme", answers=answers, folder=tmp_path)
    assert code == 0
    assert "found 'nobody'; expected Name <name@example.org>" in screen
    assert "did you mean America/New_York?" in screen
    assert "expected both with a space between, such as: Europe/Lisbon EUR" in screen
    assert "did you mean EUR?" in screen
    found = settings(tmp_path / "acme")
    assert found["sender"]["from"] == "Acme <learn@company.example>"
    assert found["sender"]["postal_address"] == "1 Road"
    assert screen.count("below every email: ") == 2  # Enter alone is no address
    assert (found["project"]["timezone"], found["project"]["currency"]) == ("Asia/Kolkata", "INR")
    assert "fill in recmail.toml: from under [sender]" in screen


def test_what_is_given_is_not_asked(tmp_path: Path) -> None:
    given = ("--name", "Acme", "--sender", "Acme <a@acme.eu>", "--timezone", "Asia/Tokyo")
    code, screen = on_a_terminal("init", "acme", *given, answers=["1 Road", "JPY"], folder=tmp_path)
    assert code == 0
    assert screen.count("]: ") == 1
    found = settings(tmp_path / "acme")
    assert (found["project"]["timezone"], found["project"]["currency"]) == ("Asia/Tokyo", "JPY")


def test_a_folder_that_is_taken_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    recmail("init", tmp_path / "acme")
    code, screen = on_a_terminal("init", "acme", answers=[], folder=tmp_path)
    assert code == 4
    assert "]: " not in screen


def test_an_interruption_says_what_is_left_behind(tmp_path: Path) -> None:
    code, screen = on_a_terminal("init", "acme", answers=["Acme", "\x04"], folder=tmp_path)
    assert code == 130
    assert "interrupted; nothing was made in acme" in screen
    assert not (tmp_path / "acme").exists()


@pytest.mark.parametrize("arguments", [["--json"], ["--demo", "--users", "50", "--now", AT]])
def test_programs_and_demos_are_not_asked(tmp_path: Path, arguments: list[str]) -> None:
    code, screen = on_a_terminal("init", "acme", *arguments, answers=[], folder=tmp_path)
    assert code == 0
    assert "]: " not in screen


def test_without_a_terminal_flags_and_examples_are_taken(tmp_path: Path) -> None:
    recmail("init", tmp_path / "acme", "--name", "Acme", "--timezone", "Asia/Tokyo", "--currency", "JPY")
    found = settings(tmp_path / "acme")
    assert (found["project"]["timezone"], found["project"]["currency"]) == ("Asia/Tokyo", "JPY")
    assert found["sender"]["postal_address"] == "(fill in your postal address)"
    wrong = ("--timezone", "Asia/Tokio", "--address", "a\nb")
    said = recmail("init", tmp_path / "other", *wrong, code=3).stderr.splitlines()
    assert said[0] == "--address: must be one line without control characters"
    assert said[1].startswith("--timezone: found 'Asia/Tokio'")
    assert said[1].endswith("did you mean Asia/Tokyo?")
    assert not (tmp_path / "other").exists()


def test_the_demo_has_every_set_of_templates_with_a_campaign_that_reaches_people(tmp_path: Path) -> None:
    recmail("init", tmp_path / "acme", "--demo", "--users", 200, "--now", AT)
    sets = {"because-you-finished", "continue-learning", "new-releases", "weekly-picks"}
    checked = read_json(recmail("check", "--now", AT, "--json", project=tmp_path / "acme"))["campaigns"]
    people = {one["campaign"]: one["people"] for one in checked}
    assert sets <= set(people)
    assert min(people.values()) >= 10
    for name in sets - {"weekly-picks"}:
        assert f"template: {name} " in (tmp_path / "acme" / "campaigns" / f"{name}.yaml").read_text()
        for suffix in ("html.j2", "txt.j2"):
            assert (tmp_path / "acme" / "templates" / f"{name}.{suffix}").is_file()


def test_the_demo_says_how_many_people_its_campaign_would_address(tmp_path: Path) -> None:
    made = read_json(recmail("init", tmp_path / "acme", "--demo", "--users", 60, "--now", AT, "--json"))
    checked = recmail("check", "weekly-picks", "--now", AT, "--json", project=tmp_path / "acme")
    assert made["people"] == read_json(checked)["campaigns"][0]["people"] > 30
    assert json.loads((tmp_path / "acme" / ".recmail" / "campaign.schema.json").read_text())
