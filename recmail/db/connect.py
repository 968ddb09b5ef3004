"""Opening the database: one place for SQLite's and PostgreSQL's settings, and for their errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, InterfaceError, NoSuchModuleError

from recmail.errors import StorageError

BUSY_TIMEOUT_MS = 30_000
# MB of pages instead of 2: importing 300,000 interactions went from 16,800 to 38,600 rows/s with 64, and with
# those an import needed more than 250 MB in all.
CACHE_MIB = 48
_LOG_PAGES = 1_000  # SQLite's own: so many wait in its log before they are brought into the file
_NEEDS_DRIVER = (
    "PostgreSQL is reached by psycopg: write postgresql://USER:PASSWORD@HOST/NAME, and install it with: "
    "pip install 'recmail[postgres]'"
)
_KEPT = 64  # connections to SQLite: senders read beside one another, and opening one takes a millisecond
_CONNECT_TIMEOUT_S = 10  # of PostgreSQL; without one a server that is gone keeps everybody for minutes


def connect(url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS, cache_mib: int = CACHE_MIB) -> sa.Engine:
    """Make an engine for a database URL; nothing is opened until it is used.

    Args:
        cache_mib: of each connection to SQLite.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = sa.create_engine(parsed, **_pool(parsed))
    except (sa.exc.ArgumentError, NoSuchModuleError, ValueError):
        # Neither the URL nor the driver's text is repeated: both may hold a password.
        raise StorageError(
            "the database is not a URL that recmail knows; expected sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/NAME, signs in the password written as %40 and so on"
        ) from None
    except ModuleNotFoundError as error:
        raise StorageError(_NEEDS_DRIVER) from error
    if engine.dialect.is_async:
        raise StorageError(_NEEDS_DRIVER)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, busy_timeout_ms, cache_mib)
    elif engine.dialect.name == "postgresql":
        _prepare_postgresql(engine)
    return engine


def _pool(url: sa.URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"check_same_thread": False}, "pool_size": _KEPT}
    limit = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_TIMEOUT_S}
    return {"pool_pre_ping": True, "connect_args": limit}


