"""INSERT with ON CONFLICT in the dialect of whichever database it is; PostgreSQL's takes 25 ms to import."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """Return an insert that has `on_conflict_do_nothing`, `on_conflict_do_update` and `excluded`."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
