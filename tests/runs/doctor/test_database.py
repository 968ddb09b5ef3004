"""Databases of all kinds, looked at without leaving a trace."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.runs.doctor.database import check_drift, open_database
from tests.conftest import NOW
from tests.runs.doctor.conftest import one, report, states
from tests.servers import unused_port

Files = dict[str, bytes]


def files(folder: Path) -> Files:
    """Everything below a folder, byte by byte."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_migrated_database_is_good(database: sa.Engine, database_url: str) -> None:
    opened = open_database(database_url)
    assert opened.engine is not None
    expected = {"reachable": "ok", "migrations": "ok"}
    if database.dialect.name == "postgresql":
        expected["clock"] = "ok"
        assert "PostgreSQL" in opened.findings[0].found
    else:
        assert "recmail.db, SQLite 3" in opened.findings[0].found
    assert states(list(opened.findings)) == expected


@pytest.mark.parametrize(("version", "says"), [("0000", "recmail init --upgrade"), ("9999", "pip install")])
def test_a_database_of_another_version_is_not_used(
    database: sa.Engine, database_url: str, version: str, says: str
) -> None:
    with writing(database) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :at"), {"at": version})
    opened = open_database(database_url)
    found = one(list(opened.findings), "migrations")
    assert (opened.engine, found.state, says in found.next) == (None, "wrong", True)


def test_a_postgresql_without_our_tables_is_said(postgres_server: Any) -> None:
    opened = open_database(
        sa.make_url(postgres_server.get_uri()).set(database="postgres").render_as_string(False)
    )
    assert (opened.engine, states(list(opened.findings))["migrations"]) == (None, "wrong")


def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    (found,) = open_database(f"postgresql://me:open-sesame@127.0.0.1:{unused_port()}/x").findings
    assert (found.check, found.state) == ("reachable", "wrong")
    assert "sesame" not in found.found


def foreign(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()


def rubbish(file: Path) -> None:
    file.write_bytes(b"not a database at all, but long enough to look like one")


@pytest.mark.parametrize(
    ("make", "check", "says"),
    [
        (foreign, "migrations", "no tables of recmail"),
        (rubbish, "reachable", "something else than a SQLite database"),
        (Path.touch, "reachable", "is empty"),
        (lambda file: None, "reachable", "is not there"),
    ],
)
def test_a_file_that_is_not_ours_stays_as_it_is(
    project: Path, make: Callable[[Path], None], check: str, says: str
) -> None:
    file = project / "recmail.db"
    file.unlink()
    make(file)
    before = files(project)
    found = report(project)
    database = one(found["database"], check)
    assert (database.state, says in database.found) == ("wrong", True), database
    assert states(found["data"]) == {"people": "warning"}
    assert states(found["campaigns"])["campaigns"] == "ok"
    assert files(project) == before


def test_nothing_is_written_anywhere(project: Path) -> None:
    before = files(project)
    report(project)
    assert files(project) == before


@pytest.mark.parametrize(("seconds", "state"), [(0.2, "ok"), (-10, "warning"), (70, "wrong")])
def test_clocks_that_differ_are_said(seconds: float, state: str) -> None:
    assert check_drift(NOW, NOW + timedelta(seconds=seconds)).state == state
