"""`recmail work`: prepares and sends what is due, for as long as it runs or once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    EXIT_FAILED,
    EXIT_WITH_FAILURES,
    SEVERITY,
    Instant,
    exit_code,
    json_lines_option,
    project_option,
    shows_errors,
)
from recmail.cli.working import news_teller, run_until_stopped, stop_on_signals

if TYPE_CHECKING:
    from recmail.errors import RecmailError
    from recmail.runs.senders import Senders


@click.command("work", short_help="Prepare and send what is due; any number may run.")
@click.option("--once", is_flag=True, help="Do what is due now, and end: for cron, systemd, Kubernetes.")
@click.option("--build", is_flag=True, help="Only prepare: import, train, plan; send nothing.")
@click.option(
    "--now", type=Instant(), metavar="TIME", help="Start the clock at this time; only for trying out."
)
@project_option
@json_lines_option
@shows_errors
def command(once: bool, build: bool, now: datetime | None, project: Path | None, as_json: bool) -> None:
    r"""Prepare the runs of scheduled campaigns, and send every run that is due or was begun.

    Any number may run at once, on any machines that reach the database: nobody is mailed twice. A run of a
    campaign that has no schedule is left alone until recmail send has begun it. SIGTERM and Ctrl-C finish
    what is in hand. A line is written for each event; with --json to stdout, as one JSON object.

    Exit codes: 0 stopped, or with --once nothing went wrong; 1 failed, or a run was paused; 3 a campaign has
    mistakes; 4 a campaign was refused; 5 messages failed or are unclear; 130 interrupted.

    \b
    Examples: recmail work
              recmail work --once      # every few minutes, from cron
    """
    from recmail.deliver.clock import Clock
    from recmail.runs.project import open_project
    from recmail.runs.working import schedule_once, send_once

    opened, clock = open_project(project), Clock(now)
    tell = news_teller(as_json=as_json)
    if not once:
        run_until_stopped(opened, clock, tell=tell, sends=not build)
        return
    stopping = stop_on_signals()
    errors = schedule_once(opened, clock, tell=tell, stop=stopping.event)
    senders = None if build else send_once(opened, clock, tell=tell, stop=stopping.event)
    code = stopping.exit_code or _code(errors, senders)
    if code:
        raise SystemExit(code)


def _code(errors: list[RecmailError], senders: Senders | None) -> int:
    codes = [0, *map(exit_code, errors)]
    if senders is not None:
        codes += [EXIT_FAILED] * bool(senders.paused or senders.errors)
        codes += [EXIT_WITH_FAILURES] * senders.failures
    return max(codes, key=SEVERITY.index)
