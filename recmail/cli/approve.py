"""`recmail approve`: sign a plan."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from recmail.cli.command import (
    RUN_OR_CAMPAIGN,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.terminal import operator, rows_progress, say, show_edits
from recmail.records import RunState


@click.command("approve", short_help="Approve RUN: what was planned may go out, and nothing else.")
@click.argument("run", type=RUN_OR_CAMPAIGN)
@project_option
@now_option
@json_option
@shows_errors
def command(run: int | str, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Approve RUN, the number that recmail plan gave: what was planned may go out, and nothing else.

    A campaign's name will do when only one of its runs waits for approval. Refused while there is an error
    in anybody's email. What was edited since the plan is shown: the plan does not contain it.

    With approvers = 2 under [delivery] two people have to approve. Who somebody is, is what RECMAIL_USER
    says, else the login name: a record of who said yes, and no proof against whoever may run recmail here.

    \b
    Example: recmail approve 12
    """
    from recmail.runs.choice import choose_run
    from recmail.runs.lifecycle import approve
    from recmail.runs.listing import read_run
    from recmail.runs.project import open_project
    from recmail.runs.scheduling import goes_out_by_itself, nobody_is_there

    opened, who = open_project(project), operator()
    run_no = choose_run(opened, run, [RunState.PLANNED])
    with rows_progress(f"looking at run {run_no}", "emails") as show:
        findings = approve(opened, run_no, now=now, who=who, progress=show)
    signed = read_run(opened, run_no)
    if as_json:
        print_json({"run": run_no, "by": who, "at": now, **signed.to_dict_in_full()})
        return
    if findings and findings.warnings:
        say(findings.headline)
    show_edits(signed.edits or (), run_no, signed.campaign)
    click.echo(f"run {run_no} is approved by {who}")
    due = goes_out_by_itself(opened, run_no)
    by_itself = due and f"it goes out by itself, from {due:%Y-%m-%d %H:%M} UTC on"
    say(signed.waits_for or by_itself or f"send it with: recmail send {run_no}")
    if due and (advice := nobody_is_there(opened)):
        say(advice)
