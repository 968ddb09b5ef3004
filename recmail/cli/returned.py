"""`recmail import bounces` and `recmail import events FILE`: what came back of messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    EXIT_WITH_FAILURES,
    SEVERITY,
    error_as_dict,
    exit_code,
    print_json,
    say_error,
)
from recmail.cli.terminal import Advance, progress, rows_progress, say

if TYPE_CHECKING:
    from recmail.feedback.bounces import ReadMailbox
    from recmail.feedback.recording import Counts
    from recmail.feedback.saved_events import SavedEvents
    from recmail.runs.project import Project
    from recmail.settings import Settings

BOUNCES, EVENTS = "bounces", "events"


def is_meant(what: str | None, file: Path | None, settings: Settings) -> bool:
    """Tell what came back from what people do: without a FILE a source of that name is meant."""
    if file is not None:
        return what in (BOUNCES, EVENTS)
    return what == BOUNCES and what not in settings.sources


def bring_in(
    project: Project,
    what: str | None,
    file: Path | None,
    now: datetime,
    *,
    provider: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Bring in a file of events, or what is unread in the mailboxes; return the exit code."""
    if file is not None and what == BOUNCES:
        raise click.UsageError("bounces come from the mailboxes [bounces.*]; a FILE holds events")
    if file is not None:
        return _import_events(project, file, now, provider=provider, dry_run=dry_run, as_json=as_json)
    if provider:
        raise click.UsageError("--provider is for events: recmail import events FILE --provider NAME")
    return _read_mailboxes(project, now, dry_run=dry_run, as_json=as_json)


# --- mailboxes ------------------------------------------------------------------------------------


def _read_mailboxes(project: Project, now: datetime, *, dry_run: bool, as_json: bool) -> int:
    from recmail.errors import ConfigError, Problem
    from recmail.feedback.bounces import read_bounces
    from recmail.feedback.mailbox import EXAMPLE, read_mailboxes

    mailboxes = read_mailboxes(project.settings)
    if not mailboxes:
        message = f"has no [bounces.*] yet; write where bounces arrive, for example:\n\n{EXAMPLE}"
        raise ConfigError([Problem("recmail.toml", 0, 0, message)])
    keys = (project.settings.key, *project.settings.older_keys)
    found = []
    for mailbox in mailboxes:
        with progress(f"reading {mailbox.name}") as show:
            one = read_bounces(
                project.engine,
                mailbox,
                keys=keys,
                now=now,
                dry_run=dry_run,
                progress=_adding_up(show),
            )
        found.append(one)
        if not as_json:
            _show_mailbox(one, dry_run=dry_run)
    if as_json:
        print_json({"mailboxes": [_document(one) for one in found]})
    return max((exit_code(error) for one in found for error in one.errors), key=SEVERITY.index, default=0)


def _adding_up(show: Advance) -> Callable[[int], None]:
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        show(done, 0)

    return advance


def _document(one: ReadMailbox) -> dict[str, object]:
    return {
        "mailbox": one.name,
        "mails": one.mails,
        "other": one.other,
        "counts": asdict(one.counts),
        "errors": [error_as_dict(error) for error in one.errors],
    }


def _show_mailbox(one: ReadMailbox, *, dry_run: bool) -> None:
    if one.mails or not one.errors:
        other = f"; {one.other:,} tell nothing of a message" if one.other else ""
        mails = "1 unread mail" if one.mails == 1 else f"{one.mails:,} unread mails"
        click.echo(f"{one.name}: {mails}{other}; {_counted(one.counts)}")
        _say_changes(one.counts, dry_run=dry_run)
    for error in one.errors:
        say_error(error)


# --- files ----------------------------------------------------------------------------------------


def _import_events(
    project: Project, file: Path, now: datetime, *, provider: str | None, dry_run: bool, as_json: bool
) -> int:
    from recmail.deliver.esp import open_provider
    from recmail.feedback.saved_events import Reading, import_events

    opened = open_provider(provider, project.settings) if provider else None
    reading = Reading(opened, project.settings.address_key, now, dry_run, project.folder)
    with rows_progress("importing events", "lines") as show:
        found = import_events(project.engine, file, reading, progress=show)
    if as_json:
        print_json({**asdict(found), "rejected": found.rejected})
    else:
        _show_file(found)
    return EXIT_WITH_FAILURES if found.rejected else 0


def _show_file(found: SavedEvents) -> None:
    from recmail.settings.source import printable

    click.echo(f"events: {found.lines:,} lines read; {_counted(found.counts)}; {found.rejected:,} rejected")
    if found.silent:
        lines = "1 line holds" if found.silent == 1 else f"{found.silent:,} lines hold"
        say(f"  {lines} no event that is kept; is --provider the one that they are of?")
    _say_changes(found.counts, dry_run=found.dry_run)
    for reason, count in sorted(found.rejects.items(), key=lambda one: -one[1]):
        say(printable(f"  rejected {count:,} x {reason} ({found.examples[reason]})"))
    if found.rejects_file:
        say(f"  rejected lines, with line and reason: {found.rejects_file}")


# --- both -----------------------------------------------------------------------------------------


def _counted(counts: Counts) -> str:
    return f"{counts.new:,} new event{'' if counts.new == 1 else 's'}, {counts.known:,} known already"


def _say_changes(counts: Counts, *, dry_run: bool) -> None:
    if counts.stray:
        say(f"  {counts.stray:,} of messages that are not known here; they are kept, and looked at again")
    if dry_run:
        say("  nothing was changed")
    for line in _changes(counts):
        say(f"  {line}")


def _changes(counts: Counts) -> Iterator[str]:
    if counts.matched:
        yield f"{counts.matched:,} events of before found their message"
    if counts.suppressed:
        people = "1 address gets" if counts.suppressed == 1 else f"{counts.suppressed:,} addresses get"
        yield f"{people} nothing more"
    if counts.unsubscribed:
        people = "1 account" if counts.unsubscribed == 1 else f"{counts.unsubscribed:,} accounts"
        yield f"{people} unsubscribed"
    if counts.settled:
        what = "1 message" if counts.settled == 1 else f"{counts.settled:,} messages"
        yield f"{what} that may have arrived did: something came back"
