"""`recmail runs`: every run there was, or one with its exact account."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    RUN_OR_CAMPAIGN,
    Instant,
    json_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.terminal import print_table, say, show_due, show_edits, show_findings, show_variants

if TYPE_CHECKING:
    from recmail.runs.listing import Run
    from recmail.runs.project import Project


@click.command("runs", short_help="List all runs, or show or watch one.")
@click.argument("run", type=RUN_OR_CAMPAIGN, required=False)
@click.option("--follow", "follows", is_flag=True, help="Watch RUN until it has ended.")
@click.option(
    "--every",
    type=click.FloatRange(0.2, 3600),
    metavar="SECONDS",
    help="With --follow: look so often; default: 1.",
)
@click.option(
    "--now", type=Instant(), metavar="TIME", help="With --follow: start the clock here, as send --now did."
)
@project_option
@json_option
@shows_errors
def command(
    run: int | str | None,
    follows: bool,
    every: float | None,
    now: datetime | None,
    project: Path | None,
    as_json: bool,
) -> None:
    r"""List all runs, or show RUN with what happened to everybody in it.

    A run is one time that a campaign goes out, with a number; a campaign's name lists its runs. With
    --follow and --json there is one JSON document a line.

    \b
    Examples: recmail runs 12
              recmail runs 12 --follow
    """
    from recmail.runs.listing import read_run
    from recmail.runs.project import open_project

    _check_usage(run, follows=follows, has_more=every is not None or now is not None)
    opened = open_project(project)
    if not isinstance(run, int):
        _list(opened, run, as_json)
    elif follows:
        _follow(opened, run, every_s=every or 1.0, now=now, as_json=as_json)
    elif as_json:
        print_json(read_run(opened, run).to_dict_in_full())
    else:
        _show(read_run(opened, run))


def _check_usage(run: int | str | None, *, follows: bool, has_more: bool) -> None:
    if follows and not isinstance(run, int):
        raise click.UsageError("--follow needs the number of a run: recmail runs RUN --follow")
    if has_more and not follows:
        raise click.UsageError("--every and --now go with --follow: recmail runs RUN --follow")


def _list(opened: Project, campaign: str | None, as_json: bool) -> None:
    from recmail.runs.listing import LISTED, read_runs

    listed = read_runs(opened, campaign=campaign)
    if as_json:
        print_json({"runs": [one.to_dict() for one in listed]})
    elif not listed:
        of = f" of {campaign}" if campaign else ""
        say(f"no runs{of} yet; plan one with: recmail plan {campaign or 'CAMPAIGN'}")
    else:
        print_table(LISTED, [one.as_row() for one in listed])


def _follow(opened: Project, run: int, *, every_s: float, now: datetime | None, as_json: bool) -> None:
    from recmail.cli.follow import follow
    from recmail.deliver.clock import Clock
    from recmail.runs.follow import Watch

    follow(Watch(opened.engine, run, clock=Clock(now)), run, every_s=every_s, as_json=as_json)


def _show(run: Run) -> None:
    click.echo(run.headline)
    print_table(("people", "what happened"), run.account.as_rows())
    if run.came_back:
        click.echo(run.came_back)
    show_due(run.due)
    show_variants(run.account)
    if run.findings:
        click.echo()
        show_findings(run.findings)
    elif run.state == "planned":
        say(f"not all emails were looked at yet; this does, and approves it: recmail approve {run.run_no}")
    if run.waits_for:
        say(run.waits_for)
    for line in run.history:
        say(line)
    show_edits(run.edits or (), run.run_no, run.campaign)
