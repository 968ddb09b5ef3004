"""A small project with a schedule, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from recmail.runs import lint_run as looking
from recmail.runs.project import Project
from tests import scheduled
from tests.shards import as_worker


@pytest.fixture
def tuesdays(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Twelve people; the campaign `tuesdays` is due each Tuesday at nine and planned an hour before."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    made = scheduled.make(tmp_path / "acme")
    with as_worker(made):
        yield made
    made.engine.dispose()
    looking._linter.cache_clear()
