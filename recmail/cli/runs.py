"""`recmail runs`: every run there was, or one with its exact account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import RUN, json_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, say, show_due, show_findings

if TYPE_CHECKING:
    from recmail.runs.listing import Run


@click.command("runs")
@click.argument("run", type=RUN, required=False)
@project_option
@json_option
@shows_errors
def command(run: int | None, project: Path | None, as_json: bool) -> None:
    r"""List all runs, or show RUN with what happened to everybody in it.

    A run is one time that a campaign goes out, with a number.

    \b
    Example: recmail runs 12
    """
    from recmail.runs.listing import read_run, read_runs
    from recmail.runs.project import open_project

    opened = open_project(project)
    if run is not None:
        found = read_run(opened, run)
        if as_json:
            print_json(found.to_dict_in_full())
            return
        _show(found)
        return
    listed = read_runs(opened)
    if as_json:
        print_json({"runs": [one.to_dict() for one in listed]})
    elif not listed:
        say("no runs yet; plan one with: recmail plan CAMPAIGN")
    else:
        print_table(
            ("run", "campaign", "state", "planned", "people", "sent", "waiting", "reason"),
            [one.as_row() for one in listed],
        )


def _show(run: Run) -> None:
    click.echo(run.headline)
    print_table(("people", "what happened"), run.account.as_rows())
    show_due(run.due)
    if run.findings:
        show_findings(run.findings)
    elif run.state == "planned":
        say(f"not all emails were looked at yet; this does, and approves it: recmail approve {run.run_no}")
    for line in run.history:
        say(line)
