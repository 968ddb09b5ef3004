"""`recmail report`: what came of a run, of a campaign, or of all."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recmail.cli.command import (
    RUN_OR_CAMPAIGN,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.terminal import print_table, progress, say

if TYPE_CHECKING:
    from recmail.runs.report.reports import Report
    from recmail.runs.report.words import Line, Table

COURSES = 10  # that are listed; --json and --csv have all


class Window(click.ParamType[timedelta]):
    """How long after a message something counts to it: 7d, 36h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read the duration; it is up to a year."""
        from recmail.settings.values import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            within = parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not timedelta(0) < within <= timedelta(days=365):
            self.fail(f"found {value!r}; expected up to 365d", param, ctx)
        return within


@click.command("report", short_help="Show what came of a campaign: bounces, clicks, enrolments, money.")
@click.argument("which", type=RUN_OR_CAMPAIGN, required=False, metavar="[CAMPAIGN|RUN]")
@click.option(
    "--within",
    type=Window(),
    default=timedelta(days=7),
    metavar="TIME",
    help="How long after a message an enrolment counts to it; default: 7d.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV to stdout: one row for each figure.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write one page with plots that can be sent to somebody.",
)
@project_option
@now_option
@json_option
@shows_errors
def command(
    which: int | str | None,
    within: timedelta,
    as_csv: bool,
    page: Path | None,
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""Show what came of a campaign, of one run of it, or of all campaigns.

    Everybody of the audience is in it. Enrolments come with the next import; each counts to one message at
    most: the newest before it that showed the course, else the newest before it. docs/report.md explains
    every figure.

    \b
    Examples: recmail report weekly-picks
              recmail report 12 --within 14d
              recmail report weekly-picks --html report.html
    """
    from recmail.runs.project import open_project
    from recmail.runs.report.reports import read_reports
    from recmail.runs.report.rows import to_dict

    if as_csv and as_json:
        raise click.UsageError("give one of --csv and --json")
    opened = open_project(project)
    with progress("counting") as advance:
        reports = read_reports(opened, which, within=within, now=now, progress=advance)
    if page:
        from recmail.runs.report.page import write_page

        write_page(reports, page, name=opened.settings.project.name, now=now)
        say(f"report: {page}")
    if as_json:
        print_json({"reports": [to_dict(one) for one in reports]})
    elif as_csv:
        _print_csv(reports)
    else:
        _print_text(reports)


def _print_text(reports: Sequence[Report]) -> None:
    if not reports:
        say("no campaign has gone out yet; plan one with: recmail plan CAMPAIGN")
    elif len(reports) > 1:
        _print_all(reports)
    else:
        _print(reports[0])


def _print_csv(reports: Sequence[Report]) -> None:
    from recmail.runs.report.rows import COLUMNS, rows

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for report in reports:
        writer.writerows(rows(report))


def _print_all(reports: Sequence[Report]) -> None:
    """A row for each campaign."""
    from recmail.runs.report.words import money, notes, share

    columns = ("campaign", "runs", "last one", "sent", "unsubscribed", "enrolled", "", "orders", "worth")
    print_table(
        columns,
        [
            (
                one.campaign,
                len(one.runs),
                f"{one.runs[0].first_left:%Y-%m-%d}",
                one.figures.sent,
                one.figures.unsubscribed,
                one.figures.enrolled,
                share(one.figures.enrolled, one.figures.sent),
                money(one.figures.value, one.language),
                _worth(one),
            )
            for one in reports
        ],
    )
    for note in notes(reports[0]):
        if note.key in ("known_until", "no_imports"):
            click.echo(f"\n{note.text}")
    say("\nall of one campaign: recmail report CAMPAIGN")


def _worth(report: Report) -> str:
    from recmail.runs.report.words import points

    return points(report.control) if report.control else "no control group"


def _print(report: Report) -> None:
    from recmail.runs.report.words import headline, lines, money, notes, window, worth

    click.echo(headline(report))
    print_table(("people", "what happened"), report.account.as_rows())
    if report.figures.sent:
        click.echo()
        shown = lines(report.figures, report.told, within=window(report))
        print_table(("messages", "", "", ""), [_line(line, report.figures.sent) for line in shown])
        if report.figures.value:
            click.echo(f"orders: {money(report.figures.value, report.language)}")
        if said := worth(report):
            click.echo(f"\n{said}")
        _print_parts(report)
    click.echo()
    for note in notes(report):
        click.echo(note.text)


def _line(line: Line, sent: int) -> tuple[str, str, str, str]:
    from recmail.runs.report.words import share

    count = "not known" if line.count is None else f"{line.count:,}"
    return line.what, count, share(line.count, sent), line.detail


def _print_parts(report: Report) -> None:
    from recmail.runs.report.words import table_of_places, table_of_runs, table_of_variants, variants_in_words

    _print_table(table_of_runs(report))
    _print_table(table_of_variants(report))
    for text in variants_in_words(report):
        click.echo(text)
    for dimension in ("block", "position", "fallback", "course"):
        _print_table(table_of_places(report, dimension))


def _print_table(table: Table) -> None:
    columns, rows = table
    if rows:
        click.echo()
        print_table(columns, rows[:COURSES])
    if len(rows) > COURSES:
        click.echo(f"and {len(rows) - COURSES:,} more; recmail report --csv has all")
