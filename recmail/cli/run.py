"""`recmail run`: what a person decides about a run that is on its way."""

from __future__ import annotations

from collections.abc import Collection
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
from recmail.cli.terminal import confirm, operator, say
from recmail.records import FAIL_WORDS, MessageState, RunState

if TYPE_CHECKING:
    from recmail.runs.listing import Run
    from recmail.runs.project import Project


@click.group("run", short_help="Pause, resume, cancel or retry a run; settle what is unclear.")
def command() -> None:
    """Pause, resume, cancel or retry a run, or settle unclear messages.

    A run is one time that a campaign goes out; recmail runs lists them with their numbers. Instead of a
    number, a campaign's name will do when only one of its runs can be meant. A message is unclear when it
    may have arrived: the line broke before the provider answered.

    Each command says first what it will do, and to how many people.
    """


def _opened(
    project: Path | None,
    named: int | str,
    states: Collection[RunState],
    *,
    having: MessageState | None = None,
) -> tuple[Project, Run]:
    """The project, and the run that is meant."""
    from recmail.runs.choice import choose_run
    from recmail.runs.listing import read_run
    from recmail.runs.project import open_project

    opened = open_project(project)
    return opened, read_run(opened, choose_run(opened, named, states, having=having))


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _in_hand(run: Run) -> str:
    """How many messages are being sent, which nothing holds up; empty without any."""
    count = run.account.states[MessageState.CLAIMED] + run.account.states[MessageState.SENDING]
    return f", {count:,} being sent now" if count else ""


def _so_far(run: Run) -> str:
    states = run.account.states
    return f"{_people(run.waiting)} waiting{_in_hand(run)}, {states[MessageState.SENT]:,} sent"


def _reports(run: int, state: str, as_json: bool, text: str, **numbers: object) -> None:
    if as_json:
        print_json({"run": run, "did": state, **numbers})
    else:
        click.echo(text)


