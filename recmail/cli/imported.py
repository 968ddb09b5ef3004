"""Telling what became of imported files, for `recmail import` and `recmail init`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from recmail.cli.command import say_error
from recmail.cli.terminal import say

if TYPE_CHECKING:
    from recmail.history.importing import Counts, ImportResult
    from recmail.history.importing_sources import SourceReport

_UNMAPPED_SHOWN, _PLACES = 30, 3


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
