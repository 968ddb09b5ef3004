"""`recmail data`: what there is, how fresh it is, and what looks wrong in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, say

if TYPE_CHECKING:
    from recmail.history.freshness import DataSurvey, LastImport


@click.command("data")
@project_option
@now_option
@json_option
@shows_errors
def command(project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Show what recmail knows: counts, how fresh it is, and what looks wrong.

    \b
    Example: recmail data
    """
    from recmail.db.connect import reading
    from recmail.history.freshness import survey
    from recmail.records import SKIP_WORDS
    from recmail.runs.project import open_project

    with reading(open_project(project).engine) as connection:
        found = survey(connection, now)
    if as_json:
        print_json(found.to_json())
        return
    print_table(("", "count", "newest"), _counts(found, now))
    reasons = [(people, SKIP_WORDS[reason]) for reason, people in found.not_mailable.items()]
    if reasons:
        click.echo()
        print_table(("people", "may not be mailed because"), reasons)
    if found.imports:
        click.echo()
        columns = ("source", "kind", "file", "when", "rows", "new", "changed", "rejected")
        print_table(columns, [_import(one) for one in found.imports])
    odd = _odd(found)
    if odd:
        click.echo("\nWorth a look:\n" + "\n".join(f"  {line}" for line in odd))
    if not found.people:
        say("\nno people yet; bring them in with: recmail import users USERS.csv")


def _counts(found: DataSurvey, now: datetime) -> list[tuple[str, int, str]]:
    return [
        ("people", found.people, _ago(found.newest_change, now)),
        ("  may be mailed", found.mailable, ""),
        ("courses", found.courses, ""),
        ("  active", found.active_courses, ""),
        ("interactions", found.interactions, _ago(found.newest_interaction, now)),
        ("suppressed addresses", found.suppressions, ""),
    ]


def _ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    hours = (now - moment).total_seconds() / 3600
    words = f"{hours:,.0f} hours ago" if abs(hours) < 48 else f"{hours / 24:,.0f} days ago"
    return f"{moment:%Y-%m-%d %H:%M} UTC, {words}"


def _import(one: LastImport) -> tuple[object, ...]:
    counts = one.counts
    when = f"{one.finished_at:%Y-%m-%d %H:%M}" if one.finished_at else "stopped half-way"
    numbers = (counts.get(name) for name in ("rows", "added", "changed", "rejected"))
    return (one.source, one.kind, one.file, when, *numbers)


def _odd(found: DataSurvey) -> list[str]:
    missing = {
        "no address on the web": found.courses_without_url,
        "no picture": found.courses_without_image,
        "no level": found.courses_without_level,
        "no category": found.courses_without_category,
    }
    lines = [f"{count:,} courses with {what}" for what, count in missing.items() if count]
    lines += [f"one category in several spellings: {', '.join(alike)}" for alike in found.categories_alike]
    for one in found.imports:
        lines += [f"{one.file}: {count:,} rows rejected: {reason}" for reason, count in one.rejects.items()]
    return lines
