"""Rows that are due and have to wait: put back in line for later, without a try being counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa

from recmail.db.ledger_rows import (
    CLAIM_COLUMNS,
    as_rows,
    batch,
    lock_runs,
    same_key,
    state_is,
    waiting_again,
)
from recmail.db.tables import ledger
from recmail.db.types import UtcTime
from recmail.records import Claim, MessageState

S = MessageState
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


def _not_past_the_end(until: sa.ColumnElement[datetime]) -> sa.ColumnElement[datetime]:
    return sa.case((ledger.c.send_before < until, ledger.c.send_before), else_=until)
