"""`recmail export`: what other systems should know."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from recmail.cli.command import SCHEMA_VERSION, Instant, json_option, now_option, project_option, shows_errors
from recmail.cli.terminal import operator, say
from recmail.errors import StorageError

if TYPE_CHECKING:
    from recmail.history.exporting import Unsubscribe


@click.group("export")
def command() -> None:
    """Tell other systems who unsubscribed."""


@command.command("unsubscribes")
@click.option("--since", type=Instant(), metavar="TIME", help="Only who said no then or later; else all.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Instead of stdout."
)
@project_option
@now_option
@json_option
@shows_errors
def unsubscribes_command(
    since: datetime | None, out: Path | None, project: Path | None, now: datetime, as_json: bool
) -> None:
    r"""Write who may not be mailed any more, as CSV for the CRM.

    These are opt-outs, bounces and complaints, oldest first: each account once per topic (empty: every
    topic), as long as the newest word is a no. Who said yes again is left out.

    \b
    Example: recmail export unsubscribes --since 2026-11-01 --out unsubscribes.csv
    """
    from recmail.db.connect import reading
    from recmail.feedback.accesses import LISTED, record_access
    from recmail.history.exporting import suppressed_strangers, unsubscribes
    from recmail.runs.project import open_project

    write, opened = _write_json if as_json else _write_csv, open_project(project)
    record_access(opened.engine, LISTED, [], who=operator(), now=now, where=str(out) if out else None)
    with reading(opened.engine) as connection, _output(out) as file:
        count = write(file, unsubscribes(connection, now, since=since))
        strangers = suppressed_strangers(connection)
    when = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
    where = f", written to {out}" if out else ""
    say(f"{count:,} unsubscribed{when}{where}" if count else f"nobody unsubscribed{when}")
    if strangers:
        say(f"{strangers:,} more suppressed addresses are of nobody known here; only their hashes are kept")


@contextmanager
def _output(out: Path | None) -> Iterator[TextIO]:
    """Stdout, or a file that is there only when all of it was written."""
    if out is None:
        yield sys.stdout
        return
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(out)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _write_csv(file: TextIO, rows: Iterator[Unsubscribe]) -> int:
    from recmail.history.exporting import COLUMNS

    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        writer.writerow((row.user_id, row.email, row.topic, row.at.isoformat(), row.channel, row.reason))
        count += 1
    return count


def _write_json(file: TextIO, rows: Iterator[Unsubscribe]) -> int:
    """The same as one document, a row at a time: there may be millions."""
    file.write(f'{{"schema_version": {SCHEMA_VERSION}, "unsubscribes": [')
    count = 0
    for row in rows:
        plain = json.dumps({**asdict(row), "at": row.at.isoformat()}, ensure_ascii=False)
        file.write(f"{',' if count else ''}\n  {plain}")
        count += 1
    file.write("\n]}\n" if count else "]}\n")
    return count
