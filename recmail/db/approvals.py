"""Who approved a run, and what they signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db.tables import approvals, runs


@dataclass(frozen=True)
class Signature:
    """One approval.

    Attributes:
        content_hash: of the plan that was approved.
        stands_for: how many people approve by it: more than one when recmail repeats what people approved.
    """

    who: str
    at: datetime
    content_hash: str
    stands_for: int


def person_of(who: str) -> str:
    """Who somebody is, whichever machine or container they work on."""
    return who.partition("@")[0].strip().casefold()


def signatures(connection: sa.Connection, run_no: int) -> list[Signature]:
    """Who approved a run, in order."""
    columns = (approvals.c.who, approvals.c.at, approvals.c.content_hash, approvals.c.stands_for)
    query = sa.select(*columns).where(approvals.c.run_no == run_no)
    return [Signature(*row) for row in connection.execute(query.order_by(approvals.c.at, approvals.c.who))]


def sign(
    connection: sa.Connection, run_no: int, *, who: str, now: datetime, content_hash: str, stands_for: int
) -> bool:
    """Add an approval, and hold the run until the transaction ends; False when this person gave theirs."""
    connection.execute(sa.select(runs.c.run_no).where(runs.c.run_no == run_no).with_for_update())
    mine = sa.and_(approvals.c.run_no == run_no, approvals.c.person == person_of(who))
    if connection.scalar(sa.select(approvals.c.person).where(mine)) is not None:
        return False
    row = {"run_no": run_no, "person": person_of(who), "who": who, "at": now}
    connection.execute(approvals.insert().values(**row, content_hash=content_hash, stands_for=stands_for))
    return True
