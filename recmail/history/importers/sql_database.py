"""Somebody else's database: opened so that it can only be read, its errors told without its password."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

from recmail.errors import DataError, StorageError
from recmail.settings import Secret
from recmail.settings.secret import HIDDEN, hide

_WAIT_S = 30
# SQLite calls these operational, and they are mistakes in the query all the same.
_WRONG_QUERY = re.compile(
    r"syntax error|incomplete input|no such (?:table|column|function)|readonly|ambiguous|wrong number"
)
_USUAL = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "oracle": "oracle+oracledb",
}
"""What a URL means that names no driver."""
_TIME_LIMITED = ("psycopg", "psycopg2", "pymysql", "mysqldb")  # drivers that know connect_timeout
_PACKAGES = {
    "postgresql": "'recmail[postgres]'",
    "mysql": "pymysql",
    "mariadb": "pymysql",
    "mssql": "pyodbc",
    "oracle": "oracledb",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "redshift": "sqlalchemy-redshift",
    "duckdb": "duckdb-engine",
    "clickhouse": "clickhouse-sqlalchemy",
}


@dataclass(frozen=True)
class Database:
    """A URL that SQLAlchemy knows; the path of a SQLite file is relative to the project."""

    url: Secret | str
    folder: Path

    def connect(self) -> sa.Connection:
        """Open a connection in a transaction that cannot write; times come in UTC.

        Raises:
            ConfigError: the secret that holds the URL cannot be read.
            DataError: it is no URL, or its driver is not installed.
            StorageError: the database cannot be reached.
        """
        engine = self._engine()
        try:
            connection = engine.connect()
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(
                    postgresql_readonly=True, isolation_level="REPEATABLE READ"
                )
                for setting in ("TIME ZONE 'UTC'", "datestyle = 'ISO'", "intervalstyle = 'postgres'"):
                    connection.exec_driver_sql(f"SET LOCAL {setting}")  # whatever the server's own are
                if engine.dialect.driver == "psycopg":
                    _read_times_as_text(connection)
        except DBAPIError as error:
            raise explained(error, engine) from error
        return connection

    def _engine(self) -> sa.Engine:
        text = self.url.reveal() if isinstance(self.url, Secret) else self.url
        try:
            url = sa.make_url(text)
            url = url.set(drivername=_USUAL.get(url.drivername, url.drivername))
            dialect = url.get_dialect()
            if dialect.is_async:
                message = f"is an asynchronous driver, which is of no use here; write {dialect.name}://"
                raise DataError(f"{hide(url.drivername)}:// {message}")
            if dialect.name == "sqlite":
                return self._sqlite(url)
            wait = {"connect_timeout": _WAIT_S} if dialect.driver in _TIME_LIMITED else {}
            return sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=wait)
        except (NoSuchModuleError, ModuleNotFoundError):
            raise DataError(_install(url)) from None
        except (sa.exc.ArgumentError, ValueError):  # neither text is repeated: both may hold the password
            raise DataError(
                f"{self.url if isinstance(self.url, Secret) else 'url'} is not a database's URL, such as "
                "postgresql://USER:PASSWORD@HOST/NAME, signs in the password written as %40 and so on"
            ) from None

    def _sqlite(self, url: sa.URL) -> sa.Engine:
        path = self.folder / (url.database or "")
        if not path.is_file():
            raise StorageError(f"{url.database or 'sqlite'}: there is no such file")

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_WAIT_S)

        return sa.create_engine("sqlite://", poolclass=sa.pool.NullPool, creator=connect)


def _install(url: sa.URL) -> str:
    """Say how to get the driver of a database: the usual one, whatever the URL names."""
    name = url.get_backend_name()
    if name not in _PACKAGES:
        return f"the driver of {hide(name)} databases is not installed; it needs its dialect for SQLAlchemy"
    is_usual = url.drivername in (name, _USUAL.get(name))
    rewrite = "" if is_usual else f"write {name}:// and "
    return f"the driver of {name} databases is not installed; {rewrite}run: pip install {_PACKAGES[name]}"


def _read_times_as_text(connection: sa.Connection) -> None:
    # "infinity", and years that Python has not, would fail a whole query; as text they are one rejected row.
    from psycopg.types.string import TextLoader

    driver: Any = connection.connection.driver_connection
    for name in ("timestamptz", "timestamp", "date"):
        driver.adapters.register_loader(name, TextLoader)


def bound_time(connection: sa.Connection, moment: datetime) -> object:
    """A time as the database compares it with a column of times in UTC."""
    if connection.dialect.name == "postgresql":
        return moment
    naive = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return naive.isoformat(" ") if connection.dialect.name == "sqlite" else naive


def explained(error: DBAPIError, engine: sa.Engine) -> DataError | StorageError:
    """What a database said: about the query, or that it cannot be reached."""
    diagnosis = getattr(error.orig, "diag", None)
    primary, hint = (getattr(diagnosis, name, None) for name in ("message_primary", "message_hint"))
    said = (
        f"{primary}{f' ({hint})' if hint else ''}" if primary else str(error.orig).strip().partition("\n")[0]
    )
    password = engine.url.password
    said = hide(said.replace(str(password), HIDDEN) if password else said)
    unreachable = isinstance(error, OperationalError | InterfaceError) and not _WRONG_QUERY.search(said)
    if unreachable or error.connection_invalidated:
        return StorageError(f"the database cannot be read: {said}")
    return DataError(f"the query is refused: {said}")
