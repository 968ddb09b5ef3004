"""`recmail doctor` as it is typed: what it prints, its JSON, its exit codes.

After a change that is meant: RECMAIL_UPDATE_GOLDEN=1 pytest tests/cli/test_doctor.py, then read the diff.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from recmail.cli import main
from tests.cli.conftest import AT, read_json, recmail

GOLDEN = Path(__file__).parents[1] / "golden" / "doctor.txt"
KEYS = {"section", "check", "state", "found", "next"}


def masked(text: str, project: Path) -> str:
    """What is the same on every machine and at every version."""
    text = text.replace(str(project), "PROJECT")
    text = re.sub(r"^machine\n.*?\n\n", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"SQLite .*", "SQLite X, N MB", text)
    text = re.sub(r"at \d{4}, the newest", "at N, the newest", text)
    return re.sub(r"^\d+ warnings", "N warnings", text, flags=re.MULTILINE)


def test_the_demo_projects_report_reads_as_it_did(project: Path) -> None:
    found = masked(recmail("doctor", "--now", AT, project=project).stdout, project)
    if os.environ.get("RECMAIL_UPDATE_GOLDEN"):
        GOLDEN.write_text(found, "utf-8")
    assert found == GOLDEN.read_text("utf-8")


def test_the_same_as_json_has_stable_keys(project: Path) -> None:
    document = read_json(recmail("doctor", "--now", AT, "--json", project=project))
    assert set(document) == {"schema_version", "findings", "counts", "exit"}
    assert all(set(finding) == KEYS for finding in document["findings"])
    assert sum(document["counts"].values()) == len(document["findings"])
    assert (document["counts"]["wrong"], document["exit"]) == (0, 0)


def test_something_wrong_is_exit_1(project: Path) -> None:
    (project / "recmail.db").unlink()
    result = recmail("doctor", project=project, code=1)
    assert result.stdout.startswith("settings\n")
    summary = result.stdout.splitlines()[-1]
    assert summary.startswith("1 wrong, ")
    assert summary.endswith("begin with database, reachable: recmail init --upgrade")
    assert read_json(recmail("doctor", "--json", project=project, code=1))["exit"] == 1


def test_wrong_settings_are_exit_3(project: Path, tmp_path: Path) -> None:
    toml = project / "recmail.toml"
    toml.write_text(toml.read_text("utf-8").replace('"INR"', '"rupees"'), "utf-8")
    (project / "recmail.db").unlink()
    result = recmail("doctor", project=project, code=3)
    assert "recmail.toml:10:12: [project] currency" in result.stdout
    assert "recmail.db is not there" in result.stdout
    assert "recmail init" in recmail("doctor", project=tmp_path, code=3).stdout


def test_campaigns_are_summed_up(project: Path) -> None:
    campaigns = project / "campaigns"
    (campaigns / "broken.yaml").write_text("subjct: Hi\naudience: everyone\nblocks:\n  - popular: 3\n")
    (campaigns / "tuesdays.yaml").write_text(
        "subject: Hi\naudience: everyone\nblocks:\n  - popular: 3\nschedule:\n  when: every tuesday 09:00\n"
    )
    document = read_json(recmail("doctor", "--now", AT, "--json", project=project, code=1))
    found = [one for one in document["findings"] if one["section"] == "campaigns"]
    broken, whole, scheduler = found
    assert broken["found"].startswith("broken has ")
    assert (broken["state"], broken["next"]) == ("wrong", "recmail check broken")
    assert "8 without mistakes: because-you-finished (" in whole["found"]
    assert (scheduler["check"], scheduler["state"]) == ("scheduler", "warning")
    assert scheduler["found"] == "tuesdays has a schedule that is switched off; it is sent by hand"


@pytest.mark.parametrize(("no_color", "colourful"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(project: Path, no_color: str, colourful: bool) -> None:
    arguments = ["doctor", "--offline", "--project", str(project)]
    result = CliRunner(env={"NO_COLOR": no_color}).invoke(main, arguments, color=True)
    assert ("\x1b[" in result.stdout) is colourful
    assert "\x1b[" not in recmail("doctor", "--offline", project=project).stdout
