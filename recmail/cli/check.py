"""`recmail check`: everything that is wrong with a campaign, at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recmail.cli.command import (
    EXIT_INVALID,
    SEVERITY,
    error_as_dict,
    exit_code,
    json_option,
    now_option,
    print_json,
    project_option,
    say_error,
    shows_errors,
)
from recmail.cli.github import annotate
from recmail.cli.terminal import print_table, rows_progress, say, show_findings
from recmail.errors import ConfigError, Problem, RecmailError

if TYPE_CHECKING:
    from recmail.runs.check import Checked
    from recmail.runs.check_everybody import Everybody
    from recmail.runs.funnel import Emptied


@click.command("check")
@click.argument("campaign", required=False)
@click.option("--all", "everybody", is_flag=True, help="Write everybody's email and look at it; send nobody.")
@click.option("--watch", is_flag=True, help="Check again whenever a file is saved, until Ctrl-C.")
@click.option("--schema", is_flag=True, help="Write the JSON Schema by which editors complete campaigns.")
@click.option("--write-text", is_flag=True, help="Draft the text templates that are missing, then check.")
@click.option("--github", is_flag=True, help="Print problems as annotations of GitHub Actions.")
@project_option
@now_option
@json_option
@shows_errors
def command(
    campaign: str | None,
    everybody: bool,
    watch: bool,
    schema: bool,
    write_text: bool,
    github: bool,
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""Check CAMPAIGN, or all of them: YAML, audience, templates.

    Every problem is reported with file, line and column. With --all, everybody's email is written too and
    looked at, as a plan made now would have it: for the next time of the schedule, if there is one. Exit
    code 3 when there is an error; --watch ends with 0.

    \b
    Examples: recmail check weekly-picks
              recmail check weekly-picks --all
    """
    if watch + schema + github + as_json > 1 and not (schema and as_json):
        raise click.UsageError("give one of --watch, --schema, --github and --json")
    if everybody and (watch or schema):
        raise click.UsageError("--all cannot be given with --watch or --schema")
    if write_text:
        if watch or schema:
            raise click.UsageError("--write-text cannot be given with --watch or --schema")
        _write_text(campaign, project)
    if schema:
        _write_schema(project, as_json)
    elif watch:
        _watch(campaign, project, now)
    else:
        _check_once(campaign, project, now, everybody=everybody, github=github, as_json=as_json)


def _check_once(
    campaign: str | None,
    project: Path | None,
    now: datetime,
    *,
    everybody: bool,
    github: bool,
    as_json: bool,
) -> None:
    try:
        checked = _check(campaign, project, now)
    except ConfigError as error:
        for problem in error.problems if github else ():
            annotate("error", problem, project)
        raise
    if not as_json and not github:
        _show(checked)
    looked_at = _look_at_everybody(checked, project, now) if everybody else {}
    if as_json:
        print_json({"campaigns": [_as_dict(one, looked_at, everybody=everybody) for one in checked]})
    elif github:
        found = [("error", problem) for one in checked for problem in one.problems]
        found += [("warning", later) for one in checked for later in one.warnings]
        found += [pair for name, one in looked_at.items() for pair in _problems(name, one)]
        for severity, problem in dict.fromkeys(found):  # campaigns share templates
            annotate(severity, problem, project)
    else:
        for name, one in looked_at.items():
            _show_everybody(name, one)
    codes = [0 if one.good else EXIT_INVALID for one in checked] + [*map(_code, looked_at.values())]
    if worst := max(codes, key=SEVERITY.index, default=0):
        raise SystemExit(worst)


def _code(everybody: Everybody | RecmailError) -> int:
    if isinstance(everybody, RecmailError):
        return exit_code(everybody)
    return EXIT_INVALID if everybody.findings.errors else 0


def _problems(campaign: str, everybody: Everybody | RecmailError) -> Iterator[tuple[str, Problem]]:
    """What is wrong with everybody's emails; an error without a place is that of the campaign's file."""
    if not isinstance(everybody, RecmailError):
        yield from everybody.findings.problems(campaign)
    elif isinstance(everybody, ConfigError):
        yield from (("error", problem) for problem in everybody.problems)
    else:
        file = f"campaigns/{campaign}.yaml"
        yield "error", Problem(file, 1, 0, f"the emails could not be looked at: {everybody}")


def _check(campaign: str | None, project: Path | None, now: datetime) -> list[Checked]:
    from recmail.campaign.schema import is_stale
    from recmail.runs.brand import brand_warnings
    from recmail.runs.check import check
    from recmail.runs.project import open_project

    opened = open_project(project)
    try:
        names = [campaign] if campaign else opened.campaigns()
        if not names:
            say("there are no campaigns yet; the examples in the documentation are a good start")
        if is_stale(opened.folder, opened.settings):
            say("what editors know of this project is out of date; renew it with: recmail check --schema")
        for doubtful in brand_warnings(opened.settings):
            say(f"{doubtful} (a warning)")
        return [check(opened, name, now=now, keep=True) for name in names]
    finally:
        opened.engine.dispose()


