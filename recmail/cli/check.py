"""`recmail check`: everything that is wrong with a campaign, at once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from recmail.cli.command import (
    EXIT_INVALID,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.terminal import say


@click.command("check")
@click.argument("campaign", required=False)
@project_option
@now_option
@json_option
@shows_errors
def command(campaign: str | None, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Check CAMPAIGN, or all of them: YAML, audience, templates.

    Every problem is reported with file, line and column. Exit code 3 when there is any.

    \b
    Example: recmail check weekly-picks
    """
    from recmail.runs.check import check
    from recmail.runs.project import open_project

    opened = open_project(project)
    names = [campaign] if campaign else opened.campaigns()
    if not names:
        say("there are no campaigns yet; the examples in the documentation are a good start")
    checked = [check(opened, name, now=now) for name in names]
    if as_json:
        print_json({"campaigns": [one.to_dict() for one in checked]})
    else:
        for one in checked:
            for problem in one.problems:
                click.echo(problem, err=True)
            for later in one.not_yet:
                click.echo(f"{later} (plan will refuse it)", err=True)
            audience = "" if one.people is None else f"; {one.people:,} people in the audience"
            state = "good" if one.good else f"{len(one.problems)} problems"
            click.echo(f"{one.campaign}: {state}{audience}")
    if not all(one.good for one in checked):
        raise SystemExit(EXIT_INVALID)
