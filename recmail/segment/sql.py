"""Conditions as SQL: how they are joined, and what SQLite and PostgreSQL write differently."""

# ruff: noqa: D102 - conditions.py says what each method answers

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import FromClause
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from recmail.segment.conditions import Conditions
from recmail.segment.fields import Type

Condition: TypeAlias = sa.ColumnElement[bool]

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


class SqlConditions(Conditions[Condition]):
    """Conditions on the rows of a table."""

    def everything(self) -> Condition:
        return sa.true()

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        return sa.and_(*parts)

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        return sa.or_(*parts)

    def opposite(self, part: Condition) -> Condition:
        return sa.not_(part)


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
