"""`recmail runs`: every run there was, or one with its exact account."""

from __future__ import annotations

from pathlib import Path

import click

from recmail.cli.command import RUN, json_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, say, show_findings


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
            print_json(found.to_dict_with_findings())
            return
        click.echo(found.headline)
        print_table(("people", "what happened"), found.account.as_rows())
        if found.findings:
            show_findings(found.findings)
        for line in found.history:
            say(line)
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
