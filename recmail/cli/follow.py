"""Showing a run while it goes out, until it has ended: a picture that stays in its place, lines, or JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from recmail.cli.command import EXIT_FAILED, EXIT_WITH_FAILURES, print_json_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from recmail.runs.follow import Look, Watch

    Show = Callable[[Look], None]

_BAR_WIDTH = 40
_REST = 4  # times as long as a look took: on a slow database there are fewer


def follow(watch: Watch, run: int, *, every_s: float, as_json: bool) -> None:
    """Show look after look until the run has ended, and exit as `send` would.

    Raises:
        KeyboardInterrupt: with what that means, when Ctrl-C ends the watching.
    """
    look = None
    try:
        with _showing(as_json) as show:
            while look is None or not look.has_ended:
                began_s = time.monotonic()
                look = watch.look()
                show(look)
                took_s = time.monotonic() - began_s
                if not look.has_ended:
                    time.sleep(max(every_s - took_s, _REST * took_s))
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(_goes_on(look, run)) from error
    if code := _exit_code(look):
        raise SystemExit(code)


def _goes_on(look: Look | None, run: int) -> str:
    if look is not None and look.advice:
        return f"no longer watching run {run}; {look.advice}"
    return f"no longer watching; run {run} goes on all the same; watch again: recmail runs {run} --follow"


def _exit_code(look: Look) -> int:
    if look.state not in ("finished", "cancelled"):
        return EXIT_FAILED
    return EXIT_WITH_FAILURES if look.has_failures else 0


@contextmanager
def _showing(as_json: bool) -> Iterator[Show]:
    if as_json:
        yield lambda look: print_json_line(look.to_dict())
    elif not sys.stdout.isatty():
        yield lambda look: click.echo(one_line(look))
    else:
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="visible") as live:
            yield lambda look: live.update(picture(look), refresh=True)


def one_line(look: Look) -> str:
    """A look as one line."""
    total: dict[str, int] = {}
    for people, words in look.account.as_rows():
        state = words.partition(":")[0]
        total[state] = total.get(state, 0) + people
    counts = ", ".join(f"{people:,} {state}" for state, people in total.items())
    parts = [f"{look.at:%H:%M:%S} UTC  {state_in_words(look)}", counts, *_pace(look), *_next(look)]
    return "; ".join(part for part in parts if part)


def picture(look: Look) -> RenderableType:
    """A look as a few lines for a terminal."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    done, of = look.left, look.left + look.to_come
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(total=max(of, 1), completed=done, width=_BAR_WIDTH),
        Text(f"{100 * done // max(of, 1)} %  {done:,} of {of:,}"),
    )
    people = Table.grid(padding=(0, 2))
    people.add_column(justify="right")
    for count, words in look.account.as_rows():
        people.add_row(f"{count:,}", Text(words))
    people.add_row(f"{look.account.audience:,}", Text("people in all"))
    title = Text(f"Run {look.run_no}, {look.campaign}: {state_in_words(look)}", style="bold")
    lines = [Text(line) for line in (*_pace(look), *_variants(look), *_next(look))]
    return Group(title, bar, "", people, "", *lines, *_errors(look))


def state_in_words(look: Look) -> str:
    """The state, and why."""
    from recmail.runs.listing import state_with_reason

    return state_with_reason(look.state, look.reason)


def _pace(look: Look) -> list[str]:
    """How fast, and how long still."""
    from recmail.runs.time_left import in_words

    if look.state != "sending":
        began = look.rate_since_start
        return [f"{_rate(began)} a second while it was being sent"] if began and look.has_ended else []
    rates = []
    if look.rate is not None:
        over = "minute" if look.rate_over >= timedelta(minutes=1) else in_words(look.rate_over)
        rates.append(f"{_rate(look.rate)} a second over the last {over}")
    if look.rate_since_start is not None:
        rates.append(f"{_rate(look.rate_since_start)} {'' if rates else 'a second '}since it began")
    said = [", ".join(rates)] if rates else []
    if look.ready_at is not None and look.time_left is not None and look.to_come:
        said.append(f"{in_words(look.time_left)} left, until about {_clock(look.ready_at, look.at)}")
    return said


def _next(look: Look) -> list[str]:
    """What the run waits for, and who has to do something."""
    said = []
    if look.state == "sending" and look.waits_until is not None and look.due is not None:
        what = "to be tried again" if look.due.is_retry else "due"
        said.append(f"nothing is due now; the next is {what} at {_clock(look.waits_until, look.at)}")
    if look.advice:
        said.append(look.advice)
    if look.has_ended and look.unclear:
        said.append(f"list and settle the unclear ones with: recmail run decide {look.run_no}")
    return said


def _variants(look: Look) -> list[str]:
    return [f"variant {name}: {words}" for _, name, words in look.account.variants_as_rows()]


def _errors(look: Look) -> list[RenderableType]:
    from rich.padding import Padding
    from rich.text import Text

    from recmail.records import STATE_WORDS
    from recmail.settings.source import printable

    said: list[RenderableType] = [Text("\nwhat went wrong lately:")] if look.errors else []
    for error in look.errors:
        words = "to be tried again" if error.state == "planned" else STATE_WORDS[error.state]
        said.append(Text(f"  {error.times:,} x {words}, such as {error.user_id}:"))
        said.append(Padding(Text(printable(error.text)), (0, 0, 0, 4)))
    return said


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}"


def _clock(moment: datetime, now: datetime) -> str:
    """A time of day, with its date when that is another."""
    return f"{moment:%H:%M:%S} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"
