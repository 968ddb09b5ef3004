"""`recmail expire`: what became too old goes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from recmail.cli.command import json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import operator, print_table, say


@click.command("expire", short_help="Delete what is older than [retention] of recmail.toml allows.")
@click.option("--dry-run", is_flag=True, help="Count what would go; change nothing.")
@project_option
@now_option
@json_option
@shows_errors
def command(dry_run: bool, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Delete what is older than [retention] of recmail.toml allows, and nothing that has no age there.

    recmail serve and recmail work do so by themselves, once a day. Of runs that ended the words of the
    emails go; states, times and hashes stay, so that reports and proofs still hold.

    \b
    Example: recmail expire --dry-run
    """
    from recmail.feedback.retention import expire
    from recmail.runs.project import open_project

    opened = open_project(project)
    gone = expire(opened.engine, opened.settings, who=operator(), now=now, dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, "gone": {one.what: one.count for one in gone}})
        return
    if gone:
        print_table(("would go" if dry_run else "went", ""), [(one.count, one.what) for one in gone])
    elif not any(vars(opened.settings.retention).values()):
        say('nothing has an age; give it one in recmail.toml: [retention] interactions = "3y"')
    else:
        say("nothing is too old")
