"""A list of values as one parameter, so that a statement keeps one text however long the list is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY


def among(
    connection: sa.Connection, column: sa.ColumnElement[Any], values: Sequence[int] | Sequence[str]
) -> sa.ColumnElement[bool]:
    """`column IN (values)` for any number of values: `= ANY(array)` or json_each, never a parameter each.

    SQLite takes at most 32,766 parameters, and SQLAlchemy writes a new statement for every length.
    """
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.bindparam(None, list(values), ARRAY(column.type)))
    listed = sa.func.json_each(json.dumps(list(values))).table_valued(sa.column("value", column.type))
    return column.in_(sa.select(listed.c.value))
