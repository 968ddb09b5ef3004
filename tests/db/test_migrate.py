"""The shipped migrations make exactly the tables that the queries are written against."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.migrate import current_revision, newest_revision, upgrade
from recmail.db.tables import consent, imports, metadata, suppressions, users


def test_migrations_equal_the_metadata(database: sa.Engine) -> None:
    with reading(database) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_are_in_the_database_as_written(database: sa.Engine) -> None:
    with reading(database) as connection:
        indexes = {index["name"]: index for index in sa.inspect(connection).get_indexes("ledger")}
    assert set(indexes) == {"ix_ledger_due", "ix_ledger_leases", "ix_ledger_cap"}
    for index in indexes.values():
        options = index["dialect_options"]
        assert "state" in str(options.get("sqlite_where", options.get("postgresql_where")))


def test_upgrading_twice_changes_nothing(database: sa.Engine, now: datetime) -> None:
    with writing(database) as connection:
        row = {"email_hash": "a", "reason": "manual", "at": now, "source": "test"}
        connection.execute(suppressions.insert(), row)
    upgrade(database)
    with reading(database) as connection:
        assert current_revision(connection) == newest_revision()
        assert connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) == 1


def test_consent_of_before_is_dated_unless_an_import_brought_it(database: sa.Engine, now: datetime) -> None:
    rows = [Consent(0, "email", True, now, channel) for channel in ("import", "page", "one_click")]
    person = {"user_no": 0, "user_id": "a", "source": "test", "source_row_hash": "", "imported_at": now}
    with writing(database) as connection:
        connection.execute(users.insert(), person)
        record_consent(connection, rows)
        connection.exec_driver_sql("ALTER TABLE consent DROP COLUMN dated")
        later = (
            "run_shards DROP COLUMN shortfall",
            "runs DROP COLUMN exposure",
            "runs DROP COLUMN as_of",
            "run_shards DROP COLUMN findings",
        )
        for column in later:
            connection.exec_driver_sql(f"ALTER TABLE {column}")
        for table in ("people_clusters", "cluster_courses", "clusters", "schedules", "leases"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    upgrade(database)
    with reading(database) as connection:
        found = connection.execute(sa.select(consent.c.channel, consent.c.dated)).all()
    assert sorted(map(tuple, found)) == [("import", False), ("one_click", True), ("page", True)]


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_database_of_the_first_version_keeps_its_rows(database: sa.Engine) -> None:
    with writing(database) as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
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
