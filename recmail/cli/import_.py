"""`recmail import`: what is new in the sources of recmail.toml, or one file, checked row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recmail.cli import returned
from recmail.cli.command import (
    EXIT_WITH_FAILURES,
    SEVERITY,
    exit_code,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.imported import show_import, show_source
from recmail.cli.terminal import rows_progress

if TYPE_CHECKING:
    from recmail.history.importing import ImportOptions, ImportResult
    from recmail.history.importing_sources import SourceReport
    from recmail.history.sources import Source
    from recmail.runs.project import Project
    from recmail.settings import Settings

KINDS = ("users", "courses", "interactions", "suppressions")
_OF_FILES = {"renames": "--map", "consent_basis": "--consent-basis", "encoding": "--encoding"}


@click.command("import", short_help="Bring in people, courses and what people did: what is new.")
@click.argument("what", required=False, metavar="[SOURCE | KIND]")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False), metavar="[FILE]")
@click.option("--again", is_flag=True, help="Read what was read before, too; known rows change nothing.")
@click.option("--dry-run", is_flag=True, help="Check every row and change nothing.")
@click.option("--verbose", is_flag=True, help="Say what became of each file of a source.")
@click.option(
    "--map",
    "renames",
    multiple=True,
    metavar="THEIRS=OURS",
    help="A column of FILE is one of ours, such as mail=email; may be repeated.",
)
@click.option("--consent-basis", metavar="TEXT", help="Why all people of FILE may be mailed; kept as proof.")
@click.option("--encoding", metavar="NAME", help="How the letters of FILE are written; default: utf-8.")
@click.option("--provider", metavar="NAME", help="Whose webhook the lines of a FILE of events are of.")
@project_option
@now_option
@json_option
@shows_errors
def command(
    what: str | None,
    file: Path | None,
    again: bool,
    dry_run: bool,
    verbose: bool,
    project: Path | None,
    now: datetime,
    as_json: bool,
    **of_file: Any,
) -> None:
    r"""Bring in what is new in all [sources.*] of recmail.toml, in one SOURCE, or in a FILE.

    A FILE is CSV or Parquet; its KIND is users, courses, interactions or suppressions. What was brought in
    before changes nothing. Rejected rows go to FILE.rejects.csv (of a source: FILE.SOURCE.rejects.csv) with
    line and reason, and the exit code is then 5; mended there, import that.

    Of what came back of messages, "bounces" reads the mailboxes [bounces.*], and "events" a FILE with a JSON
    object a line: recmail's own, or what a provider sent to its webhook.

    \b
    Examples: recmail import
              recmail import users people.csv --map mail=email
              recmail import bounces
              recmail import events saved.ndjson --provider postmark
    """
    from recmail.runs.project import open_project

    provider = of_file.pop("provider")
    opened = open_project(project)
    if returned.is_meant(what, file, opened.settings):
        _refuse_options_of_files(of_file, f"is not for {what}")
        raise SystemExit(
            returned.bring_in(opened, what, file, now, provider=provider, dry_run=dry_run, as_json=as_json)
        )
    if provider:
        raise click.UsageError("--provider is for events: recmail import events FILE --provider NAME")
    if file is not None:
        if again:
            raise click.UsageError("--again is for sources; a FILE is always read")
        result = _import_file(opened, what or "", file, now, dry_run=dry_run, **of_file)
        print_json(asdict(result)) if as_json else show_import(result)
        raise SystemExit(EXIT_WITH_FAILURES if result.rejected else 0)
    _refuse_options_of_files(of_file, "is for a FILE; a source has it in its section of recmail.toml")
    show = _unseen if as_json else partial(show_source, verbose=verbose)
    reports = _import_sources(opened, what, now, again=again, dry_run=dry_run, show=show)
    if as_json:
        print_json({"sources": [_document(report) for report in reports]})
    raise SystemExit(max(map(_code, reports), key=SEVERITY.index))


def _unseen(_report: SourceReport) -> None:
    """What --json says when all is done is not said before."""


def _import_file(
    project: Project,
    kind: str,
    file: Path,
    now: datetime,
    *,
    dry_run: bool,
    renames: tuple[str, ...],
    consent_basis: str | None,
    encoding: str | None,
) -> ImportResult:
    from recmail.db.connect import reading
    from recmail.db.people import refuse_another_key
    from recmail.errors import did_you_mean
    from recmail.history.importing import ImportOptions, import_file

    if kind not in KINDS:
        kinds = (*KINDS, returned.EVENTS)
        hint = did_you_mean(kind, kinds) or f"; expected one of {', '.join(kinds)}"
        raise click.UsageError(f"found {kind!r} before the FILE{hint}")
    options = _of_rejects(project, kind, file, dry_run=dry_run) or ImportOptions(
        dry_run=dry_run,
        attributes=project.settings.attributes,
        currency=project.settings.project.currency,
        project=project.folder,
    )
    options = replace(
        options,
        columns={**options.columns, **_renames(renames)},
        consent_basis=consent_basis or options.consent_basis,
    )
    with reading(project.engine) as connection:
        refuse_another_key(connection, project.settings.address_key)
    with rows_progress(f"importing {kind}") as progress:
        return import_file(
            project.engine,
            kind,
            file,
            now=now,
            key=project.settings.address_key,
            options=options,
            encoding=encoding or "utf-8",
            progress=progress,
        )


def _of_rejects(project: Project, kind: str, file: Path, *, dry_run: bool) -> ImportOptions | None:
    """How rejected rows of a source are read: as the source itself, so that its events keep their ids."""
    from recmail.history.importing_rejects import source_of
    from recmail.history.importing_sources import options_of
    from recmail.history.sources import read_source

    name = source_of(file, project.settings.sources)
    if name is None:
        return None
    source = read_source(name, project.settings)
    return options_of(source, project.settings, dry_run=dry_run) if source.table == kind else None


def _renames(renames: tuple[str, ...]) -> dict[str, str]:
    pairs = [rename.partition("=") for rename in renames]
    for theirs, equals, ours in pairs:
        if not (theirs and equals and ours):
            raise click.UsageError(f"--map {theirs}{equals}{ours}: expected THEIRS=OURS, such as mail=email")
    return {theirs: ours for theirs, _, ours in pairs}


def _refuse_options_of_files(options: dict[str, Any], why: str) -> None:
    for name, flag in _OF_FILES.items():
        if options[name]:
            raise click.UsageError(f"{flag} {why}")


def _chosen(settings: Settings, what: str | None) -> list[Source]:
    """All sources, or the one that is named."""
    from recmail.errors import ConfigError, Problem
    from recmail.history.sources import EXAMPLE, read_source, read_sources

    if what is None:
        found = read_sources(settings)
        if not found:
            message = f"has no [sources.*] yet; write where your data is, for example:\n\n{EXAMPLE}"
            raise ConfigError([Problem("recmail.toml", 0, 0, message)])
        return found
    if what not in settings.sources:
        if what == returned.EVENTS:
            raise click.UsageError("events: name the FILE, or write a section [sources.events]")
        if what in KINDS:
            raise click.UsageError(f"{what}: name the FILE, or write a section [sources.{what}]")
        if Path(what).is_file():
            raise click.UsageError(f"say what {what} holds: recmail import {'|'.join(KINDS)} {what}")
    return [read_source(what, settings)]


def _import_sources(
    project: Project,
    what: str | None,
    now: datetime,
    *,
    again: bool,
    dry_run: bool,
    show: Callable[[SourceReport], None],
) -> list[SourceReport]:
    from recmail.history.importing_sources import import_source
    from recmail.history.watermarks import everything, unread

    reports = []
    for source in _chosen(project.settings, what):
        report = import_source(
            project.engine,
            source,
            project.settings,
            find=everything if again else unread,
            now=now,
            dry_run=dry_run,
            watch=rows_progress,
        )
        show(report)
        reports.append(report)
    return reports


def _code(report: SourceReport) -> int:
    codes = [exit_code(error) for error in report.errors]
    codes += [EXIT_WITH_FAILURES] if report.rejected else [0]
    return max(codes, key=SEVERITY.index)


def _document(report: SourceReport) -> dict[str, Any]:
    from recmail.history.event_names import likely_kind

    return {
        "source": report.source,
        "table": report.table,
        "files_known": report.known,
        "reread": report.changed,
        "reread_gone": report.gone,
        "results": [asdict(result) for result in report.results],
        "unmapped": [
            {"event": event, "count": count, "kind": likely_kind(event)}
            for event, count in report.unmapped.most_common()
        ],
        "errors": [{"kind": type(error).__name__, "message": str(error)} for error in report.errors],
    }
