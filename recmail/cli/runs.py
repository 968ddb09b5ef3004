"""`recmail runs`: every run there was, or one with its exact account."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import RUN, Instant, json_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, say, show_due, show_findings, show_variants

if TYPE_CHECKING:
    from recmail.runs.listing import Run
    from recmail.runs.project import Project


@click.command("runs")
@click.argument("run", type=RUN, required=False)
@click.option("--campaign", metavar="NAME", help="Only the runs of this campaign.")
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
    run: int | None,
    campaign: str | None,
    follows: bool,
    every: float | None,
    now: datetime | None,
    project: Path | None,
    as_json: bool,
) -> None:
    r"""List all runs, or show RUN with what happened to everybody in it.

    A run is one time that a campaign goes out, with a number. With --follow and --json there is one JSON
    document a line.

    \b
    Examples: recmail runs 12
              recmail runs 12 --follow
    """
    from recmail.runs.listing import read_run
    from recmail.runs.project import open_project

    _check_usage(run, campaign, follows=follows, has_more=every is not None or now is not None)
    opened = open_project(project)
    if run is None:
        _list(opened, campaign, as_json)
    elif follows:
        _follow(opened, run, every_s=every or 1.0, now=now, as_json=as_json)
    elif as_json:
        print_json(read_run(opened, run).to_dict_in_full())
    else:
        _show(read_run(opened, run))


def _check_usage(run: int | None, campaign: str | None, *, follows: bool, has_more: bool) -> None:
    if follows and run is None:
        raise click.UsageError("--follow needs the number of a run: recmail runs RUN --follow")
    if has_more and not follows:
        raise click.UsageError("--every and --now go with --follow: recmail runs RUN --follow")
    if campaign is not None and run is not None:
        raise click.UsageError("give RUN or --campaign, not both")


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
    show_due(run.due)
    show_variants(run.account)
    if run.findings:
        show_findings(run.findings)
    elif run.state == "planned":
        say(f"not all emails were looked at yet; this does, and approves it: recmail approve {run.run_no}")
    for line in run.history:
        say(line)
