"""What a database refuses comes back as one sentence that says what to do, and as nothing else."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, reading, tidy_log, writing, writing_in_bulk
from recmail.db.migrate import upgrade
from recmail.db.tables import suppressions
from recmail.errors import StorageError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recmail.db"
    engine = connect(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


def add(engine: sa.Engine, now: datetime, *, first: int = 0, count: int = 1) -> None:
    numbers = range(first, first + count)
    rows = [{"email_hash": f"{n:064}", "reason": "manual", "at": now, "source": "t"} for n in numbers]
    with writing(engine) as connection:
        connection.execute(suppressions.insert(), rows)


def test_a_locked_database_is_said_to_be_held_by_another_program(file: Path, now: datetime) -> None:
    holder, other = connect(f"sqlite:///{file}"), connect(f"sqlite:///{file}", busy_timeout_ms=10)
    with writing(holder):
        with pytest.raises(StorageError, match=r"recmail\.db: database is locked: another program holds it"):
            add(other, now)
        with reading(other) as connection:  # reading goes on beside a writer
            assert connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) == 0


def test_a_read_only_database_can_be_read_and_says_so_when_written(file: Path, now: datetime) -> None:
    engine = connect(f"sqlite:///file:{file}?mode=ro&uri=true")
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) == 0
    with pytest.raises(StorageError, match="cannot be written; check its permissions"):
        add(engine, now)


def test_a_full_disk_is_named_and_what_was_committed_stays(file: Path, now: datetime) -> None:
    engine = connect(f"sqlite:///{file}")
    add(engine, now)
    limited = connect(f"sqlite:///{file}")

    @sa.event.listens_for(limited, "connect")
    def _limit(dbapi_connection, _record) -> None:
        dbapi_connection.execute("PRAGMA max_page_count = 1")  # SQLite keeps the pages it has, and no more

    with pytest.raises(StorageError, match="disk is full: make room and run the same command again"):
        add(limited, now, first=1, count=50_000)
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(suppressions)) == 1


def test_another_file_is_not_taken_for_a_database(tmp_path: Path) -> None:
    path = tmp_path / "recmail.db"
    path.write_text("user_id,email\n" * 500)
    with (
        pytest.raises(StorageError, match="something else than a SQLite database"),
        reading(connect(f"sqlite:///{path}")) as connection,
    ):
        connection.execute(sa.select(suppressions))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="its folder does not exist"),
        reading(connect(f"sqlite:///{tmp_path}/none/recmail.db")) as connection,
    ):
        connection.execute(sa.select(suppressions))


def test_an_empty_database_says_how_to_make_the_tables(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="recmail init --upgrade"),
        reading(connect(f"sqlite:///{tmp_path}/recmail.db")) as connection,
    ):
        connection.execute(sa.select(suppressions))


@pytest.mark.parametrize(
    "url",
    ["mysql+nothing://x", "no url", "postgresql:/bob:s3cret@h/db", "postgresql://bob:p@ss:s3cret/x@h/db"],
)
def test_an_unknown_kind_of_database_is_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(StorageError, match="is not a URL that recmail knows") as raised:
        connect(url)
    assert "s3cret" not in str(raised.value)


def test_a_server_that_is_down_is_a_storage_error() -> None:
    engine = connect("postgresql://nobody:secret@127.0.0.1:1/none")
    with pytest.raises(StorageError) as raised, reading(engine):
        pass
    assert "127.0.0.1" in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_times_are_read_whatever_the_style_of_the_database(database_url: str, now: datetime) -> None:
    first = connect(database_url)
    add(first, now)
    with writing(first) as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        for setting in (
            "datestyle = 'German, DMY'",
            "intervalstyle = 'iso_8601'",
            "timezone = 'Asia/Kolkata'",
        ):
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET {setting}")
    first.dispose()
    then = connect(database_url)
    with reading(then) as connection:
        assert connection.scalar(sa.select(suppressions.c.at)) == now
        assert connection.scalar(sa.text("SELECT interval '1 day 2 hours'")) == timedelta(days=1, hours=2)
        assert connection.exec_driver_sql("SELECT '2026-11-02'::date::text").scalar_one() == "2026-11-02"
    with reading(then) as connection:  # a connection that is used again
        assert connection.exec_driver_sql("SHOW intervalstyle").scalar_one() == "postgres"
    then.dispose()


def test_an_asynchronous_driver_is_answered_with_the_address_to_write() -> None:
    with pytest.raises(StorageError, match=r"reached by psycopg: write postgresql://USER") as raised:
        connect("postgresql+psycopg_async://bob:s3cret@h/db")
    assert "s3cret" not in str(raised.value)


def test_bulk_writing_leaves_the_connection_as_it_was(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'a.db'}")
    names = ("synchronous", "wal_autocheckpoint")

    def state() -> list[int]:
        with reading(engine) as connection:
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    before = state()
    with writing_in_bulk(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        inside = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
    tidy_log(engine)
    assert (before, inside, state()) == ([2, 1000], [1, 0], [2, 1000])
    with suppress(KeyError), writing_in_bulk(engine) as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        raise KeyError
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 0
    assert state() == before
    engine.dispose()
