"""`recmail schedule`: a campaign goes out by itself, whenever its file says, until it is switched off."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import operator, print_table, say

if TYPE_CHECKING:
    from recmail.runs.scheduling import Plan


@click.command("schedule", short_help="Let CAMPAIGN go out by itself, or list what does.")
@click.argument("campaign", required=False)
@click.option("--off", is_flag=True, help="Let it not go out by itself any more.")
@project_option
@now_option
@json_option
@shows_errors
def command(campaign: str | None, off: bool, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Let CAMPAIGN go out by itself, as `schedule:` in its file says. Without CAMPAIGN: list what does.

    Its file is read each time: what you change before a run is planned holds for that run. Something has to
    run meanwhile: recmail serve, recmail work, or recmail work --once from cron.

    \b
    Examples: recmail schedule weekly-picks
              recmail schedule weekly-picks --off
    """
    from recmail.runs.project import open_project
    from recmail.runs.scheduling import read_plans, switch_off, switch_on

    if campaign is None and off:
        raise click.UsageError("--off needs the CAMPAIGN")
    opened = open_project(project)
    if campaign is None:
        plans = read_plans(opened, now=now)
        print_json({"schedules": [one.to_dict() for one in plans]}) if as_json else _list(plans)
        return
    switch = switch_off if off else switch_on
    plan = switch(opened, Path(campaign).stem, now=now, who=operator())
    print_json(plan.to_dict()) if as_json else _show(plan)


def _list(plans: list[Plan]) -> None:
    if not plans:
        say("no campaign has a schedule; docs/campaigns.md has the key")
        return
    rows = [(one.campaign, "on" if one.is_on else "off", one.next_words, _state(one)) for one in plans]
    print_table(("campaign", "schedule", "next", "state"), rows)
    for one in plans:
        if one.trouble and one.is_on:
            say(f"\n{one.campaign} cannot be prepared: {one.trouble}")
    for advice in dict.fromkeys(one.advice for one in plans if one.advice):
        say(f"\n{advice}")


def _state(plan: Plan) -> str | None:
    if plan.trouble:
        return "cannot be prepared" if plan.is_on else "has mistakes"
    return "; ".join(f"run {one.run_no} is {one.state}" for one in plan.runs) or None


def _show(plan: Plan) -> None:
    if plan.is_on:
        click.echo(f"{plan.campaign} goes out by itself:")
        for line in plan.lines:
            click.echo(f"  {line}")
        for one in plan.runs:
            say(one.line)
        if plan.advice:
            say(f"\n{plan.advice}")
        return
    click.echo(f"{plan.campaign} does not go out by itself any more")
    for one in plan.runs:
        by_hand = f"recmail run cancel {one.run_no}, or recmail send {one.run_no}"
        say(f"{one.line}, and is not sent by itself: {by_hand}")
