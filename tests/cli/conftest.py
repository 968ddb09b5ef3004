"""A small demo project, made once and copied for each test; and the command line, run in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from recmail.cli import main
from recmail.runs import check_everybody, summary

assert check_everybody.BY_LOT == summary.BY_LOT  # imported before a plan's own are made fewer

AT = "2026-11-02T09:00:00+00:00"


def recmail(*arguments: object, project: Path | None = None, code: int = 0) -> Result:
    """Run a command as a shell would, and check its exit code."""
    words = [str(argument) for argument in arguments]
    if project is not None:
        words += ["--project", str(project)]
    result = CliRunner().invoke(main, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def read_json(result: Result) -> dict[str, Any]:
    """The one document that --json prints."""
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["schema_version"] == 1
    return document


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "acme"
    recmail("init", folder, "--demo", "--users", 120, "--now", AT)
    recmail("train", "--now", AT, project=folder)
    return folder


@pytest.fixture(autouse=True)
def _few_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan compares eight emails with the same inlined alone, not forty: a second of each plan."""
    monkeypatch.setattr(summary, "BY_LOT", 4)
    monkeypatch.setattr(summary, "WHO_MATTER", 4)


@pytest.fixture
def project(_trained: Path, tmp_path: Path) -> Path:
    """The demo project of 120 people with a trained model, this test's own copy."""
    folder = tmp_path / "acme"
    shutil.copytree(_trained, folder)
    return folder


@pytest.fixture
def planned(project: Path) -> Callable[[str], tuple[int, int]]:
    """Plan and approve a campaign: its run's number, and how many people it will mail."""

    def plan(campaign: str = "weekly-picks") -> tuple[int, int]:
        document = read_json(recmail("plan", campaign, "--now", AT, "--json", project=project))
        recmail("approve", document["run"], "--now", AT, project=project)
        return document["run"], document["waiting"]

    return plan
