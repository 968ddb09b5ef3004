"""What people have most, to show where a rule finds nobody: the data may spell it otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from recmail.db.tables import users
from recmail.segment.fields import Field, Type
from recmail.segment.sql import attribute
from recmail.segment.tree import All, AnyOf, Compare, Node, OneOf

_LISTED = 5
_SHARED = ("country", "language", "timezone")  # the other texts are ids and names, each of few people


@dataclass(frozen=True)
class Common:
    """A value of a field, and how many people have it."""

    field: str
    value: str
    people: int


def most_common(
    connection: sa.Connection, node: Node, among_whom: Sequence[sa.ColumnElement[bool]]
) -> list[Common]:
    """The most common values, five at most, of each text that a rule wants to be something."""
    found = []
    for field in dict.fromkeys(_wanted(node)):
        column = attribute(users, field.name, field.type) if field.attribute else users.c[field.name]
        values = sa.select(column.label("value")).where(*among_whom).subquery()
        count = sa.func.count().label("people")
        query = sa.select(values.c.value, count).where(values.c.value.is_not(None)).group_by(values.c.value)
        rows = connection.execute(query.order_by(count.desc(), values.c.value).limit(_LISTED))
        found += [Common(field.name, value, people) for value, people in rows]
    return found


def _wanted(node: Node) -> Iterator[Field]:
    match node:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _wanted(part)
        case Compare(field, "==") | OneOf(field, negated=False):
            if field.type is Type.TEXT and (field.attribute or field.name in _SHARED):
                yield field
