"""What commands share that run for long: signals, a line for each event, and how they end."""

from __future__ import annotations

import json
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from recmail.cli.command import EXIT_INTERRUPTED, plain
from recmail.cli.terminal import say

if TYPE_CHECKING:
    from recmail.deliver.clock import Clock
    from recmail.runs.news import News, Tell
    from recmail.runs.project import Project


@dataclass
class Stopping:
    """Set when somebody asks the process to end, with the exit code that says who."""

    event: threading.Event = field(default_factory=threading.Event)
    exit_code: int = 0


def stop_on_signals() -> Stopping:
    """SIGTERM and Ctrl-C finish what is in hand; a second Ctrl-C ends at once, which is safe too."""
    stopping = Stopping()

    def ask(number: int, _frame: object) -> None:
        say("finishing what is in hand; Ctrl-C ends at once (nobody is lost)")
        stopping.exit_code = EXIT_INTERRUPTED if number == signal.SIGINT else 0
        stopping.event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    return stopping


def news_teller(*, as_json: bool) -> Tell:
    """Write a line for each event: for people to stderr, as JSON to stdout."""
    return _tell_json if as_json else _tell


def _tell(news: News) -> None:
    from recmail.settings.source import printable

    text = printable(" ".join(str(news).split("\n")))
    click.secho(text, fg="red" if news.is_bad else None, err=True)


def _tell_json(news: News) -> None:
    click.echo(json.dumps(news.to_dict(), default=plain, ensure_ascii=False))


def run_until_stopped(project: Project, clock: Clock, *, tell: Tell, sends: bool) -> None:
    """Look at schedules, and send what is due if it `sends`, until a signal comes."""
    from recmail.runs.working import keep_scheduling, keep_sending

    stopping = stop_on_signals()
    stop = stopping.event
    broken: list[BaseException] = []

    def look() -> None:
        try:
            keep_scheduling(project, clock, tell=tell, stop=stop)
        except BaseException as error:  # raised where somebody sees it
            broken.append(error)
            stop.set()

    say("looking at schedules" + (" and sending what is due" if sends else "") + "; Ctrl-C ends it")
    scheduler = threading.Thread(target=look, name="scheduler", daemon=True)
    scheduler.start()
    if sends:
        keep_sending(project, clock, tell=tell, stop=stop)
    while scheduler.is_alive():
        scheduler.join(1.0)  # in pieces, so that signals are heard
    if broken:
        raise broken[0]
    if stopping.exit_code:
        raise SystemExit(stopping.exit_code)
