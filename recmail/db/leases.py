"""Leases by name: what only one process may do at a time, and which processes are there at all."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from recmail.db.ledger_rows import lease_now, lease_until, lease_values
from recmail.db.tables import leases

LEASE = timedelta(seconds=60)


def take_lease(connection: sa.Connection, name: str, holder: str, lease: timedelta = LEASE) -> bool:
    """Take a lease, or push one's own forward; False while another holder has it."""
    dialect = connection.dialect.name
    insert = sqlite_insert if dialect == "sqlite" else postgresql_insert
    # ON CONFLICT decides and writes in one step: on PostgreSQL the second of two waits for the first to
    # commit, and then looks at what it wrote.
    statement = insert(leases).values(name=name, holder=holder, until=lease_until(dialect))
    statement = statement.on_conflict_do_update(
        index_elements=[leases.c.name],
        set_={"holder": statement.excluded.holder, "until": statement.excluded.until},
        where=(leases.c.holder == holder) | (leases.c.until <= lease_now(dialect)),
    )
    values = lease_values(connection, None, lease)
    return connection.execute(statement.returning(leases.c.name), values).first() is not None


def drop_lease(connection: sa.Connection, name: str, holder: str) -> None:
    """Give a lease back, if it is still one's own."""
    connection.execute(sa.delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def is_held(connection: sa.Connection, name: str) -> bool:
    """Somebody holds a lease now."""
    return bool(held_leases(connection, name))


def held_leases(connection: sa.Connection, beginning: str) -> list[str]:
    """The names of all leases that are held now and begin so, in order."""
    now = lease_now(connection.dialect.name)
    query = sa.select(leases.c.name).where(leases.c.name.startswith(beginning, autoescape=True))
    query = query.where(leases.c.until > now).order_by(leases.c.name)
    return list(connection.scalars(query, lease_values(connection, None)))
