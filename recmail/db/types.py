"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time, exactly (a float of seconds loses the last digits)."""
    return (moment - EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The aware UTC time of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=value)


def to_utc(value: int | datetime) -> datetime:
    """The aware UTC time of what a driver gives for a column of UtcTime."""
    return value.astimezone(UTC) if isinstance(value, datetime) else from_microseconds(value)


def clean(text: str) -> str:
    """Return text as PostgreSQL takes it: without NUL and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC time: `timestamptz` on PostgreSQL, integer microseconds since 1970 on SQLite."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Choose the database's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """Refuse naive times: they are how people get mail at the wrong hour."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}; every time in recmail carries its zone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else to_microseconds(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        """Read the time back as aware UTC."""
        return None if value is None else to_utc(value)


def microseconds(connection: sa.Connection, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """A time in a query as microseconds since 1970, without a Python object for each row."""
    if connection.dialect.name == "sqlite":
        return sa.type_coerce(moment, sa.BigInteger)
    return sa.cast(sa.extract("epoch", moment) * 1_000_000, sa.BigInteger)


def moved(
    connection: sa.Connection, moment: sa.ColumnElement[Any], by: timedelta
) -> sa.ColumnElement[datetime]:
    """A time in a query, later by so much (earlier when `by` is negative)."""
    if connection.dialect.name == "sqlite":
        number = sa.type_coerce(moment, sa.BigInteger) + sa.literal(by // _MICROSECOND, sa.BigInteger)
        return sa.type_coerce(number, UtcTime())
    return sa.type_coerce(
        sa.type_coerce(moment, sa.DateTime(timezone=True)) + sa.literal(by, sa.Interval()), UtcTime()
    )
