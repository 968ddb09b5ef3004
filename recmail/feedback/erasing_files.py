"""Taking a person out of the files of recmail's own."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.tables import audit
from recmail.feedback import own_files
from recmail.feedback.accesses import EXPORT, PREVIEW
from recmail.feedback.receipt import Gone
from recmail.feedback.traces import Traces
from recmail.settings import Settings


@dataclass(frozen=True)
class ErasedFiles:
    """What went from files; `trouble` names those that could not be changed, and why."""

    gone: Sequence[Gone]
    trouble: Sequence[str]


def erase_files(engine: sa.Engine, settings: Settings, traces: Traces, *, dry_run: bool) -> ErasedFiles:
    """Take a person out of rejected rows, Maildirs, previews and exports."""
    rows, trouble = _rejected_rows(settings, traces, dry_run=dry_run)
    emails = sum(
        own_files.remove_mails(folder, lambda entry, _: traces.has_address(entry.address), dry_run=dry_run)
        for folder in own_files.maildirs(settings)
    )
    folders = {*own_files.previews(settings), *_places(engine, traces.user_no, PREVIEW)}
    shown = [folder for folder in sorted(folders) if own_files.shows(folder, traces)]
    exports = [path for path in sorted(_places(engine, traces.user_no, EXPORT)) if path.is_file()]
    exports = [path for path in exports if traces.are_in_file(path)]
    if not dry_run:
        for folder in shown:
            own_files.remove_preview(folder)
        for path in exports:
            path.unlink(missing_ok=True)
    counts = {"rejected rows": rows, "emails in Maildirs": emails, "previews": len(shown)}
    return ErasedFiles([Gone(*one) for one in {**counts, "exported files": len(exports)}.items()], trouble)


def _rejected_rows(settings: Settings, traces: Traces, *, dry_run: bool) -> tuple[int, list[str]]:
    found, trouble = 0, []
    for path in own_files.rejects_files(settings):
        try:
            found += own_files.remove_rows(path, traces, dry_run=dry_run)
        except (OSError, csv.Error, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            trouble.append(f"{path} cannot be rewritten, look whether it names them: {why}")
    return found, trouble


def _places(engine: sa.Engine, user_no: int, action: str) -> set[Path]:
    """The files or folders that the audit names, in which a person's data were put."""
    query = sa.select(audit.c.detail["where"].as_string()).where(
        audit.c.action == action, audit.c.detail["user_no"].as_integer() == user_no
    )
    with reading(engine) as connection:
        return {Path(place) for place in connection.scalars(query) if place}
