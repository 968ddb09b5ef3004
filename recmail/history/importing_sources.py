"""Bringing in what is new in a source of recmail.toml, one piece after the other, past those that break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.people import refuse_another_key
from recmail.errors import ConfigError, DataError, RecmailError
from recmail.history.importing import ImportOptions, ImportResult, Progress, import_piece
from recmail.history.sources import Source
from recmail.history.watermarks import Unread, forget_gone
from recmail.settings import Settings

Watch = Callable[[str], AbstractContextManager[Progress]]
"""Shows the progress of a piece under a title."""
Find = Callable[[sa.Engine, Source, datetime], Unread]


@dataclass
class SourceReport:
    """What became of a source.

    Attributes:
        known: files that were read before and have not changed.
        changed: pieces that were read when the source was described otherwise, and are read again.
        gone: such files that are not there any more: what came from them stays as it was.
        errors: what stopped a piece, each once; the pieces behind it were read all the same.
    """

    source: str
    table: str
    results: list[ImportResult] = field(default_factory=list)
    known: int = 0
    changed: int = 0
    gone: int = 0
    errors: list[RecmailError] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many rows were refused in all pieces."""
        return sum(result.rejected for result in self.results)

    @property
    def unmapped(self) -> Counter[str]:
        """Names of events that no kind is given for, with how often they came in all pieces."""
        return sum((Counter(result.unmapped) for result in self.results), Counter())

    def add(self, error: RecmailError) -> None:
        """Remember an error with its section, but not the same for every file."""
        section = f"[sources.{self.source}]"
        if not isinstance(error, ConfigError) and not str(error).startswith(section):
            error = type(error)(f"{section} {error}")
        if str(error) not in map(str, self.errors):
            self.errors.append(error)

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Remember that a piece is broken, and go on; what concerns the whole source is raised."""
        try:
            yield
        except DataError as error:
            self.add(error)


def options_of(source: Source, settings: Settings, *, dry_run: bool) -> ImportOptions:
    """How the records of a source are read."""
    return ImportOptions(
        source=source.name,
        consent_basis=source.options.consent_basis,
        dry_run=dry_run,
        columns=source.options.columns,
        attributes=settings.attributes,
        currency=settings.project.currency,
        project=settings.folder,
        section=f"sources.{source.name}",
    )


def import_source(
    engine: sa.Engine,
    source: Source,
    settings: Settings,
    *,
    find: Find,
    now: datetime,
    dry_run: bool,
    watch: Watch,
) -> SourceReport:
    """Bring in a source; a file that is broken does not stop those behind it.

    Args:
        find: `unread` for what is new or changed, `everything` for what was read before, too.
        watch: shows the progress of each piece.
    """
    report = SourceReport(source.name, source.table)
    options = options_of(source, settings, dry_run=dry_run)
    try:
        with reading(engine) as connection:
            refuse_another_key(connection, settings.address_key)
        found = find(engine, source, now)
        report.known, report.changed, report.gone = found.known, found.changed, found.gone
        if not dry_run:
            forget_gone(engine, source, found.names)
        for piece in found.pieces:
            with watch(f"{source.name}: {piece.name}") as progress, report.remembering():
                result = import_piece(
                    engine,
                    source.table,
                    piece,
                    now=now,
                    key=settings.address_key,
                    options=options,
                    progress=progress,
                )
                report.results.append(result)
    except RecmailError as error:
        report.add(error)
    return report
