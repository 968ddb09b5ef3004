"""`recmail user`: what one person may ask of us, and who looked at their data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    Instant,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.terminal import confirm_typed, operator, print_table, say

if TYPE_CHECKING:
    from recmail.feedback.person_erase import Erasure
    from recmail.feedback.person_known import Known
    from recmail.feedback.receipt import Receipt
    from recmail.runs.project import Project


@click.group("user", short_help="Show, export, unsubscribe or erase one person; who looked.")
def command() -> None:
    """Answer what one person asks: what is known, stop, a copy, erase it.

    USER is a user_id or an e-mail address. Whoever uses these commands is written into the audit.
    """


@command.command("show", short_help="Show what is known of USER, and where it came from.")
@click.argument("user")
@project_option
@now_option
@json_option
@shows_errors
def show_command(user: str, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Show what is known of USER, where it came from, what they allowed, and every message.

    \b
    Example: recmail user show u00042
    """
    from recmail.feedback.accesses import SHOW, record_access
    from recmail.runs.project import open_project

    opened = open_project(project)
    user_no, known = _read(opened, user, now)
    record_access(opened.engine, SHOW, [user_no], who=operator(), now=now)
    if as_json:
        print_json(known.to_dict())
    else:
        _show(known)


def _read(opened: Project, user: str, now: datetime) -> tuple[int, Known]:
    """Read all that is known of somebody."""
    from recmail.db.connect import reading
    from recmail.feedback.person_known import read_known
    from recmail.feedback.traces import find_living

    with reading(opened.engine) as connection:
        user_no = find_living(connection, opened.settings, user)
        return user_no, read_known(connection, user_no, now=now)


def _show(known: Known) -> None:
    from recmail.settings.source import printable

    click.echo(printable(known.user_id))
    facts = [one for one in known.facts if not one.made_here]
    print_table(("field", "value", "from"), [(one.name, _shown(one.value), one.origin) for one in facts])
    click.echo(f"\npersonalization {_on(known.personalized)}, tracking {_on(known.tracked)}")
    for wish in known.wishes:
        click.echo(wish)
    if known.suppression:
        held = known.suppression
        click.echo(
            f"the address gets nothing: {held['reason']} since {_time(held['at'])}, from {held['source']}"
        )
    click.echo()
    rows = [
        (
            *(_time(one["at"]), one["purpose"], one["topic"] or "everything"),
            *("yes" if one["granted"] else "no", one["channel"], one["proof"] or ""),
        )
        for one in known.consents
    ]
    print_table(("when, UTC", "consent to", "topic", "", "through", "proof"), rows)
    click.echo()
    print_table(("", "count", "from"), _counts(known))
    if known.messages:
        click.echo()
        messages = [(one.run, one.campaign, one.outcome, _time(one.sent_at)) for one in known.messages]
        print_table(("run", "campaign", "what became of it", "sent, UTC"), messages)
    say(f"\nall of it in one file: recmail user export {known.user_id}")


def _counts(known: Known) -> list[tuple[str, int, str]]:
    sources = ", ".join(sorted({one["source"] for one in known.interactions}))
    return [
        ("interactions", len(known.interactions), sources),
        ("events that wait", len(known.waiting), ", ".join(sorted({one["source"] for one in known.waiting}))),
        ("other ids", len(known.other_ids), ", ".join(sorted({one["source"] for one in known.other_ids}))),
        (
            "told by providers",
            len(known.returned),
            ", ".join(sorted({one["provider"] for one in known.returned})),
        ),
        ("looked at", len(known.accesses), "recmail user audit"),
    ]


def _on(value: bool) -> str:
    return "on" if value else "off"


def _shown(value: object) -> str:
    return _time(value) if isinstance(value, datetime) else str(value)


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


@command.command("unsubscribe", short_help="Record that USER wants no more email.")
@click.argument("user")
@click.option(
    "--topic", metavar="NAME", help="Only from this topic of recmail.toml; default: from everything."
)
@click.option("--proof", metavar="TEXT", help="What shows that they asked, such as: phone call, ticket 4711.")
@project_option
@now_option
@json_option
@shows_errors
def unsubscribe_command(
    user: str, topic: str | None, proof: str | None, project: Path | None, now: datetime, as_json: bool
) -> None:
    r"""Record that USER wants no more email: it counts at once, for every account with the address.

    \b
    Examples: recmail user unsubscribe ana@example.org --proof "phone call, 3 May"
              recmail user unsubscribe u00042 --topic course-tips
    """
    from recmail.feedback.unsubscribing import stop_emails
    from recmail.runs.project import open_project

    opened = open_project(project)
    stopped = stop_emails(
        opened.engine, opened.settings, user, topic=topic, proof=proof, operator=operator(), now=now
    )
    if as_json:
        print_json(stopped.to_dict())
        return
    what = f"about {opened.settings.topics[topic]}" if topic else "at all"
    click.echo(f"{stopped.user_id} gets no more emails {what}")
    if stopped.accounts > 1:
        say(f"it counts for the {stopped.accounts} accounts that have this address")
    waiting = "1 message waits" if stopped.waiting == 1 else f"{stopped.waiting} messages wait"
    which = (
        f": of these, what is about {opened.settings.topics[topic]} is not sent" if topic else ": not sent"
    )
    say(waiting + which if stopped.waiting else "no message was waiting")
    if stopped.leaving:
        say(f"{stopped.leaving} is leaving at this moment and cannot be called back")


