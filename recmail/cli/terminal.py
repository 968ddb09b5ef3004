"""How results look in a terminal: tables on stdout; progress, questions and advice on stderr."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from recmail.errors import RefusedError

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

    from recmail.db.account import Account
    from recmail.runs.due import DueReport
    from recmail.runs.edits import Edit
    from recmail.runs.findings import Findings

Advance = Callable[[int, int], None]
"""Told what is done and what there is in all; 0 in all when that is not known."""
AdvanceRows = Callable[[int, int, int], None]
"""Told the rows read, and how many bytes are done and there in all; or people, and shards."""
_LINE_EVERY_S = 10.0
DIFF_LINES = 40  # of one file


def say(text: str) -> None:
    """A message for the person, on stderr."""
    click.echo(text, err=True)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None
) -> None:
    """A table on stdout; numbers to the right, with thousands separated."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    numeric = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(columns))]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column, is_numeric in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if is_numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: object) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escape(str(value))


def show_due(due: DueReport | None) -> None:
    """When the emails of a scheduled run are due, and where people live; nothing of one that goes at once."""
    if due is None:
        return
    click.echo(f"\n{due.headline}")
    if rows := due.as_rows():
        print_table(("people", "due", "time zone"), rows)


def show_variants(account: Account) -> None:
    """How many people got each variant, and what happened to them; nothing where there are no variants."""
    if rows := account.variants_as_rows():
        click.echo()
        print_table(("people", "variant", "of them"), rows)


def show_findings(findings: Findings) -> None:
    """What was found in the emails of an audience, on stdout."""
    click.echo(findings.headline)
    for line in findings.lines():
        click.echo(f"  {line}")
    if findings.largest:
        click.echo(findings.largest)


@contextmanager
def progress(title: str) -> Iterator[Advance]:
    """A bar with the time left on a terminal; elsewhere a line every ten seconds."""
    if not sys.stderr.isatty():
        lines = _Lines(title)
        yield lambda done, total: lines.show(
            f"{done:,}" + (f" of {total:,}" if total else ""), done, done, total
        )
        return
    from rich.progress import MofNCompleteColumn

    with _bar(title, MofNCompleteColumn()) as show:
        yield lambda done, total: show(done, total, "")


@contextmanager
def rows_progress(title: str, noun: str = "rows") -> Iterator[AdvanceRows]:
    """The same for files: rows and how many a second, the time left by the bytes; or people and shards."""
    lines = _Lines(title)
    if not sys.stderr.isatty():
        yield lambda rows, done, total: lines.show(f"{rows:,} {noun}", rows, done, total)
        return
    from rich.progress import TextColumn

    with _bar(title, TextColumn("{task.fields[counted]}", markup=False)) as show:
        yield lambda rows, done, total: show(done, total, f"{rows:,} {noun}, {lines.rate(rows):,.0f}/s")


@contextmanager
def _bar(title: str, count: ProgressColumn) -> Iterator[Callable[[int, int, str], None]]:
    """A bar; told what is done and there in all, and the text of `counted`."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title, markup=False), BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, counted="")
        yield lambda done, total, counted: bar.update(
            task, completed=done, total=total or None, counted=counted
        )


class _Lines:
    """A line every ten seconds: what is done, how much a second, and the time left."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._started = self._last = time.monotonic()

    def rate(self, count: int) -> float:
        """How many a second."""
        return count / max(time.monotonic() - self._started, 1e-3)

    def show(self, counted: str, count: int, done: int, total: int) -> None:
        """Write the line when it is time for one."""
        moment = time.monotonic()
        if moment - self._last < _LINE_EVERY_S:
            return
        self._last = moment
        speed = self.rate(done)
        left = f", {(total - done) / speed:,.0f} s left" if total and speed else ""
        say(f"{self._title}: {counted} ({self.rate(count):,.0f}/s{left})")


def show_edits(edits: Sequence[Edit], run_no: int, campaign: str) -> None:
    """What was edited since a plan, as a diff, on stderr: the plan does not contain it."""
    for edit in edits:
        say(f"\n{edit.file} was edited since the plan:")
        for line in edit.lines[:DIFF_LINES]:
            colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
            click.secho(f"  {line}", fg=colour, err=True)
        if len(edit.lines) > DIFF_LINES:
            rest = len(edit.lines) - DIFF_LINES
            say(f"  and {rest:,} lines more; recmail runs {run_no} --json has all")
    if edits:
        this, it = ("this edit", "it") if len(edits) == 1 else ("these edits", "them")
        say(f"run {run_no} does not contain {this}; to have {it}, plan again: recmail plan {campaign}\n")


def confirm(question: str, *, undone: str, facts: str) -> None:
    """Ask before something that cannot be taken back.

    Args:
        undone: says that nothing was done.
        facts: for somebody who is not there to be asked.

    Raises:
        RefusedError: the answer is no, or nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise RefusedError(f"{undone}: {facts}; scripts add --yes")
    if not click.confirm(question, err=True):
        raise RefusedError(undone)


def confirm_by_name(campaign: str, what: str) -> None:
    """Let the person type the campaign's name before something that cannot be undone.

    Raises:
        RefusedError: another name was typed, or nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise RefusedError(
            f"{what} Nobody is here to confirm it: add --yes --expect N, N being the number of people"
        )
    typed = click.prompt(
        f"{what} Type the campaign's name to go on", err=True, default="", show_default=False
    )
    if typed.strip() != campaign:
        raise RefusedError(f"nothing was sent: found {typed.strip()!r}, expected {campaign!r}")


def confirm_typed(expected: str, question: str, what: str, *, undone: str, script: str) -> None:
    """Let the person type what is meant before something that cannot be undone.

    Args:
        what: is to be typed, in words.
        undone: says that nothing was done.
        script: the options with which nobody is asked.

    Raises:
        RefusedError: something else was typed, or nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise RefusedError(f"{undone}. {question} Nobody is here to confirm it: add {script}")
    typed = click.prompt(f"{question} Type {what} to go on", err=True, default="", show_default=False)
    if typed.strip() != expected:
        raise RefusedError(f"{undone}: found {typed.strip()!r}, expected {expected!r}")


def operator() -> str:
    """Who is acting, for audit and approvals: RECMAIL_USER, else the login name and machine.

    This is what they say, not who they are: whoever may run recmail here may set the variable.
    """
    named = os.environ.get("RECMAIL_USER")
    if named:
        return named
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container's numeric user without a passwd entry
        return f"uid {os.getuid()}@{socket.gethostname()}"
