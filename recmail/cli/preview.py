"""`recmail preview`: the emails of people who matter, to look through; or one test to yourself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import operator, print_table, say

if TYPE_CHECKING:
    from recmail.runs.preview import Preview
    from recmail.runs.project import Project


@click.command("preview", short_help="Write the emails of people who matter, and a page to look at them.")
@click.argument("campaign")
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="USER",
    help="This person (user_id or address) instead; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the page goes; default: preview/CAMPAIGN.",
)
@click.option(
    "--to", metavar="ME", help="Send one test to this address of test_recipients; its links do nothing."
)
@click.option("--variant", metavar="NAME", help="Show everybody in this variant; USER otherwise in each.")
@project_option
@now_option
@json_option
@shows_errors
def command(
    campaign: str,
    users: tuple[str, ...],
    variant: str | None,
    out: Path | None,
    to: str | None,
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""Write the emails that CAMPAIGN would send next to people who matter, and a page to look at them.

    They are those whose emails go wrong first, found in the audience: without a name or a history, with the
    longest name, the largest message, only fallbacks, and so on; and some who would get none, with the rule.

    \b
    Examples: recmail preview weekly-picks
              recmail preview weekly-picks --user u00042 --to me@example.org
    """
    from recmail.runs.preview import preview
    from recmail.runs.project import open_project

    opened = open_project(project)
    if to:
        user_id = users[0] if users else None
        _send(opened, campaign, to, user_id, variant=variant, now=now, as_json=as_json)
        return
    folder = out or opened.folder / "preview" / Path(campaign).stem
    made = preview(opened, campaign, now=now, out=folder, user_ids=users, variant=variant)
    _record(opened, [one.user_id for one in made.samples], now, folder.absolute())
    if as_json:
        print_json({"campaign": campaign, **made.to_dict()})
    else:
        _show(made, campaign)


def _show(made: Preview, campaign: str) -> None:
    rows = [(one.user_id, one.name, one.why, one.verdict, one.variant) for one in made.samples]
    columns = ("user", "name", "why this person", "verdict", "variant")
    width = 5 if any(one.variant for one in made.samples) else 4
    print_table(columns[:width], [row[:width] for row in rows])
    for note in made.notes:
        say(f"\n{note}")
    say(f"\nwhat became of every course for one person: recmail why USER {campaign}")
    say("look at the emails in a browser:")
    click.echo(made.page)


def _send(
    opened: Project,
    campaign: str,
    to: str,
    user_id: str | None,
    *,
    variant: str | None,
    now: datetime,
    as_json: bool,
) -> None:
    from recmail.runs.trial import send_trial

    sent = send_trial(opened, campaign, to=to, user_id=user_id, now=now, variant=variant)
    _record(opened, [sent.user_id], now, to)
    if as_json:
        print_json({"campaign": campaign, "to": to, "as": sent.user_id, "subject": sent.subject})
    else:
        click.echo(f"sent to {to}, as {sent.user_id} would get it: {sent.subject}")


def _record(opened: Project, user_ids: list[str], now: datetime, where: Path | str) -> None:
    """Write into the audit whose emails were looked at."""
    from recmail.db.connect import reading
    from recmail.db.people import user_nos
    from recmail.feedback.accesses import PREVIEW, record_access

    with reading(opened.engine) as connection:
        numbers = user_nos(connection, user_ids)
    record_access(opened.engine, PREVIEW, numbers, who=operator(), now=now, where=str(where))
