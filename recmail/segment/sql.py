"""What SQLite and PostgreSQL write differently: attributes, long lists of courses, and small letters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import FromClause
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from recmail.segment.fields import Type

_SQLITE = {
    Type.NUMBER: "CASE WHEN json_type({0}, {1}) IN ('integer', 'real') THEN json_extract({0}, {1}) END",
    Type.BOOLEAN: "CASE json_type({0}, {1}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END",
    Type.TEXT: "CASE json_type({0}, {1}) WHEN 'text' THEN json_extract({0}, {1}) END",
}
_POSTGRESQL = {
    Type.NUMBER: "CASE json_typeof({0} -> {1}) WHEN 'number' THEN CAST({0} ->> {1} AS DOUBLE PRECISION) END",
    Type.BOOLEAN: "CASE json_typeof({0} -> {1}) WHEN 'boolean' THEN CAST({0} ->> {1} AS BOOLEAN) END",
    Type.TEXT: "CASE json_typeof({0} -> {1}) WHEN 'string' THEN ({0} ->> {1}) COLLATE \"C\" END",
}
_SQL_TYPES: dict[Type, TypeEngine[Any]] = {
    Type.NUMBER: sa.Float(),
    Type.BOOLEAN: sa.Boolean(),
    Type.TEXT: sa.Text(),
}


class _Attribute(FunctionElement[Any]):
    """A declared attribute; NULL when it is not there, or of another type than declared.

    PostgreSQL compares texts by code point, as SQLite does; import keeps dates as text.
    """

    inherit_cache = False  # its SQL depends on the kind, which is no part of the cache's key

    def __init__(self, column: sa.ColumnElement[Any], name: str, kind: Type) -> None:
        self.kind = kind
        self.type = _SQL_TYPES[kind]
        super().__init__(column, sa.literal(name, sa.Text), sa.literal(f'$."{name}"', sa.Text))


def attribute(people: FromClause, name: str, kind: Type) -> sa.ColumnElement[Any]:
    """A declared attribute of people as a number, truth or text; days are texts such as 2026-01-31."""
    return _Attribute(people.c.attributes, name, Type.TEXT if kind is Type.DAY else kind)


@compiles(_Attribute, "sqlite")
def _attribute_sqlite(element: _Attribute, compiler: Any, **options: Any) -> str:
    column, path = (compiler.process(clause, **options) for clause in tuple(element.clauses)[::2])
    return f"({_SQLITE[element.kind].format(column, path)})"


@compiles(_Attribute, "postgresql")
def _attribute_postgresql(element: _Attribute, compiler: Any, **options: Any) -> str:
    column, key = (compiler.process(clause, **options) for clause in tuple(element.clauses)[:2])
    return f"({_POSTGRESQL[element.kind].format(column, key)})"


class _Numbers(sa.types.TypeDecorator[Sequence[int]]):
    """A list of numbers as one parameter: an array on PostgreSQL, JSON on SQLite."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Choose the database's own type."""
        postgresql = dialect.name == "postgresql"
        return dialect.type_descriptor(ARRAY(sa.BigInteger()) if postgresql else sa.Text())

    def process_bind_param(self, value: Sequence[int] | None, dialect: sa.Dialect) -> Any:
        """Write the list as the database takes it."""
        return value if dialect.name == "postgresql" else json.dumps(value)


class _Among(FunctionElement[bool]):
    inherit_cache = True
    type = sa.Boolean()

    def self_group(self, against: Any = None) -> Any:
        """Stand beside `and` as it is: `(...) = 1`, SQLAlchemy's way on SQLite, would use no index."""
        return self


def among(column: sa.ColumnElement[Any], numbers: Sequence[int]) -> sa.ColumnElement[bool]:
    """`column IN (numbers)` as one parameter, however many there are, before a connection is known."""
    return _Among(column, sa.bindparam(None, list(numbers), _Numbers()))


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: Any, **options: Any) -> str:
    column, numbers = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({numbers})))"  # noqa: S608 - a bind parameter's name


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: Any, **options: Any) -> str:
    column, numbers = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY ({numbers}))"


class _LowerAscii(FunctionElement[str]):
    inherit_cache = True
    type = sa.Text()


def lower_ascii(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """A text with A to Z in small letters and nothing else changed, which is what SQLite's lower() does."""
    return _LowerAscii(column)


@compiles(_LowerAscii, "sqlite")
def _lower_sqlite(element: _LowerAscii, compiler: Any, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(_LowerAscii, "postgresql")
def _lower_postgresql(element: _LowerAscii, compiler: Any, **options: Any) -> str:
    return f'lower(({compiler.process(element.clauses, **options)}) COLLATE "C")'
