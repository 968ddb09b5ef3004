"""What all commands share: the project they work on, the clock, JSON output, and errors as exit codes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from recmail import errors

EXIT_FAILED, EXIT_INVALID, EXIT_REFUSED, EXIT_WITH_FAILURES, EXIT_INTERRUPTED = 1, 3, 4, 5, 130
SCHEMA_VERSION = 1
_CODES: tuple[tuple[type[errors.RecmailError], int], ...] = (
    (errors.ConfigError, EXIT_INVALID),
    (errors.DataError, EXIT_INVALID),
    (errors.RenderError, EXIT_INVALID),
    (errors.RefusedError, EXIT_REFUSED),
    (errors.RecmailError, EXIT_FAILED),
)
SEVERITY = (0, EXIT_WITH_FAILURES, EXIT_REFUSED, EXIT_INVALID, EXIT_FAILED)
"""Exit codes of parts of a command; that of the whole is the one furthest behind."""

_NUMBERS = click.IntRange(1, 2**31)


class RunNumber(click.ParamType[int]):
    """A run's number."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number."""
        if not str(value).isdecimal():
            self.fail(
                f"found {value!r}; expected the number of a run, as recmail runs lists them", param, ctx
            )
        return _NUMBERS.convert(value, param, ctx)


RUN = RunNumber()


class RunOrCampaign(click.ParamType[int | str]):
    """A run's number, or the name of a campaign of which only one run can be meant."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Read what is only digits as a number."""
        text = str(value)
        return RUN.convert(text, param, ctx) if text.isdecimal() else text


RUN_OR_CAMPAIGN = RunOrCampaign()
project_option = click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="RECMAIL_PROJECT",
    help="The project's folder; default: the nearest recmail.toml from here upward.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document to stdout.")
json_lines_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document a line to stdout, for each event."
)


_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Instant(click.ParamType[datetime]):
    """A time as people type it: 2026-12-01, 2026-12-01T09:00 (UTC), 2026-12-01T09:00+05:30."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the time; without a zone it is UTC."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"found {value!r}; expected a time such as 2026-12-01T09:00+05:30", param, ctx)
        if not _EARLIEST.year <= moment.year <= _LATEST.year:
            self.fail(f"found {value!r}; expected a year from {_EARLIEST.year} to {_LATEST.year}", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class WallTime(click.ParamType[datetime]):
    """A day and time as a clock on the wall shows it, without a zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the time."""
        try:
            wall = datetime.fromisoformat(str(value))
        except ValueError:
            wall = None
        if wall is None or wall.tzinfo is not None or not _EARLIEST.year <= wall.year <= _LATEST.year:
            self.fail(f"found {value!r}; expected a day and time such as '2026-12-01 09:00'", param, ctx)
        return wall


now_option = click.option(
    "--now",
    type=Instant(),
    default=lambda: datetime.now(UTC),
    help="Act as if it were this time, such as 2026-12-01T09:00+05:30; without a zone it is UTC.",
    metavar="TIME",
)


def shows_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn recmail's errors into a message on stderr and the documented exit code; let bugs trace."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except errors.RecmailError as error:
            code = exit_code(error)
            if kwargs.get("as_json"):
                print_json({"error": error_as_dict(error)})
            say_error(error)
            raise SystemExit(code) from error
        except (KeyboardInterrupt, click.Abort) as error:
            message = str(error) or "interrupted; what was done is kept, the same command goes on from here"
            click.echo(message, err=True)
            raise SystemExit(EXIT_INTERRUPTED) from error

    # The mark by which click leaves an example's lines alone is the character, not how it is written.
    guarded.__doc__ = (function.__doc__ or "").replace("\\b\n", "\b\n")
    return guarded


def error_as_dict(error: errors.RecmailError) -> dict[str, Any]:
    """An error with stable keys, for --json; those of a file have their problems one by one."""
    said = {"kind": type(error).__name__, "message": str(error), "exit": exit_code(error)}
    if isinstance(error, errors.ConfigError):
        said["problems"] = [asdict(problem) for problem in error.problems]
    return said


def exit_code(error: errors.RecmailError) -> int:
    """The documented exit code of an error."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def say_error(error: errors.RecmailError) -> None:
    """An error's text on stderr, without what a terminal would obey."""
    from recmail.settings.source import printable

    click.secho("\n".join(map(printable, str(error).split("\n"))), fg="red", err=True)


def print_json(document: dict[str, Any]) -> None:
    """Print a document to stdout with its schema_version; times become ISO 8601."""
    click.echo(_as_json(document, indent=2))


def print_json_line(document: dict[str, Any]) -> None:
    """The same as one line of many."""
    click.echo(_as_json(document, indent=None))


def _as_json(document: dict[str, Any], *, indent: int | None) -> str:
    versioned = {"schema_version": SCHEMA_VERSION, **document}
    return json.dumps(versioned, default=plain, ensure_ascii=False, indent=indent)


def plain(value: Any) -> Any:
    """Return what JSON has no form for as a text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
