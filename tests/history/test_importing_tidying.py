"""The log is tidied beside other work: it begins anew, and what goes wrong with it is said."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, writing, writing_in_bulk
from recmail.errors import StorageError
from recmail.history import importing_tidying
from recmail.history.importers import csv
from recmail.history.importing import ImportOptions, import_file
from recmail.history.importing_target import Counts
from recmail.history.importing_tidying import Tidying
from tests.history.imported import EVENTS, KEY, NOW, Import


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    engine = connect(f"sqlite:///{tmp_path / 'a.db'}", busy_timeout_ms=10)
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    return engine


def write(engine: sa.Engine, rows: int) -> None:
    with writing_in_bulk(engine) as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (?)", [("x" * 1_000,)] * rows)


def logged_pages(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        return int(driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def test_the_log_begins_anew_when_enough_was_written(engine: sa.Engine) -> None:
    with Tidying(engine) as log:
        write(engine, 500)
        log.wrote(39_999)
        log.wait()
        size_before = Path(engine.url.database).with_name("a.db-wal").stat().st_size
        log.wrote(1)
        log.wait()
    assert size_before > 500_000
    assert logged_pages(engine) == 1  # that of the commit with which it began
    write(engine, 1)
    assert logged_pages(engine) < 5


def test_tidying_leaves_the_databases_own_number(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("PRAGMA user_version = 7")
    with Tidying(engine) as log:
        log.wrote(40_000)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 7


def test_what_goes_wrong_is_said_by_whoever_writes_next(engine: sa.Engine) -> None:
    holder = connect(engine.url.render_as_string())
    with writing(holder), Tidying(engine) as log:
        log.wrote(40_000)
        with pytest.raises(StorageError, match="another program holds it for writing"):
            log.wait()
        log.wait()
    holder.dispose()


def test_what_goes_wrong_at_the_end_is_said_too(engine: sa.Engine) -> None:
    holder = connect(engine.url.render_as_string())
    with writing(holder), pytest.raises(StorageError, match="another program"), Tidying(engine) as log:
        log.wrote(40_000)
    holder.dispose()


def test_it_does_not_hide_what_stopped_the_import(engine: sa.Engine) -> None:
    holder = connect(engine.url.render_as_string())
    log = Tidying(engine)
    with writing(holder), suppress(KeyError), log:
        log.wrote(40_000)
        raise KeyError
    holder.dispose()


def test_an_import_that_tidies_after_each_row_brings_the_same(
    filled: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHUNK_ROWS", "_PIECE_ROWS"):
        monkeypatch.setattr(csv, name, 1)
    monkeypatch.setattr(importing_tidying, "_ROWS", 1)
    assert filled("interactions", EVENTS).counts == Counts(added=4)
    assert filled("interactions", EVENTS).counts == Counts(unchanged=4)


def test_ctrl_c_while_the_log_is_tidied_loses_nothing(
    database: sa.Engine, filled: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "events.csv"
    file.write_text(EVENTS)
    monkeypatch.setattr(importing_tidying, "_ROWS", 1)
    with pytest.raises(KeyboardInterrupt, match="interrupted at row 4; what was written is kept"):
        import_file(database, "interactions", file, now=NOW, key=KEY, options=ImportOptions(), progress=stop)
    assert filled("interactions", EVENTS).counts == Counts(unchanged=4)
