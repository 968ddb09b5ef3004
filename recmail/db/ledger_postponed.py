"""Rows that are due and have to wait: put back in line for later, without a try being counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from recmail.db.ledger_rows import (
    CLAIM_COLUMNS,
    as_rows,
    batch,
    lock_runs,
    run_is,
    same_key,
    state_is,
    waiting_again,
)
from recmail.db.tables import ledger, users
from recmail.db.types import UtcTime
from recmail.records import Claim, MessageState, RunState

S = MessageState
POSTPONED_AT_ONCE = 1_000  # no write transaction over 250 ms
Later = tuple[Claim, datetime]
"""A claim, and when its row is to be looked at again."""


def postpone(connection: sa.Connection, later: Sequence[Later]) -> int:
    """Put claimed rows back in line for later; return how many were still ours.

    None waits past its `send_before`: then it is settled as too late at once.
    """
    if not later:
        return 0
    lock_runs(connection, {claim.run_no for claim, _ in later})
    rows = [(claim.run_no, claim.user_no, claim.claim_id, until) for claim, until in later]
    dialect = connection.dialect.name
    return len(connection.execute(_postpone(dialect), {"rows": as_rows(dialect, rows)}).all())


@lru_cache(maxsize=2)
def _postpone(dialect: str) -> sa.UpdateBase:
    mine = batch(dialect, {**CLAIM_COLUMNS, "until": UtcTime()})
    return (
        sa.update(ledger)
        .where(same_key(ledger, mine), ledger.c.claim_id == mine.c.claim_id, state_is(ledger, S.CLAIMED))
        .values(state=waiting_again(ledger.c.run_no), claim_id=None, next_at=_not_past_the_end(mine.c.until))
        .returning(ledger.c.run_no)
    )


def postpone_due(
    connection: sa.Connection,
    run_nos: Collection[int],
    zones: Mapping[str, datetime],
    others: datetime | None,
    *,
    known: Collection[str],
    now: datetime,
) -> int:
    """Let people wait who are due and may not be written to now; return how many, at most so many of a run.

    Args:
        zones: until when, for those zones that have to wait.
        others: until when people wait whose zone is none of `known`; None: they need not.
    """
    dialect, moved = connection.dialect.name, 0
    waits: list[tuple[str, datetime | None]] = [(zone, zones.get(zone)) for zone in known]
    for run_no in sorted(run_nos):
        values: dict[str, Any] = {
            "rows": as_rows(dialect, waits),
            "run": run_no,
            "now": now,
            "others": others,
        }
        moved += len(connection.execute(_postpone_due(dialect), values).all())
    return moved


@lru_cache(maxsize=2)
def _postpone_due(dialect: str) -> sa.UpdateBase:
    zone = batch(dialect, {"zone": sa.Text(), "until": UtcTime()})
    others: sa.BindParameter[datetime] = sa.bindparam("others", type_=UtcTime())
    until = sa.case((zone.c.zone.is_(None), others), else_=zone.c.until)
    now: sa.BindParameter[datetime] = sa.bindparam("now", type_=UtcTime())
    run_no: sa.BindParameter[int] = sa.bindparam("run", type_=sa.BigInteger())
    due = (
        sa.select(ledger.c.run_no, ledger.c.user_no, until.label("until"))
        .join(users, users.c.user_no == ledger.c.user_no)
        .outerjoin(zone, zone.c.zone == users.c.timezone)
        .where(
            ledger.c.run_no == run_no,
            state_is(ledger, S.PLANNED),
            ledger.c.next_at <= now,
            run_is(run_no, RunState.SENDING),
            until.is_not(None),
            sa.or_(ledger.c.send_before.is_(None), ledger.c.send_before > now),
        )
        .limit(POSTPONED_AT_ONCE)
        .with_for_update(of=ledger, skip_locked=True)
        .cte("due")
    )
    return (
        sa.update(ledger)
        .where(same_key(ledger, due))
        .values(next_at=_not_past_the_end(due.c.until))
        .returning(ledger.c.run_no)
    )


def _not_past_the_end(until: sa.ColumnElement[datetime]) -> sa.ColumnElement[datetime]:
    return sa.case((ledger.c.send_before < until, ledger.c.send_before), else_=until)