@command.command("export", short_help="Write everything about USER into one file, for them.")
@click.argument("user")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to; default: person-USER.json in this folder.",
)
@project_option
@now_option
@json_option
@shows_errors
def export_command(user: str, out: Path | None, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Write everything about USER into one JSON file, for them: only you can read it (mode 0600).

    Every field says where it came from; every message what it showed and why.

    \b
    Example: recmail user export u00042
    """
    from recmail.feedback.accesses import EXPORT, record_access
    from recmail.feedback.person_export import export_document, file_name, write_export
    from recmail.runs.project import open_project

    opened = open_project(project)
    user_no, known = _read(opened, user, now)
    path = (out or Path(file_name(known.user_id))).absolute()
    # First, so that no file is there that nobody knows of.
    record_access(opened.engine, EXPORT, [user_no], who=operator(), now=now, where=str(path))
    write_export(path, export_document(known, company=opened.settings.project.name, now=now))
    if as_json:
        print_json({"user_id": known.user_id, "file": path})
    else:
        click.echo(path)
        say(f"all that is known of {known.user_id}, readable by you only; delete it when it was handed over")


@command.command("erase", short_help="Erase USER for good, and print a receipt.")
@click.argument("user")
@click.option("--dry-run", is_flag=True, help="Say what would go and what stays; change nothing.")
@click.option("--compact", is_flag=True, help="Write a large SQLite file anew, too: others wait meanwhile.")
@click.option("--yes", is_flag=True, help="Do not ask; needs --expect.")
@click.option("--expect", metavar="ID", help="With --yes: the user_id that USER has to be.")
@project_option
@now_option
@json_option
@shows_errors
def erase_command(
    user: str,
    dry_run: bool,
    compact: bool,
    yes: bool,
    expect: str | None,
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""Erase USER for good, and print a receipt: what went, and what stays and why.

    No import brings them back: their rows are left out and counted. Killed or repeated, it goes on.

    \b
    Examples: recmail user erase u00042 --dry-run
              recmail user erase ana@example.org --yes --expect u00042
    """
    from recmail.feedback.person_erase import erase, find_person, rehearse
    from recmail.runs.project import open_project

    opened = open_project(project)
    person = find_person(opened.engine, opened.settings, user)
    if dry_run:
        receipt = rehearse(opened.engine, opened.settings, person)
    else:
        _agree(person, yes=yes, expect=expect)
        receipt = erase(opened.engine, opened.settings, person, who=operator(), now=now, compact=compact)
    if as_json:
        print_json(receipt.to_dict())
    else:
        _print_receipt(receipt)


def _agree(person: Erasure, *, yes: bool, expect: str | None) -> None:
    """Ask for the user_id, unless a script gave the right one."""
    from recmail.errors import RefusedError

    if person.traces is None:
        return
    user_id = person.traces.user_id
    if not yes:
        name = f" ({person.traces.name})" if person.traces.name else ""
        facts = f"Erase {user_id}{name} for good?"
        confirm_typed(
            user_id, facts, "the user_id", undone="nobody was erased", script=f"--yes --expect {user_id}"
        )
    elif expect is None:
        raise RefusedError("nobody was erased: --yes needs --expect ID, the user_id that is meant")
    elif expect != user_id:
        raise RefusedError(f"nobody was erased: found {user_id!r}, expected {expect!r}")


def _print_receipt(receipt: Receipt) -> None:
    was = f"{receipt.user_id} would be erased" if receipt.dry_run else f"{receipt.user_id} was erased"
    if receipt.user_id:
        click.echo(was)
    verb = "goes" if receipt.dry_run else "went"
    if receipt.gone:
        print_table((verb, ""), [(one.count, one.what) for one in receipt.gone])
    if receipt.waiting:
        click.echo(
            f"{receipt.waiting} waiting {'message is' if receipt.waiting == 1 else 'messages are'} not sent"
        )
    if receipt.leaving:
        click.echo(f"{receipt.leaving} may be leaving at this moment and cannot be called back")
    for title, lines in (("stays", receipt.stays), ("yours to change, they name them", receipt.yours)):
        if lines:
            click.echo(f"\n{title}:")
            for line in lines:
                click.echo(f"  {line}")
    for note in receipt.notes:
        say(note)


@command.command("audit", short_help="List who looked at, exported, changed or erased what.")
@click.argument("user", required=False)
@click.option("--since", type=Instant(), metavar="TIME", help="Only then or later.")
@click.option("--last", type=click.IntRange(1), default=100, show_default=True, help="So many at most.")
@project_option
@json_option
@shows_errors
def audit_command(
    user: str | None, since: datetime | None, last: int, project: Path | None, as_json: bool
) -> None:
    r"""List who looked at, exported, changed or erased personal data, the newest first.

    \b
    Examples: recmail user audit --since 2026-11-01
              recmail user audit u00042
    """
    from recmail.db.connect import reading
    from recmail.feedback.accesses import read_accesses
    from recmail.feedback.person_erase import find_person
    from recmail.runs.project import open_project

    opened = open_project(project)
    user_no = find_person(opened.engine, opened.settings, user).user_no if user else None
    with reading(opened.engine) as connection:
        found = read_accesses(connection, user_no=user_no, since=since, at_most=last)
    if as_json:
        print_json({"accesses": [one.to_dict() for one in found]})
        return
    rows = [
        (
            _time(one.at),
            one.who,
            one.action,
            one.user_id or "many",
            ", ".join(f"{k} {v}" for k, v in one.detail.items()),
        )
        for one in found
    ]
    print_table(("when, UTC", "who", "did", "whose", ""), rows)
    if not found:
        say("nobody looked at personal data")