def _look_at_everybody(
    checked: list[Checked], project: Path | None, now: datetime
) -> dict[str, Everybody | RecmailError]:
    """Write and look at the emails of every campaign that is good; those of others could not be written.

    An error is kept in place of what would have been found: the next campaign is looked at all the same.
    """
    from recmail.runs.check_everybody import check_everybody
    from recmail.runs.project import open_project

    opened = open_project(project)
    looked_at: dict[str, Everybody | RecmailError] = {}
    try:
        for name in (one.campaign for one in checked if one.good):
            try:
                with rows_progress(f"checking {name}", "people") as show:
                    looked_at[name] = check_everybody(opened, opened.campaign(name), now=now, progress=show)
            except RecmailError as error:
                looked_at[name] = error
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted; nothing was kept") from error
    finally:
        opened.engine.dispose()
    return looked_at


def _as_dict(
    one: Checked, looked_at: dict[str, Everybody | RecmailError], *, everybody: bool
) -> dict[str, Any]:
    if not everybody:
        return one.to_dict()
    found = looked_at.get(one.campaign)
    if isinstance(found, RecmailError):
        return {**one.to_dict(), "everybody": None, "everybody_error": error_as_dict(found)}
    return {**one.to_dict(), "everybody": found and found.to_dict(), "everybody_error": None}


def _show_everybody(campaign: str, everybody: Everybody | RecmailError) -> None:
    click.echo()
    if isinstance(everybody, RecmailError):
        click.echo(f"Everybody of {campaign}: the emails could not be looked at")
        say_error(everybody)
        return
    rows = everybody.account.as_rows()
    print_table(("people", "what would happen"), rows, title=f"Everybody of {campaign}")
    if everybody.written_for:
        say(everybody.written_for)
    click.echo()
    show_findings(everybody.findings)
    if everybody.compared:
        emails = "1 email was" if everybody.compared == 1 else f"{everybody.compared:,} emails were"
        say(f"the styles of {emails} checked one by one: all as they should be")
    say("nothing was sent")


def _show(checked: list[Checked]) -> None:
    for one in checked:
        for problem in one.problems:
            click.echo(problem, err=True)
        audience = "" if one.people is None else f"; {one.people:,} people in the audience"
        if one.languages:
            audience += f" ({', '.join(f'{people:,} in {tag}' for tag, people in one.languages.items())})"
        count = len(one.problems)
        state = "good" if one.good else "1 problem" if count == 1 else f"{count:,} problems"
        click.echo(f"{one.campaign}: {state}{audience}")
        if one.goes_out:
            click.echo(f"  {one.goes_out.in_words()}")
        if one.inlining.slow:
            say(f"  {one.inlining.in_words(one.people or 0)}: see below")
        if one.emptied:
            _show_emptied(one.emptied)
    doubtful = (problem for one in checked for problem in (*one.over, *one.doubtful))
    for problem in dict.fromkeys(doubtful):
        click.echo(f"warning: {problem}", err=True)
    slow = (reason for one in checked for reason in one.inlining.slow)
    for reason in dict.fromkeys(slow):  # campaigns share templates
        click.echo(f"slow: {reason}", err=True)


def _show_emptied(emptied: Emptied) -> None:
    advice = "" if emptied.instead else "; is each value spelt as in your data?"
    say(f"  nobody is left after the rule: {emptied.rule}{advice}")
    for field, values in groupby(emptied.instead, key=lambda common: common.field):
        shown = ", ".join(f'"{one.value[:40]}" ({one.people:,})' for one in values)
        say(f"  before it, people have as {field}, most common first: {shown}")


def _write_schema(project: Path | None, as_json: bool) -> None:
    from recmail.campaign.schema import FILE, write_schema
    from recmail.settings import find_project, load_settings

    folder = find_project(project)
    path = write_schema(folder, load_settings(folder))
    if as_json:
        print_json({"schema": path})
        return
    click.echo(f"wrote {path}")
    say(f"a campaign finds it by its first line:\n# yaml-language-server: $schema=../{FILE}")


def _write_text(campaign: str | None, project: Path | None) -> None:
    from recmail.runs.project import open_project
    from recmail.runs.text_drafts import write_text_drafts

    opened = open_project(project)
    try:
        names = [campaign] if campaign else opened.campaigns()
        written = [path for name in names for path in write_text_drafts(opened, name)]
    finally:
        opened.engine.dispose()
    for path in written:
        say(f"wrote {path.relative_to(opened.folder)}: a draft; read it before it goes out")
    if not written:
        say("no text template is missing")


def _watch(campaign: str | None, project: Path | None, now: datetime) -> None:
    from recmail.runs.watching import each_change
    from recmail.settings import find_project

    folder = find_project(project)
    ahead = now - datetime.now(UTC)
    try:
        for _ in each_change(folder):
            if sys.stdout.isatty():
                click.clear()
            try:
                _show(_check(campaign, folder, datetime.now(UTC) + ahead))
            except RecmailError as error:
                click.secho(str(error), fg="red", err=True)
            say("watching campaigns, templates and recmail.toml; Ctrl-C ends")
    except KeyboardInterrupt:
        say("")
