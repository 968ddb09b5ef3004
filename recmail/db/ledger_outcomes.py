"""What is known of how the messages of a run were received, since it was last let go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db.tables import audit, events, ledger
from recmail.db.types import UtcTime
from recmail.records import MessageState, RunState

_HARD = ("refused_recipient",)


@dataclass(frozen=True)
class Answered:
    """Messages of a run that were answered for good, and those of addresses that take none."""

    tried: int = 0
    refused: int = 0


def let_go_at(connection: sa.Connection, run_no: int) -> datetime | None:
    """When a person last let the run go; what was before, they have seen."""
    last = sa.select(sa.func.max(audit.c.at, type_=UtcTime()))
    return connection.execute(
        last.where(audit.c.run_no == run_no, audit.c.action == RunState.SENDING.value)
    ).scalar()


def answered(connection: sa.Connection, run_no: int, since: datetime | None) -> Answered:
    """Count a run's answers; reads all its rows, so once for each worker."""
    hard = ledger.c.reason.in_(_HARD)
    tried = sa.or_(ledger.c.state == MessageState.SENT.value, ledger.c.reason.is_not(None))
    query = sa.select(sa.func.count().filter(tried), sa.func.count().filter(hard)).where(
        ledger.c.run_no == run_no, ledger.c.intent_at.is_not(None)
    )
    if since is not None:
        query = query.where(ledger.c.intent_at >= since)
    return Answered(*connection.execute(query).one())


def people_with_event(connection: sa.Connection, run_no: int, kind: str, since: datetime | None) -> int:
    """How many people of a run an event of this kind came back from."""
    query = sa.select(sa.func.count(events.c.user_no.distinct())).where(
        events.c.run_no == run_no, events.c.kind == kind
    )
    if since is not None:
        query = query.where(events.c.at >= since)
    return int(connection.scalar(query) or 0)


def people_by_event(connection: sa.Connection, run_no: int) -> dict[str, int]:
    """How many people of a run an event of each kind came back from; what machines did is left out."""
    kind, people = events.c.kind, sa.func.count(events.c.user_no.distinct())
    query = sa.select(kind, people).where(events.c.run_no == run_no, events.c.by_machine.is_(False))
    return {name: int(count) for name, count in connection.execute(query.group_by(kind))}
