"""`recmail import`: what is new in the sources of recmail.toml, or one file, checked row by row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recmail.cli.command import (
    EXIT_WITH_FAILURES,
    SEVERITY,
    exit_code,
    json_option,
    now_option,
    print_json,
    project_option,
    say_error,
    shows_errors,
)
from recmail.cli.terminal import rows_progress, say

if TYPE_CHECKING:
    from recmail.history.importing import Counts, ImportOptions, ImportResult
    from recmail.history.importing_sources import SourceReport
    from recmail.history.sources import Source
    from recmail.runs.project import Project
    from recmail.settings import Settings

KINDS = ("users", "courses", "interactions", "suppressions")
_UNMAPPED_SHOWN, _PLACES = 30, 3
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

    \b
    Example: recmail import
             recmail import users people.csv --map mail=email
    """
    from recmail.runs.project import open_project

    if file is not None:
        if again:
            raise click.UsageError("--again is for sources; a FILE is always read")
        result = _import_file(open_project(project), what or "", file, now, dry_run=dry_run, **of_file)
        print_json(asdict(result)) if as_json else show_import(result)
        raise SystemExit(EXIT_WITH_FAILURES if result.rejected else 0)
    _refuse_options_of_files(of_file)
    show = _unseen if as_json else partial(show_source, verbose=verbose)
    reports = _import_sources(open_project(project), what, now, again=again, dry_run=dry_run, show=show)
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
    from recmail.errors import did_you_mean
    from recmail.history.importing import ImportOptions, import_file

    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"; expected one of {', '.join(KINDS)}"
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


def _refuse_options_of_files(options: dict[str, Any]) -> None:
    for name, flag in _OF_FILES.items():
        if options[name]:
            raise click.UsageError(f"{flag} is for a FILE; a source has it in its section of recmail.toml")


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


def show_source(report: SourceReport, *, verbose: bool = False) -> None:
    """What became of a source: rows on stdout; advice and what went wrong on stderr."""
    results = report.results
    _say_changes(report)
    if results:
        files = f"{len(results):,} files, " if len(results) > 1 else ""
        click.echo(f"{report.source}: {files}{_counted(results, counts := _total(results))}")
        for result in results if verbose else ():
            click.echo(_printable(f"  {result.file}: {_counted([result], result.counts)}"))
        _say_details(results, counts)
        _say_unmapped(report)
    elif not report.errors:
        files = "1 file is as it was" if report.known == 1 else f"{report.known:,} files are as they were"
        click.echo(f"{report.source}: nothing new; {files if report.known else 'no file is there yet'}")
    for error in report.errors:
        say_error(error)


def _say_changes(report: SourceReport) -> None:
    """That known records are read again, and what of them cannot be."""
    if report.changed:
        corrected = ", and known events are corrected" if report.table == "interactions" else ""
        say(f"[sources.{report.source}] has changed: what was read before is read again{corrected}")
    if report.gone:
        say(f"  {report.gone:,} files that were read before are gone: what came from them stays as it is")


def show_import(result: ImportResult) -> None:
    """What became of a file: rows on stdout, advice on stderr."""
    click.echo(f"{result.kind}: {_counted([result], result.counts)}")
    _say_details([result], result.counts)


def _total(results: Sequence[ImportResult]) -> Counts:
    return sum((result.counts for result in results[1:]), results[0].counts)


def _counted(results: Sequence[ImportResult], counts: Counts) -> str:
    """What became of the rows of some files together."""
    rows, rejected = (sum(getattr(result, name) for result in results) for name in ("rows", "rejected"))
    parts = [f"{counts.added:,} new", f"{counts.changed:,} changed", f"{counts.unchanged:,} known already"]
    if counts.pending:
        parts.append(f"{counts.pending:,} kept until their person and course are known")
    if counts.unknown_people:
        parts.append(f"{counts.unknown_people:,} of people not imported yet")
    if counts.erased:
        parts.append(f"{counts.erased:,} of erased people, left out")
    if counts.left:
        parts.append(f"{counts.left:,} left as they are")
    if counts.left_out:
        parts.append(f"{counts.left_out:,} who did not say no, left out")
    return f"{rows:,} rows read; {', '.join(parts)}; {rejected:,} rejected"


