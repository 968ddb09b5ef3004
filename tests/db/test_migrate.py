"""The shipped migrations make exactly the tables that the queries are written against."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from recmail.db.connect import reading, writing
from recmail.db.learned_tables import metadata  # with all tables
from recmail.db.migrate import current_revision, newest_revision, upgrade
from recmail.db.tables import approvals, consent, imports, runs, suppressions, users
from tests.ledgers import add_run


def test_migrations_equal_the_metadata(database: sa.Engine) -> None:
    with reading(database) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_are_in_the_database_as_written(database: sa.Engine) -> None:
    with reading(database) as connection:
        indexes = {index["name"]: index for index in sa.inspect(connection).get_indexes("ledger")}
    conditions = {
        "due": "state",
        "leases": "state",
        "cap": "state",
        "unknown": "state",
        "provider_id": "provider_id",
    }
    assert set(indexes) == {f"ix_ledger_{name}" for name in conditions}
    for name, column in conditions.items():
        options = indexes[f"ix_ledger_{name}"]["dialect_options"]
        assert column in str(options.get("sqlite_where", options.get("postgresql_where")))


def test_upgrading_twice_changes_nothing(database: sa.Engine, now: datetime) -> None:
    with writing(database) as connection:
        row = {"email_hash": "a", "reason": "manual", "at": now, "source": "test"}
        connection.execute(suppressions.insert(), row)
    upgrade(database)
    with reading(database) as connection:
        assert current_revision(connection) == newest_revision()
        assert connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) == 1


def test_consent_of_before_is_dated_unless_an_import_brought_it(database: sa.Engine, now: datetime) -> None:
    said = {"user_no": 0, "purpose": "email", "topic": "", "granted": True, "at": now}
    rows = [{**said, "channel": channel} for channel in ("import", "page", "one_click")]
    person = {"user_no": 0, "user_id": "a", "source": "test", "source_row_hash": "", "imported_at": now}
    empty(database)
    upgrade(database, "0002")
    with writing(database) as connection:
        connection.execute(users.insert(), person)
        connection.execute(consent.insert(), rows)
    upgrade(database)
    with reading(database) as connection:
        found = connection.execute(sa.select(consent.c.channel, consent.c.dated)).all()
    assert sorted(map(tuple, found)) == [("import", False), ("one_click", True), ("page", True)]


def test_what_was_approved_before_stays_approved(database: sa.Engine, now: datetime) -> None:
    empty(database)
    upgrade(database, "0007")
    add_run(database, 1, now, people=[])
    approved = {"approved_by": "ana@desk", "approved_at": now, "content_hash": "abc"}
    with writing(database) as connection:
        connection.execute(sa.update(runs).values(**approved))
    upgrade(database)
    with reading(database) as connection:
        assert connection.execute(sa.select(approvals)).all() == [(1, "ana@desk", "ana@desk", now, "abc", 1)]
        assert connection.scalar(sa.select(runs.c.priority)) == 0


def empty(database: sa.Engine) -> None:
    with writing(database) as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_database_of_the_first_version_keeps_its_rows(database: sa.Engine) -> None:
    empty(database)
    upgrade(database, "0001")
    with writing(database) as connection:
        started = "1" if connection.dialect.name == "sqlite" else "now()"
        connection.exec_driver_sql(
            "INSERT INTO imports (source, kind, started_at, counts, rejects) "
            f"VALUES ('csv', 'users', {started}, '{{}}', '{{}}')"
        )
    upgrade(database)
    with reading(database) as connection:
        assert connection.execute(sa.select(imports.c.source, imports.c.fingerprint)).all() == [("csv", None)]
