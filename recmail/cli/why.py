"""`recmail why`: why a person got what they got, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    RUN_OR_CAMPAIGN,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.story import tell_run
from recmail.cli.terminal import operator, print_table, progress, say

if TYPE_CHECKING:
    from recmail.runs.candidates import Candidate
    from recmail.runs.project import Project
    from recmail.runs.why import Story

FIRST = 12  # candidates of each offer that are listed


@click.command("why", short_help="Tell why somebody gets mail or not, and what each run showed.")
@click.argument("user")
@click.argument("of", type=RUN_OR_CAMPAIGN, metavar="[CAMPAIGN|RUN]", required=False)
@click.option("--course", metavar="ID", help="With CAMPAIGN: only this course (course_id), in every offer.")
@click.option("--all", "every", is_flag=True, help="With CAMPAIGN: every candidate, not only the first ones.")
@project_option
@now_option
@json_option
@shows_errors
def command(
    user: str,
    of: int | str | None,
    course: str | None,
    every: bool,
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""Tell why USER (user_id or e-mail address) gets or does not get mail, and what every run showed them.

    With RUN: everything that happened to them in it, in order. With CAMPAIGN: what it would show them now,
    and what became of every other course. Who looked at whom is written into the audit.

    \b
    Examples: recmail why u00042 12
              recmail why u00042 weekly-picks --course python-101
    """
    from recmail.runs.person_in_run import person_in_run
    from recmail.runs.project import open_project
    from recmail.runs.why import record_look, why

    opened = open_project(project)
    if isinstance(of, str):
        _explain(opened, user, of, course=course, every=every, now=now, as_json=as_json)
        return
    if course or every:
        raise click.UsageError("--course and --all need the name of a campaign: recmail why USER CAMPAIGN")
    story = why(opened, user, now=now, run_no=of)
    found = None if of is None else person_in_run(opened, user, of)
    record_look(opened, story.user_id, of, who=operator(), now=now)
    if as_json:
        print_json(asdict(story) | ({"in_run": found.to_dict()} if found else {}))
    elif found:
        tell_run(found, name=story.name)
    else:
        _tell(story)


def _explain(
    opened: Project,
    user: str,
    campaign: str,
    *,
    course: str | None,
    every: bool,
    now: datetime,
    as_json: bool,
) -> None:
    from recmail.runs.candidates import explain_candidates, only_course
    from recmail.runs.why import record_look

    with progress("asking the whole audience") as advance:
        found = explain_candidates(opened, user, campaign, now=now, progress=advance)
    record_look(opened, found.user_id, None, who=operator(), now=now)
    if course:
        found = only_course(found, course)
    if as_json:
        print_json(found.to_dict())
        return
    variant = f", variant {found.variant}" if found.variant else ""
    click.echo(f"{found.user_id}  {found.campaign}{variant}: {found.verdict}")
    if found.note:
        say(found.note)
    numbers = _places(found.blocks)
    offers = dict.fromkeys((one.block, one.source) for one in found.candidates)
    for block, source in offers:
        mine = [one for one in found.candidates if (one.block, one.source) == (block, source)]
        name = found.blocks[block]
        named = name if source == name else f"{name}, filled up by {source}"
        click.echo(f"\nBlock {numbers[block]}, {named}{'' if course else _nothing(mine)}")
        _print_candidates(mine if every or course else _first(mine))
    if not every and not course:
        say("\nthe first of each offer; all of them with --all, one course with --course ID")


def _places(blocks: Sequence[str]) -> dict[int, int]:
    """Return the place from 1 of each block of the email: those of other variants have no name."""
    named = [number for number, name in enumerate(blocks) if name]
    return {number: place for place, number in enumerate(named, start=1)}


def _nothing(mine: Sequence[Candidate]) -> str:
    """Say why an offer has nothing, where it has nothing."""
    from recmail.filters.fates import NOT_OFFERED

    if any(one.outcome != NOT_OFFERED for one in mine):
        return ""
    is_off = all("opted_out" in one.filters for one in mine)
    return ": nothing, because personalization is off" if is_off else ": has nothing for this person"


def _print_candidates(mine: Sequence[Candidate]) -> None:
    rows = [
        (
            one.rank or "",
            "" if one.score is None else f"{one.score:.4g}",
            one.course_id,
            one.title,
            f"{one.says}: {one.reason}" if one.reason else one.says,
        )
        for one in mine
    ]
    if rows:
        print_table(("", "score", "course", "title", "what became of it"), rows)


def _first(mine: Sequence[Candidate]) -> list[Candidate]:
    """Return the first candidates, and those further down that are shown."""
    from recmail.filters.fates import NOT_OFFERED, SHOWN

    offered = [one for one in mine if one.outcome != NOT_OFFERED]
    return [one for place, one in enumerate(offered) if place < FIRST or one.outcome == SHOWN]


def _tell(story: Story) -> None:
    from recmail.settings.source import printable

    click.echo(printable(f"{story.user_id}  {story.name or '(no name)'}: {story.verdict}"))
    seen = f"{story.last_seen_at:%Y-%m-%d}" if story.last_seen_at else "never"
    click.echo(f"last seen {seen}; personalization {'on' if story.personalized else 'off'}")
    for wish in story.wishes:
        click.echo(wish)
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
        variant = f", variant {one.variant}" if one.variant else ""
        click.echo(f"\nRun {one.run_no}, {one.campaign}{variant}: {one.outcome}")
        for title, reason, source in one.shown:
            click.echo(f"  {title}: {reason or 'no reason printed'} ({source})")
        for at, state, detail in one.events:
            click.echo(printable(f"  {at:%Y-%m-%d %H:%M:%S} UTC  {state}{f': {detail}' if detail else ''}"))
    if not story.runs:
        say("\nin no run so far")
