"""`recmail send`: an approved run goes out, and the account says what happened to everybody."""

from __future__ import annotations

import signal
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_WITH_FAILURES,
    RUN_OR_CAMPAIGN,
    Instant,
    json_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.terminal import (
    confirm_by_name,
    operator,
    print_table,
    progress,
    say,
    show_edits,
    show_variants,
)
from recmail.errors import RefusedError
from recmail.records import RunState

if TYPE_CHECKING:
    from recmail.runs.guards import Readiness
    from recmail.runs.send import Sent


@click.command("send")
@click.argument("run", type=RUN_OR_CAMPAIGN)
@click.option("--yes", is_flag=True, help="Do not ask; needs --expect for a run that has not started.")
@click.option("--expect", type=int, metavar="N", help="Refuse unless the run mails exactly N people.")
@click.option(
    "--now", type=Instant(), metavar="TIME", help="Start the clock at this time; only for trying out."
)
@project_option
@json_option
@shows_errors
def command(
    run: int | str,
    yes: bool,
    expect: int | None,
    now: datetime | None,
    project: Path | None,
    as_json: bool,
) -> None:
    r"""Send the approved RUN now. Interrupted or killed, the same command goes on; nobody is mailed twice.

    A campaign's name will do when only one of its runs is approved or being sent. Refused when the plan was
    changed or is too old, too few people approved it, or the audience grew by more than 5 % since.

    \b
    Examples: recmail send 12
              recmail send 12 --yes --expect 84213
    """
    from recmail.deliver.clock import Clock
    from recmail.runs.choice import choose_run
    from recmail.runs.guards import prepare
    from recmail.runs.project import open_project
    from recmail.runs.send import send

    opened, clock = open_project(project), Clock(now)
    run_no = choose_run(opened, run, [RunState.APPROVED, RunState.SENDING])
    ready = prepare(opened, run_no, clock)
    show_edits(ready.edits, run_no, ready.campaign)
    _confirm(ready, run_no, yes=yes, expect=expect)
    with progress(f"sending run {run_no}") as advance:
        stop = _stop_on_signals()
        sent = send(opened, run_no, clock=clock, who=operator(), stop=stop, progress=advance, tell=say)
    if as_json:
        print_json(sent.to_dict())
    else:
        _show(sent, clock.now())
    if sent.paused:
        raise SystemExit(EXIT_FAILED)
    if sent.stopped:
        raise SystemExit(EXIT_INTERRUPTED)
    if sent.has_failures:
        raise SystemExit(EXIT_WITH_FAILURES)


def _confirm(ready: Readiness, run: int, *, yes: bool, expect: int | None) -> None:
    if expect is not None and expect not in (ready.emails, ready.waiting):
        raise RefusedError(f"run {run} would mail {ready.waiting:,} people, not {expect:,}; nothing was sent")
    if ready.started:
        say(f"run {run} goes on: {ready.waiting:,} people are not yet mailed; nobody is mailed twice")
        return
    if ready.crowd and ready.crowd.in_words():
        say(ready.crowd.in_words())
    if yes and expect is None:
        raise click.UsageError("--yes needs --expect N, the number of people you mean to mail")
    if not yes:
        where = f"through {ready.provider}" + ("" if ready.leaves else ", which stays on this machine")
        when = f" {ready.due.headline}." if ready.due else ""
        confirm_by_name(ready.campaign, f"This will email {ready.waiting:,} people {where}.{when}")


def _stop_on_signals() -> threading.Event:
    """Ctrl-C and SIGTERM finish what is in hand; a second Ctrl-C ends at once, which is safe too."""
    stop = threading.Event()

    def ask(_number: int, _frame: object) -> None:
        say("\nfinishing what is in hand; once more to end at once (nobody is lost)")
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return stop


def _show(sent: Sent, now: datetime) -> None:
    print_table(
        ("people", "what happened"), sent.account.as_rows(), title=f"Run {sent.run_no}: {sent.campaign}"
    )
    show_variants(sent.account)
    say(f"{sent.mailed:,} emails in {sent.took_s:.1f} s")
    if sent.paused:
        say(f"the run is paused: {sent.paused}\nwhen that is mended: recmail run resume {sent.run_no}")
    if sent.goes_on and not sent.paused:
        say(sent.goes_on)
    if sent.waiting and not sent.paused:
        is_later = sent.next_due is not None and sent.next_due > now and not sent.goes_on
        when = f", the first until {sent.next_due:%Y-%m-%d %H:%M} UTC" if is_later else ""
        again = f"the same command goes on with them: recmail send {sent.run_no}"
        say(f"{sent.waiting:,} still wait{when}; {again}")
    if sent.unclear:
        say(f"{sent.unclear:,} may have arrived; list and settle them with: recmail run decide {sent.run_no}")
    if sent.page:
        say("\nread the emails in a browser:")
        click.echo(sent.page)
