"""A query on any database that SQLAlchemy reaches: read only, streamed, from the newest time read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import sqlalchemy as sa
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from sqlalchemy.exc import DBAPIError

from recmail.db.types import EPOCH
from recmail.errors import DataError
from recmail.history.importers import Chunk, Knows, Piece, SourceOptions
from recmail.history.importers.sql_database import Database, bound_time, explained
from recmail.history.importers.sql_statement import as_template, check_query, has_since
from recmail.history.importers.typed import texts
from recmail.settings import Secret, parse_duration
from recmail.settings.source import shown

CHUNK_ROWS = 20_000
_AFTER_ALL = (
    10**18
)  # more than any time in microseconds; as a text, which some columns make of it, before 2000


def _database(value: object, info: ValidationInfo) -> object:
    if not value or not isinstance(value, str | Secret):
        raise ValueError(f"found {shown(value)}; expected a database's URL, as env:NAME or file:PATH")
    return Database(value, (info.context or {}).get("folder", Path()))


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise ValueError(f"found {shown(value)}; expected a duration such as 3d")  # noqa: TRY004 - for pydantic
    return parse_duration(value)


class Sql(SourceOptions):
    """[sources.NAME] with a key sql.

    Attributes:
        sql: one SELECT; :since in it is the newest time that was read before, 1970 at the first time. For
            users and courses, whose rows carry no time, it is when they were last read.
        url: of the database.
        overlap: how much earlier :since is, for rows that become visible late.
    """

    whereabouts: ClassVar[frozenset[str]] = SourceOptions.whereabouts | {"url", "overlap"}

    sql: Annotated[str, AfterValidator(check_query)] = Field(description="One SELECT; may use :since")
    url: Annotated[Database, BeforeValidator(_database)] = Field(
        description="The database's URL, as env:NAME or file:PATH"
    )
    overlap: Annotated[timedelta, BeforeValidator(_duration)] = Field(
        timedelta(days=3), description="How much earlier than the newest row :since is"
    )

    def pieces(self, since: datetime | None) -> Iterator[Piece]:
        """Yield the answer to the query."""
        start = EPOCH if since is None else max(since - self.overlap, EPOCH)
        yield Piece("sql", None, None, partial(Answer, self.url, self.sql, start))


class Answer:
    """An importer for the answer to one query; `close` gives the connection back."""

    bytes_done = bytes_total = 0

    def __init__(self, database: Database, statement: str, since: datetime, _knows: Knows) -> None:
        """Ask, and read the names of the columns.

        Raises:
            ConfigError: the secret that holds the URL cannot be read.
            DataError: the query is refused.
            StorageError: the database cannot be reached.
        """
        self.unmapped = Counter[str]()
        self._result: sa.CursorResult[Any] | None = None
        self._connection = database.connect()
        self._since = since if has_since(statement) else None
        self._query = sa.text(as_template(statement)).execution_options(
            stream_results=True, max_row_buffer=CHUNK_ROWS
        )
        bound = {} if self._since is None else {"since": bound_time(self._connection, self._since)}
        try:
            self._result = self._connection.execute(self._query, bound)
            self.columns = list(map(str, self._result.keys()))
        except DBAPIError as error:
            self.close()
            raise explained(error, self._connection.engine) from error

    def close(self) -> None:
        """Give the connection back."""
        if self._result is not None:
            self._result.close()
        self._connection.close()

    def _check_comparison(self, since: datetime) -> None:
        """Say when the query compares :since with numbers: to SQLite every number is less than a text."""
        newer, newest = (
            self._connection.execute(self._query, {"since": number}).first()
            for number in (int(since.timestamp()), _AFTER_ALL)
        )
        if newer is not None and newest is None:
            raise DataError(
                "the query compares :since, a text such as 2026-11-02 09:00:00, with numbers, and finds "
                "nothing; write unixepoch(:since), or unixepoch(:since) * 1000 for milliseconds"
            )

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows."""
        done = 0
        assert self._result is not None, "asked in __init__"
        try:
            for rows in self._result.partitions(CHUNK_ROWS):
                lines = np.arange(done + 1, done + 1 + len(rows), dtype=np.int64)
                done += len(rows)
                yield Chunk([texts(column) for column in zip(*rows, strict=True)], lines, [])
            if not done and self._since is not None and self._connection.dialect.name == "sqlite":
                self._check_comparison(self._since)
        except DBAPIError as error:
            raise explained(error, self._connection.engine) from error