def _prepare_sqlite(engine: sa.Engine, busy_timeout_ms: int, cache_mib: int) -> None:
    @sa.event.listens_for(engine, "connect")
    def _set_pragmas(dbapi_connection: Any, _record: Any) -> None:
        # The driver would begin transactions by itself, deferred: that way two workers claimed
        # 9 % of the same rows without an error. We begin them ourselves, below.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {busy_timeout_ms:d}")
        if cursor.execute("PRAGMA query_only").fetchone()[0] == 0:
            _set_journal(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA cache_size = {-1024 * cache_mib:d}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        mode = connection.get_execution_options().get("begin", "DEFERRED")
        driver: Any = connection.connection.driver_connection
        driver.execute(f"BEGIN {mode}")


def _prepare_postgresql(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _set_styles(dbapi_connection: Any, _record: Any) -> None:
        # The server, the database or our role may have others, and psycopg reads times in ISO only. A server
        # greets with its own (PostgreSQL, "Asynchronous Operations"): where they are right nothing is asked.
        status = dbapi_connection.info.parameter_status
        if (status("DateStyle") or "").startswith("ISO") and status("IntervalStyle") == "postgres":
            return
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SET datestyle = 'ISO, MDY'")
            cursor.execute("SET intervalstyle = 'postgres'")
        dbapi_connection.commit()


def _set_journal(cursor: Any) -> None:
    import sqlite3

    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        # A read-only file or folder cannot change its journal; reading still works, and the first
        # write says clearly what is wrong.
        return


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection for reading: one consistent view of the database, on PostgreSQL too."""
    with _translated(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction for writing, committed at the end; on SQLite it takes the write lock at once."""
    with _translated(engine), engine.connect() as connection:
        connection = connection.execution_options(begin="IMMEDIATE")
        with connection.begin():
            yield connection


@contextmanager
def writing_in_bulk(engine: sa.Engine) -> Iterator[sa.Connection]:
    """The same for one of many transactions that are begun anew after a loss of power.

    SQLite keeps their order and may lose the last of them; the next commit of `writing` makes all of them
    lasting. They do not wait for the disk, which was 30 % of an import's time; `tidy_log` after a while does.
    """
    with _translated(engine), engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA synchronous = NORMAL")
        driver.execute("PRAGMA wal_autocheckpoint = 0")
        try:
            with connection.execution_options(begin="IMMEDIATE").begin():
                yield connection
        finally:
            if not connection.invalidated:  # by Ctrl-C in a statement: then it is closed and never used again
                driver.execute("PRAGMA synchronous = FULL")
                driver.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")


def tidy_log(engine: sa.Engine) -> None:
    """Bring what `writing_in_bulk` wrote from SQLite's log into its file; nobody waits for it meanwhile.

    The first commit to the log that begins anew waits for the disk, 7 to 400 ms on a busy one, while it holds
    up other writers: so it is made here, of nothing, and not at the end of a long transaction.
    """
    import sqlite3

    if engine.dialect.name != "sqlite":
        return
    with _translated(engine), engine.connect() as connection:
        driver: Any = connection.connection.driver_connection  # SQLAlchemy would begin a transaction
        try:
            driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            raise StorageError(_explain(engine, str(error))) from error
    with writing_in_bulk(engine) as connection:
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version = {version:d}")


def file_bytes(engine: sa.Engine) -> int:
    """The size of SQLite's file with its log; 0 for another database."""
    path = Path(engine.url.database or "")
    if engine.dialect.name != "sqlite":
        return 0
    return sum(one.stat().st_size for one in (path, path.with_name(f"{path.name}-wal")) if one.is_file())


def rewrite_file(engine: sa.Engine) -> bool:
    """Write SQLite's file anew and empty its log; False when readers keep the log. Writers wait meanwhile.

    After a deletion secure_delete is not enough: pages that were balanced, or freed before it was on, keep
    old bytes (https://sqlite.org/pragma.html#pragma_secure_delete; a test finds them).
    """
    with _translated(engine), engine.connect() as connection:
        driver: Any = connection.connection.driver_connection  # SQLAlchemy would begin a transaction
        driver.execute("VACUUM")
        return not driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


@contextmanager
def _translated(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        if isinstance(error, sa.exc.IntegrityError | sa.exc.DataError | sa.exc.ProgrammingError):
            raise  # a bug of ours: let it trace
        raise StorageError(_explain(engine, str(error.orig))) from error
    except _driver(engine).Error as error:  # of statements that db.prepared runs
        driver = _driver(engine)
        if isinstance(error, driver.IntegrityError | driver.DataError | driver.ProgrammingError):
            raise
        raise StorageError(_explain(engine, str(error))) from error


def _driver(engine: sa.Engine) -> Any:
    return engine.dialect.dbapi


def _explain(engine: sa.Engine, found: str) -> str:
    where = _name(engine)
    advice = {
        "locked": "another program holds it for writing; close that program or try again",
        "readonly": "it, or its folder, cannot be written; check its permissions and owner",
        "disk is full": "make room and run the same command again: what was committed is kept",
        "unable to open": "its folder does not exist or may not be read; check the path",
        "no such table": "it has no recmail tables; run: recmail init --upgrade",
        "malformed": "the file is damaged; restore it from a backup",
        "not a database": "the file is something else than a SQLite database",
    }
    for sign, what_to_do in advice.items():
        if sign in found:
            return f"{where}: {found}: {what_to_do}"
    return f"{where}: {found}"


def _name(engine: sa.Engine) -> str:
    if engine.dialect.name == "sqlite" and engine.url.database:
        return Path(engine.url.database).name
    return engine.url.render_as_string(hide_password=True)
