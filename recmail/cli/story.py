"""Telling what happened to one person in one run, for `recmail why USER RUN`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recmail.runs.person_in_run import PersonInRun, ShownCourse


def tell_run(found: PersonInRun, *, name: str) -> None:
    """Print the story, which may hold what people and servers wrote."""
    from recmail.settings.source import printable

    click.echo(printable(f"{found.user_id}  {name or '(no name)'}, run {found.run_no}, {found.campaign}"))
    for line in (*_rules(found), *_planned(found), *_shown(found), *_happened(found)):
        click.echo(printable(line))


def _rules(found: PersonInRun) -> Iterator[str]:
    yield f"{found.outcome}{f'; {found.waits}' if found.waits else ''}"
    yield ""
    verb = "is" if found.in_audience else "is not"
    yield f"Why the person {verb} in the audience, {found.rules_note}"
    for rule, is_met in found.rules:
        yield f"  {'yes' if is_met else 'no ':3}  {' '.join(rule.split())}"
    if found.rules and found.in_audience != all(is_met for _, is_met in found.rules):
        yield "  when the run was planned it was otherwise: something was imported or changed since"


def _planned(found: PersonInRun) -> Iterator[str]:
    if found.due_at is None:
        return
    parts = [f"due {found.due_at:%Y-%m-%d %H:%M} UTC"]
    if found.due_local:
        parts[0] += f" ({found.due_local})"
    if found.send_before is not None:
        parts.append(f"not after {found.send_before:%Y-%m-%d %H:%M} UTC")
    if found.variant is not None:
        parts.append(f"variant {found.variant}")
    yield ""
    yield f"Planned: {', '.join(parts)}"


def _shown(found: PersonInRun) -> Iterator[str]:
    if not found.shown:
        return
    yield ""
    yield f"Courses, top to bottom{f' ({found.shown_note})' if found.shown_note else ''}"
    for course in found.shown:
        yield f"  {course.title}: {course.reason or 'no reason printed'}"
        yield f"    {_origin(course)}"


def _origin(course: ShownCourse) -> str:
    source = (
        course.source if course.source == course.block else f"{course.block}, filled up by {course.source}"
    )
    instead = f"; a reserve, instead of {course.instead_of}" if course.instead_of else ""
    return f"{source}, score {course.score:.4g}{instead}"


def _happened(found: PersonInRun) -> Iterator[str]:
    yield ""
    yield "What happened"
    for one in found.happened:
        yield f"  {one.at:%Y-%m-%d %H:%M:%S} UTC  {one.what}"
