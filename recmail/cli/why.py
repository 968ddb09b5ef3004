"""`recmail why`: why a person got what they got, or nothing."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import RUN, json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import say

if TYPE_CHECKING:
    from recmail.runs.why import Story


@click.command("why", short_help="Tell why somebody gets mail or not, and what each run showed.")
@click.argument("user")
@click.argument("run", type=RUN, required=False)
@project_option
@now_option
@json_option
@shows_errors
def command(user: str, run: int | None, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Tell why USER (user_id or e-mail address) gets or does not get mail, and what every run showed them.

    \b
    Example: recmail why u00042 12
    """
    from recmail.runs.project import open_project
    from recmail.runs.why import why

    story = why(open_project(project), user, now=now, run_no=run)
    if as_json:
        print_json(asdict(story))
    else:
        _tell(story)


def _tell(story: Story) -> None:
    click.echo(f"{story.user_id}  {story.name or '(no name)'}: {story.verdict}")
    seen = f"{story.last_seen_at:%Y-%m-%d}" if story.last_seen_at else "never"
    click.echo(f"last seen {seen}; personalization {'on' if story.personalized else 'off'}")
    click.echo("\nConsent, oldest first:" if story.consents else "\nNo consent on record.")
    for row in story.consents:
        answer = "yes" if row["granted"] else "no"
        topic = f" to {row['topic']}" if row["topic"] else ""
        proof = f" ({row['proof']})" if row["proof"] else ""
        click.echo(f"  {row['at']:%Y-%m-%d}  {row['purpose']}{topic}: {answer}, by {row['channel']}{proof}")
    if story.suppression is not None:
        held = story.suppression
        why = "said no to another tool" if held["reason"] == "imported" else held["reason"].replace("_", " ")
        click.echo(f"  {held['at']:%Y-%m-%d}  the address: {why} ({held['source']})")
    click.echo(
        f"\nTook {len(story.taken)} courses, newest first:" if story.taken else "\nTook no course yet."
    )
    for title, category, at in story.taken[:12]:
        click.echo(f"  {at:%Y-%m-%d}  {title}  [{category}]")
    if len(story.taken) > 12:
        click.echo(f"  and {len(story.taken) - 12} before")
    for one in story.runs:
        click.echo(f"\nRun {one.run_no}, {one.campaign}: {one.outcome}")
        for title, reason, source in one.shown:
            click.echo(f"  {title}: {reason or 'no reason printed'} ({source})")
        for at, state, detail in one.events:
            click.echo(f"  {at:%Y-%m-%d %H:%M:%S} UTC  {state}{f': {detail}' if detail else ''}")
    if not story.runs:
        say("\nin no run so far")