def _say_details(results: Sequence[ImportResult], counts: Counts) -> None:
    """What deserves attention in some files together: each thing once, with a few places."""
    done = "would be" if results[0].dry_run else "were"
    if counts.consents:
        say(f"  {counts.consents:,} statements of consent {done} recorded")
    if counts.linked:
        say(f"  {counts.linked:,} other ids {done} joined with the people who have them")
    if counts.settled:
        say(f"  {counts.settled:,} kept events came in: their person and course are known now")
    if counts.left:
        why = "so that none counts twice; see docs/sources.md, When a section changes"
        say(f"  {counts.left:,} events may be known in another form, and are left as they are, {why}")
    for warning, count in _added_up(result.warnings for result in results):
        say(_printable(f"  {count:,} x {warning}{_places(results, warning, count)}"))
    _say_strangers(results)
    ignored = dict.fromkeys(name for result in results for name in result.ignored_columns)
    if ignored:
        say(_printable(f"  columns left out: {', '.join(ignored)}"))
    for reason, count in _added_up(result.rejects for result in results):
        say(_printable(f"  rejected {count:,} x {reason}{_example(results, reason)}"))
    files = [result.rejects_file for result in results if result.rejects_file]
    for file in files[:_PLACES]:
        say(f"  rejected rows, with line and reason: {file}")
    if len(files) > _PLACES:
        say(f"  and {len(files) - _PLACES:,} such files more; --json lists them")


def _say_strangers(results: Sequence[ImportResult]) -> None:
    """That the events' user_ids are not those of the people, loudly: then nobody gets any recommendation."""
    from recmail.history.strangers import are_strange

    found = [result.recognised for result in results if result.recognised]
    events, known = (sum(getattr(one, name) for one in found) for name in ("events", "known"))
    nobody_yet = results[0].dry_run and not any(one.ours for one in found)  # a new project
    if are_strange(events, known) and not nobody_yet:
        one = next(one for one in found if one.theirs)
        ours = f"users have {', '.join(one.ours)}" if one.ours else "there are no users yet"
        ids = f"{known:,} have one that a person has: events say {', '.join(one.theirs)}; {ours}"
        say(_printable(f"  WARNING: of {events:,} events that have a user_id, {ids}."))
        say("  Both have to be the same id; see docs/sources.md, Who is who")


def _example(results: Sequence[ImportResult], reason: str) -> str:
    """The first row that was rejected for it, with its file where there are several."""
    for one in results:
        if reason in one.reject_examples:
            file = f"{one.file}: " if len(results) > 1 else ""
            return f" ({file}{one.reject_examples[reason]})"
    return ""


def _added_up(parts: Iterable[Mapping[str, int]]) -> list[tuple[str, int]]:
    """Counts by name over all files, the most frequent first."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total.most_common()


def _places(results: Sequence[ImportResult], warning: str, count: int) -> str:
    """The first lines that a warning is about, with the files where there are several."""
    named = len(results) > 1
    lines = [
        f"{result.file}:{line}" if named else str(line)
        for result in results
        for line in result.warned_lines.get(warning, [])[:_PLACES]
    ][:_PLACES]
    if not lines:
        return ""
    return f" ({'' if named else 'line '}{', '.join(lines)}{', ...' if count > len(lines) else ''})"


def _printable(line: str) -> str:
    """A line that may hold words of other systems, as it may reach a terminal."""
    from recmail.settings.source import printable

    return printable(line)


def _quoted(event: str) -> str:
    """A name as TOML has it in quotes; what a terminal would obey, or not show, as its number."""
    from recmail.settings.source import UNPRINTABLE

    text = json.dumps(event, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _say_unmapped(report: SourceReport) -> None:
    """Events that no kind is given for, as lines to paste into recmail.toml."""
    from recmail.history.event_names import likely_kind

    events = report.unmapped.most_common(_UNMAPPED_SHOWN)
    if not events:
        return
    say(
        f"  {report.unmapped.total():,} events were left out, because no kind is given for their names; "
        'paste what you want into\n  recmail.toml, with the kind that it is, or "ignore", and run the same '
        "command:\n\n"
        f"  # under [sources.{report.source}.kinds]"
    )
    for event, count in events:
        kind = likely_kind(event) or "ignore"
        line = f'{_quoted(event)} = "{kind}"'
        say(f"  {line:50}  # {count:,} times")
    others = len(report.unmapped) - len(events)
    say(f"  # and {others:,} other names, see --json\n" if others > 0 else "")
