"""A list of values as one parameter, so that a statement keeps one text however long the list is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class _Listed(sa.types.TypeDecorator[Sequence[Any]]):
    """A list of values of one type: an array on PostgreSQL, JSON on SQLite."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Choose the database's own type."""
        return dialect.type_descriptor(sa.ARRAY(self.item) if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: sa.Dialect) -> Any:
        """Write the list as the database takes it."""
        return value if dialect.name == "postgresql" else json.dumps(value)


class _Among(FunctionElement[bool]):
    inherit_cache = True
    type = sa.Boolean()

    def self_group(self, against: Any = None) -> Any:
        """Stand beside `and` as it is: `(...) = 1`, SQLAlchemy's way on SQLite, would use no index."""
        return self


def among(column: sa.ColumnElement[Any], values: Sequence[int] | Sequence[str]) -> sa.ColumnElement[bool]:
    """`column IN (values)` for any number of values: `= ANY(array)` or json_each, never a parameter each.

    SQLite takes at most 32,766 parameters, and SQLAlchemy writes a new statement for every length.
    """
    return _Among(column, sa.bindparam(None, list(values), _Listed(column.type)))


def among_parameter(column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """The same for a list that is given when the statement is run, under this name."""
    return _Among(column, sa.bindparam(name, type_=_Listed(column.type)))


def in_range(
    column: sa.ColumnElement[int], low: int, high: int, *, few: Sequence[int] | None
) -> sa.ColumnElement[bool]:
    """`low <= column < high`, and of that range only a few numbers, unless `few` is None."""
    bounds = column >= low, column < high
    return sa.and_(*bounds) if few is None else sa.and_(*bounds, among(column, few))


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 - a bind parameter's name


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY ({values}))"
