"""Problems as annotations of GitHub Actions, which show them beside the lines that they are in."""

from __future__ import annotations

import os
from pathlib import Path

import click

from recmail.errors import Problem


def annotate(severity: str, problem: Problem, project: Path | None) -> None:
    """Print a problem as a workflow command.

    Source: docs.github.com, "Workflow commands for GitHub Actions"; what is escaped: actions/toolkit,
    packages/core/src/command.ts.
    """
    from recmail.settings import find_project

    root = os.environ.get("GITHUB_WORKSPACE") or Path.cwd()
    file = os.path.relpath(find_project(project) / problem.file, root)
    places = {"file": file, "line": problem.line or "", "col": problem.column or ""}
    escaped = {
        name: _escape(str(value)).replace(":", "%3A").replace(",", "%2C") for name, value in places.items()
    }
    where = ",".join(f"{name}={value}" for name, value in escaped.items() if value)
    click.echo(f"::{severity} {where}::{_escape(problem.message)}")


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
