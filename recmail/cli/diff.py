"""`recmail diff`: what differs between two runs, before somebody approves the second."""

from __future__ import annotations

from pathlib import Path

import click

from recmail.cli.command import RUN, json_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, progress, say

COURSES = 15  # that are listed; --json has all of them


@click.command("diff", short_help="Tell what differs between two runs, and for whom.")
@click.argument("first", type=RUN, metavar="[BEFORE]")
@click.argument("second", type=RUN, required=False, metavar="RUN")
@project_option
@json_option
@shows_errors
def command(first: int, second: int | None, project: Path | None, as_json: bool) -> None:
    r"""Tell who came and went and whose courses changed from run BEFORE to RUN.

    Without BEFORE, RUN is compared with the run before it of the same campaign.

    \b
    Examples: recmail diff 12
              recmail diff 11 12
    """
    from recmail.runs.diff import diff, previous_run
    from recmail.runs.project import open_project

    opened = open_project(project)
    before, after = (previous_run(opened, first), first) if second is None else (first, second)
    if second is None:
        say(f"run {after} compared with run {before}, the one before it")
    with progress("comparing") as advance:
        found = diff(opened, before, after, progress=advance)
    if as_json:
        print_json(found.to_dict())
        return
    print_table(("people", "what differs"), found.as_rows())
    if found.examples:
        click.echo(f"who lost their picks, for example: {', '.join(found.examples)}")
    changed = [(one.before, one.after, one.after - one.before, one.title) for one in found.courses]
    if changed:
        click.echo()
        print_table((f"in run {before}", f"in run {after}", "change", "course"), changed[:COURSES])
    if len(changed) > COURSES:
        say(f"and {len(changed) - COURSES} more; recmail diff --json lists all")
    if found.made_otherwise:
        click.echo("\nMade otherwise:\n" + "\n".join(f"  {line}" for line in found.made_otherwise))
    if found.campaign_lines:
        click.echo("\n" + "\n".join(found.campaign_lines))
