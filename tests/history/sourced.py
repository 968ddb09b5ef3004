"""Projects with sources, and what was brought in from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from recmail.errors import ConfigError
from recmail.history.importing_sources import SourceReport, import_source
from recmail.history.sources import read_sources
from recmail.history.watermarks import unread
from recmail.settings import load_settings
from tests.history.imported import NOW

MINIMAL = """\
[project]
name = "Acme Courses"
currency = "EUR"
[sender]
from = "Acme Courses <learn@acme.example>"
postal_address = "12 Residency Road, Bengaluru"
"""


def write_project(folder: Path, sections: str) -> Path:
    """Write recmail.toml with these sections."""
    (folder / ".recmail").mkdir(parents=True, exist_ok=True)
    (folder / ".recmail/key").write_text("k" * 32)
    (folder / "recmail.toml").write_text(MINIMAL + sections, encoding="utf-8")
    return folder


def mistakes(folder: Path, sections: str) -> list[str]:
    """What is wrong with sources, each with its line and column in `sections`."""
    write_project(folder, sections)
    try:
        read_sources(load_settings(folder))
    except ConfigError as error:
        start = MINIMAL.count("\n")
        return [f"{one.line - start}:{one.column}: {one.message}" for one in error.problems]
    return []


@contextmanager
def _unseen(_title: str) -> Iterator[Callable[[int, int, int], None]]:
    yield lambda rows, done, total: None


def bring_all(
    engine: sa.Engine, folder: Path, now: datetime = NOW, *, find: object = unread, dry_run: bool = False
) -> list[SourceReport]:
    """Bring in all sources of the project in `folder`."""
    settings = load_settings(folder)
    return [
        import_source(engine, source, settings, find=find, now=now, dry_run=dry_run, watch=_unseen)
        for source in read_sources(settings)
    ]


def errors(reports: list[SourceReport]) -> list[str]:
    """What went wrong in all of them."""
    return [str(error) for report in reports for error in report.errors]
