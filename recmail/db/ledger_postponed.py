"""Rows that are due and have to wait: put back in line for later, without a try being counted."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from recmail.db.ledger_rows import (
    CLAIM_COLUMNS,
    KEY_COLUMNS,
    as_rows,
    batch,
    lock_runs,
    same_key,
    state_is,
    waiting_again,
)
from recmail.db.tables import ledger, users
from recmail.db.types import UtcTime
from recmail.records import Claim, MessageState

S = MessageState
POSTPONED_AT_ONCE = 1_000  # no write transaction over 250 ms
FOUND_AT_ONCE = 10_000
Later = tuple[Claim, datetime]
"""A claim, and when its row is to be looked at again."""
Asleep = tuple[int, int, datetime]
"""run_no and user_no of a row, and when it is to be looked at again."""


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


def find_asleep(
    connection: sa.Connection,
    run_nos: Collection[int],
    zones: Mapping[str, datetime],
    others: datetime | None,
    *,
    known: Collection[str],
    now: datetime,
) -> list[Asleep]:
    """Rows that are due although their people may not be written to now; of each run FOUND_AT_ONCE at most.

    Args:
        zones: until when, for those zones that have to wait.
        others: until when people wait whose zone is none of `known`; None: they need not.
    """
    found: list[Asleep] = []
    dialect = connection.dialect.name
    for run_no in sorted(run_nos):
        values = {"run": run_no, "now": now, "zones": json.dumps([*zones]), "known": json.dumps([*known])}
        for user_no, zone in connection.execute(_asleep(dialect, others is not None), values):
            until = zones.get(zone, others) if zone in known else others
            if until is not None:
                found.append((run_no, user_no, until))
    return found


@lru_cache(maxsize=4)
def _asleep(dialect: str, with_others: bool) -> sa.Select[Any]:
    # A list that is searched, not a table that is joined: 15,000 people took 1.3 s so, and take 0.03 s.
    waits: sa.ColumnElement[bool] = users.c.timezone.in_(_texts(dialect, "zones"))
    if with_others:
        is_known = users.c.timezone.in_(_texts(dialect, "known"))
        waits = sa.or_(waits, users.c.timezone.is_(None), sa.not_(is_known))
    now: sa.BindParameter[datetime] = sa.bindparam("now", type_=UtcTime())
    run_no: sa.BindParameter[int] = sa.bindparam("run", type_=sa.BigInteger())
    return (
        sa.select(ledger.c.user_no, users.c.timezone)
        .join(users, users.c.user_no == ledger.c.user_no)
        .where(
            ledger.c.run_no == run_no,
            state_is(ledger, S.PLANNED),
            ledger.c.next_at <= now,
            waits,
            sa.or_(ledger.c.send_before.is_(None), ledger.c.send_before > now),
        )
        .limit(FOUND_AT_ONCE)
    )


def _texts(dialect: str, name: str) -> sa.Select[tuple[str]]:
    parameter = sa.bindparam(name, type_=sa.Text())
    if dialect == "postgresql":
        each = sa.func.jsonb_array_elements_text(sa.cast(parameter, JSONB)).table_valued("value", name=name)
    else:
        each = sa.func.json_each(parameter).table_valued("value", name=name)
    return sa.select(each.c.value)


def postpone_asleep(connection: sa.Connection, asleep: Sequence[Asleep], *, now: datetime) -> int:
    """Let these rows wait, unless somebody has claimed them since; return how many."""
    if not asleep:
        return 0
    dialect = connection.dialect.name
    found = connection.execute(_postpone_asleep(dialect), {"rows": as_rows(dialect, asleep), "now": now})
    return len(found.all())


@lru_cache(maxsize=2)
def _postpone_asleep(dialect: str) -> sa.UpdateBase:
    rows = batch(dialect, {**KEY_COLUMNS, "until": UtcTime()})
    due = (
        sa.select(ledger.c.run_no, ledger.c.user_no, rows.c.until)
        .select_from(rows)
        .join(ledger, same_key(ledger, rows))
        .where(state_is(ledger, S.PLANNED), ledger.c.next_at <= sa.bindparam("now", type_=UtcTime()))
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
