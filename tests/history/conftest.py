"""Importing text as if it were a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.history.importing import ImportOptions, ImportResult, import_file
from tests.history.imported import COURSES, KEY, NOW, USERS, Import
from tests.history.joined import Bring, bring_calls


@pytest.fixture
def bring(database: sa.Engine, tmp_path: Path) -> Import:
    """How to import text or bytes as a kind of file, with ImportOptions by keyword."""

    def do(
        kind: str, content: str | bytes, *, now: datetime = NOW, encoding: str = "utf-8", **options: object
    ) -> ImportResult:
        file = tmp_path / f"{kind}.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = ImportOptions(**options)
        return import_file(database, kind, file, now=now, key=KEY, options=found, encoding=encoding)

    return do


@pytest.fixture
def filled(bring: Import) -> Import:
    """A database with people a and b and courses sql and py."""
    bring("users", USERS)
    bring("courses", COURSES)
    return bring


@pytest.fixture
def calls(database: sa.Engine, tmp_path: Path) -> Bring:
    """How to bring in Segment's calls."""
    return lambda *found, **options: bring_calls(database, tmp_path, found, **options)
