"""What all workers together have used of a limit: taken ahead in portions, never more than there is."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from recmail.db.tables import quotas


@dataclass(frozen=True)
class Taken:
    """What a worker got.

    Attributes:
        granted: messages it may send within the slot.
        oldest: the first slot that counts and of which something was used.
    """

    granted: int
    oldest: int


def take_quota(
    connection: sa.Connection, scope: str, *, slot: int, since: int, most: int, wanted: range
) -> Taken:
    """Take a portion of a limit for the time of a slot, in a transaction of its own.

    Args:
        since: the first slot that still counts.
        most: how many the slots that count may have together.
        wanted: from what is needed to what would be good to have. Of what is left, no more than a quarter is
            taken beyond the need: there may be other workers.
    """
    _lock(connection, scope)
    of_scope = quotas.c.scope == scope
    connection.execute(sa.delete(quotas).where(of_scope, quotas.c.slot < since))
    # Slots far ahead were used by somebody who tried out another time.
    counted = sa.select(sa.func.coalesce(sa.func.sum(quotas.c.used), 0), sa.func.min(quotas.c.slot))
    ahead = slot + max(1, slot - since)
    used, oldest = connection.execute(
        counted.where(of_scope, quotas.c.slot <= ahead, quotas.c.used > 0)
    ).one()
    left = max(0, most - int(used))
    granted = min(left, max(wanted.start, min(wanted.stop, left // 4)))
    if granted:
        _add(connection, scope, slot, granted)
    return Taken(granted, slot if oldest is None else int(oldest))


def return_quota(connection: sa.Connection, scope: str, *, slot: int, unused: int) -> None:
    """Give back what was taken and not used."""
    here = (quotas.c.scope == scope) & (quotas.c.slot == slot)
    connection.execute(sa.update(quotas).where(here).values(used=quotas.c.used - unused))


def _lock(connection: sa.Connection, scope: str) -> None:
    """Let one worker look and take at a time; SQLite's writers take turns anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(scope))))


def _add(connection: sa.Connection, scope: str, slot: int, count: int) -> None:
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = insert(quotas).values(scope=scope, slot=slot, used=count)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[quotas.c.scope, quotas.c.slot],
            set_={"used": quotas.c.used + statement.excluded.used},
        )
    )