@command.command("pause", short_help="Stop RUN for now; whoever was not mailed yet waits.")
@click.argument("run", type=RUN_OR_CAMPAIGN)
@project_option
@now_option
@json_option
@shows_errors
def pause_command(run: int | str, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Stop RUN for now: what is in hand is finished, everybody else waits.

    \b
    Example: recmail run pause 12
    """
    from recmail.runs.lifecycle import pause

    opened, found = _opened(project, run, [RunState.SENDING])
    number = found.run_no
    if found.state == RunState.SENDING:
        say(f"run {number}, {found.campaign}: {_so_far(found)}; who waits gets nothing until it is resumed")
    pause(opened, number, now=now, who=operator())
    _reports(
        number, "pause", as_json, f"run {number} is paused; let it go on with: recmail run resume {number}"
    )


@command.command("resume")
@click.argument("run", type=RUN_OR_CAMPAIGN)
@project_option
@now_option
@json_option
@shows_errors
def resume_command(run: int | str, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Let the paused RUN go on with the people not yet mailed.

    \b
    Example: recmail run resume 12
    """
    from recmail.runs.lifecycle import resume

    opened, found = _opened(project, run, [RunState.PAUSED])
    number = found.run_no
    if found.state == RunState.PAUSED:
        why = f" ({found.reason})" if found.reason else ""
        say(f"run {number}, {found.campaign}, is paused{why}: {_so_far(found)}; who waits will be mailed")
    resume(opened, number, now=now, who=operator())
    text = f"run {number} may go on; a sender that runs continues it, else: recmail send {number}"
    _reports(number, "resume", as_json, text)


@command.command("cancel")
@click.argument("run", type=RUN_OR_CAMPAIGN)
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@now_option
@json_option
@shows_errors
def cancel_command(run: int | str, yes: bool, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""End RUN for good: whoever waits gets nothing from it. What left has left.

    \b
    Example: recmail run cancel 12
    """
    from recmail.db.runs import ENDS
    from recmail.runs.lifecycle import cancel

    opened, found = _opened(project, run, set(RunState) - ENDS)
    number = found.run_no
    if not yes:
        waiting = f"{_people(found.waiting)} {'waits' if found.waiting == 1 else 'wait'}"
        confirm(
            f"Run {number}, {found.campaign}: {_so_far(found)}. Who waits gets nothing. Cancel it for good?",
            undone="nothing was cancelled",
            facts=waiting,
        )
    count = cancel(opened, number, now=now, who=operator())
    text = f"run {number} is cancelled; {_people(count)} will not get it"
    _reports(number, "cancel", as_json, text, messages=count)


@command.command("retry")
@click.argument("run", type=RUN_OR_CAMPAIGN)
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@now_option
@json_option
@shows_errors
def retry_command(run: int | str, yes: bool, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Put the failed messages of the finished RUN back in line.

    They are written again from what was approved: people, courses and templates are those of the plan. A
    template that was mended since is only in a new plan.

    \b
    Example: recmail run retry 12
    """
    from recmail.runs.lifecycle import retry

    opened, found = _opened(project, run, [RunState.FINISHED], having=MessageState.FAILED)
    number, failed = found.run_no, found.account.states[MessageState.FAILED]
    if found.state == RunState.FINISHED and failed and not yes:
        confirm(
            f"Run {number}, {found.campaign}: {_why_failed(found)}. Try all of them again?",
            undone="nothing was put back in line",
            facts=_why_failed(found),
        )
    count = retry(opened, number, now=now, who=operator())
    again = f"{count:,} failed {'message waits' if count == 1 else 'messages wait'} again"
    text = f"{again}; send with: recmail send {number}" if count else "no message failed: nothing to retry"
    _reports(number, "retry", as_json, text, messages=count)


def _why_failed(run: Run) -> str:
    """How many failed for which reason, and what a second try can do about it."""
    reasons = {
        reason: count
        for (state, reason), count in run.account.reasons.items()
        if state == MessageState.FAILED
    }
    said = ", ".join(f"{count:,} {FAIL_WORDS.get(reason, reason)}" for reason, count in reasons.items())
    total = run.account.states[MessageState.FAILED]
    text = f"{_people(total)} got no email: {said}"
    if "render" in reasons:
        text += " (they are written again with the templates that were approved, not with those of now)"
    if "refused_recipient" in reasons:
        text += " (an address that does not exist is skipped)"
    return text


@command.command("decide")
@click.argument("run", type=RUN_OR_CAMPAIGN)
@click.option("--sent", "outcome", flag_value="sent", help="Believe that they arrived.")
@click.option("--resend", "outcome", flag_value="resend", help="Send again; some people may get two.")
@click.option("--user", "users", multiple=True, metavar="USER", help="Only this person; may be repeated.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@now_option
@json_option
@shows_errors
def decide_command(
    run: int | str,
    outcome: str | None,
    users: tuple[str, ...],
    yes: bool,
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""List the messages of RUN that may have arrived, or settle them.

    \b
    Examples: recmail run decide 12
              recmail run decide 12 --sent --user u00042
    """
    from recmail.runs.lifecycle import decide, unclear

    opened, run_read = _opened(project, run, set(RunState), having=MessageState.UNKNOWN)
    number = run_read.run_no
    found = unclear(opened, number, now=now, of=users or None)
    if outcome is None or not (found or as_json):
        _list_unclear(number, found, as_json)
        return
    if outcome == "resend" and found and not yes:
        facts = f"{_people(len(found))} may have this email already and would get a second one"
        confirm(
            f"Run {number}, {run_read.campaign}: {facts}. Send again?", undone="nothing changed", facts=facts
        )
    count = decide(opened, number, outcome, user_ids=users or None, now=now, who=operator())
    messages = "1 message" if count == 1 else f"{count:,} messages"
    done = "counted as sent; if one did not arrive, nothing else from this run will"
    if outcome == "resend":
        done = f"waiting again; send with: recmail send {number}"
    _reports(number, "decide", as_json, f"{messages} {done}", messages=count, outcome=outcome)


def _list_unclear(run: int, found: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"run": run, "unclear": found})
        return
    for user_id in found:
        click.echo(user_id)
    if not found:
        say(f"nothing to settle: no such message of run {run} is unclear")
        return
    them = "1 message" if len(found) == 1 else f"{len(found):,} messages"
    say(
        f"{them} of run {run} may have arrived; look at the provider, then settle with --sent or --resend, "
        f"for one person or for all: recmail run decide {run} --sent --user {found[0]}"
    )
