"""A small project of one's own, and the doctor's report on it by section."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recmail.runs.create import create_project
from recmail.runs.doctor import Finding, examine
from tests.conftest import NOW

Report = dict[str, list[Finding]]
ACME = {"sender": "Acme <learn@acme.org>", "postal_address": "12 Road", "currency": "EUR"}


def report(folder: Path, **options: Any) -> Report:
    """Everything that the doctor finds, by section."""
    return dict(examine(folder, **{"now": NOW, "offline": True, **options}))


def states(findings: list[Finding]) -> dict[str, str]:
    """The state of each check; of several with one name the last."""
    return {finding.check: str(finding.state) for finding in findings}


def one(findings: list[Finding], check: str) -> Finding:
    """The only finding of a check."""
    (found,) = [finding for finding in findings if finding.check == check]
    return found


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RECMAIL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project without people, and with one campaign: seven are most of the time of each report."""
    made = create_project(tmp_path / "acme", name="Acme", **ACME)
    made.engine.dispose()
    for campaign in (made.folder / "campaigns").iterdir():
        if campaign.stem != "popular-now":
            campaign.unlink()
    return made.folder


@pytest.fixture
def change(project: Path) -> Callable[..., None]:
    """Replace lines of recmail.toml, and add to its end."""

    def write(*, add: str = "", **values: str) -> None:
        file = project / "recmail.toml"
        lines = file.read_text("utf-8").splitlines()
        for name, value in values.items():
            (at,) = [number for number, line in enumerate(lines) if line.startswith(f"{name.rstrip('_')} =")]
            lines[at] = f"{name.rstrip('_')} = {value}"
        file.write_text("\n".join([*lines, add]) + "\n", "utf-8")

    return write
