"""How results look in a terminal: tables on stdout; progress, questions and advice on stderr."""

from __future__ import annotations

import getpass
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from recmail.errors import RefusedError

Advance = Callable[[int, int], None]
"""Told what is done and what there is in all; 0 in all when that is not known."""
_LINE_EVERY_S = 10.0


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


@contextmanager
def progress(title: str, *, unit: str = "") -> Iterator[Advance]:
    """A bar with the time left on a terminal; elsewhere a line every ten seconds.

    Args:
        unit: "bytes" are shown as kB and MB.
    """
    if not sys.stderr.isatty():
        yield _lines(title, unit)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn(title), BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _lines(title: str, unit: str) -> Advance:
    started = last = time.monotonic()

    def advance(done: int, total: int) -> None:
        nonlocal last
        moment = time.monotonic()
        if moment - last < _LINE_EVERY_S:
            return
        last = moment
        rate = done / (moment - started)
        left = f", {(total - done) / rate:,.0f} s left" if total and rate else ""
        of = f" of {total:,}" if total else ""
        say(f"{title}: {done:,}{of}{unit and f' {unit}'} ({rate:,.0f}/s{left})")

    return advance


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


def operator() -> str:
    """Who is acting, for the audit: RECMAIL_USER, else the login name and machine."""
    named = os.environ.get("RECMAIL_USER")
    if named:
        return named
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container's numeric user without a passwd entry
        return f"uid {os.getuid()}@{socket.gethostname()}"
