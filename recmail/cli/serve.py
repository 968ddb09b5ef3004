"""`recmail serve`: everything that has to run for campaigns to go out by themselves, in one process."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from recmail.cli.command import Instant, json_lines_option, project_option, shows_errors
from recmail.cli.working import news_teller, run_until_stopped


@click.command("serve", short_help="Run everything that recmail does by itself.")
@click.option("--no-worker", is_flag=True, help="Send nothing: recmail work does, here or elsewhere.")
@click.option(
    "--now", type=Instant(), metavar="TIME", help="Start the clock at this time; only for trying out."
)
@project_option
@json_lines_option
@shows_errors
def command(no_worker: bool, now: datetime | None, project: Path | None, as_json: bool) -> None:
    r"""Run everything that recmail does by itself: look at schedules, prepare their runs, send what is due.

    It takes the place of one recmail work; more of those may run beside it. SIGTERM and Ctrl-C finish what is
    in hand. recmail.toml is read once, when it starts; campaigns and templates whenever a run is planned.

    Exit codes: 0 stopped, 1 failed, 130 interrupted.

    \b
    Example: recmail serve
    """
    from recmail.deliver.clock import Clock
    from recmail.runs.project import open_project

    tell = news_teller(as_json=as_json)
    run_until_stopped(open_project(project), Clock(now), tell=tell, sends=not no_worker)
