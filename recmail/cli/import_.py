"""`recmail import`: people, courses, interactions and suppressions from CSV files, checked row by row."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    EXIT_WITH_FAILURES,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.terminal import progress, say

if TYPE_CHECKING:
    from recmail.history.importing import ImportOptions, ImportResult
    from recmail.runs.project import Project

KINDS = ("users", "courses", "interactions", "suppressions")


@click.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check every row and change nothing.")
@click.option(
    "--map", "renames", multiple=True, metavar="THEIRS=OURS", help="A column of theirs is one of ours."
)
@click.option("--consent-basis", metavar="TEXT", help="Why all these people may be mailed; kept as proof.")
@click.option("--encoding", default="utf-8", show_default=True, help="How the file's letters are written.")
@project_option
@now_option
@json_option
@shows_errors
def command(
    kind: str,
    file: Path,
    dry_run: bool,
    renames: tuple[str, ...],
    consent_basis: str | None,
    encoding: str,
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""Bring in a CSV FILE of users, courses, interactions or suppressions.

    The same file again changes nothing. Rejected rows go to FILE.rejects.csv with line and reason, and the
    exit code is then 5.

    \b
    Example: recmail import users people.csv --map mail=email
    """
    from recmail.history.importing import ImportOptions
    from recmail.runs.project import open_project

    opened = open_project(project)
    settings = opened.settings
    options = ImportOptions(
        consent_basis=consent_basis,
        dry_run=dry_run,
        columns=_renames(renames),
        attributes=settings.attributes,
        currency=settings.project.currency,
        encoding=encoding,
        project=opened.folder,
    )
    result = _read(opened, kind, file, now, options)
    if as_json:
        print_json(asdict(result))
    else:
        show_import(result)
    if result.rejected:
        raise SystemExit(EXIT_WITH_FAILURES)


def _read(project: Project, kind: str, file: Path, now: datetime, options: ImportOptions) -> ImportResult:
    from recmail.history.importing import import_csv

    with progress(f"importing {kind}", unit="bytes") as bar:
        return import_csv(
            project.engine,
            kind,
            file,
            now=now,
            key=project.settings.key,
            options=options,
            progress=lambda _rows, done, total: bar(done, total),
        )


def _renames(renames: tuple[str, ...]) -> dict[str, str]:
    pairs = [rename.partition("=") for rename in renames]
    for theirs, equals, ours in pairs:
        if not (theirs and equals and ours):
            raise click.UsageError(f"--map {theirs}{equals}{ours}: expected THEIRS=OURS, such as mail=email")
    return {theirs: ours for theirs, _, ours in pairs}


def show_import(result: ImportResult) -> None:
    """What became of a file: rows on stdout, advice on stderr."""
    done = "would be" if result.dry_run else "were"
    counts = result.counts
    parts = [f"{counts.added:,} new", f"{counts.changed:,} changed", f"{counts.unchanged:,} known already"]
    if counts.unknown_people:
        parts.append(f"{counts.unknown_people:,} of people not imported yet")
    if counts.erased:
        parts.append(f"{counts.erased:,} of erased people, left out")
    click.echo(f"{result.kind}: {result.rows:,} rows read; {', '.join(parts)}; {result.rejected:,} rejected")
    if counts.consents:
        say(f"  {counts.consents:,} statements of consent {done} recorded")
    for warning, count in result.warnings.items():
        lines = ", ".join(map(str, result.warned_lines.get(warning, [])[:3]))
        say(f"  {count:,} x {warning} (line {lines}{', ...' if count > 3 else ''})")
    if result.ignored_columns:
        say(f"  columns left out: {', '.join(result.ignored_columns)}")
    for reason, count in result.rejects.items():
        say(f"  rejected {count:,} x {reason}")
    if result.rejects_file:
        say(f"  rejected rows, with line and reason: {result.rejects_file}")
