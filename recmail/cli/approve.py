"""`recmail approve`: sign a plan."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from recmail.cli.command import RUN, json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import operator, rows_progress, say


@click.command("approve", short_help="Approve RUN: what was planned may go out, and nothing else.")
@click.argument("run", type=RUN)
@project_option
@now_option
@json_option
@shows_errors
def command(run: int, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Approve RUN, the number that recmail plan gave: what was planned may go out, and nothing else.

    Refused while there is an error in anybody's email.

    \b
    Example: recmail approve 12
    """
    from recmail.runs.lifecycle import approve
    from recmail.runs.project import open_project

    who = operator()
    with rows_progress(f"looking at run {run}", "emails") as show:
        findings = approve(open_project(project), run, now=now, who=who, progress=show)
    if as_json:
        found = findings and findings.to_dict()
        print_json({"run": run, "state": "approved", "by": who, "at": now, "findings": found})
        return
    if findings and findings.warnings:
        say(findings.headline)
    click.echo(f"run {run} is approved by {who}")
    say(f"send it with: recmail send {run}")
