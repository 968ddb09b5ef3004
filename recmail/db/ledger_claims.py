"""Which rows a sender holds: claimed for a while, given back, and taken from senders that died."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import trackable
from recmail.db.ledger_rows import (
    CLAIM_COLUMNS,
    KEY_COLUMNS,
    as_rows,
    batch,
    claim_rows,
    lease_now,
    lease_until,
    lease_values,
    lock_runs,
    run_is,
    same_key,
    state_is,
    waiting_again,
    write_events,
)
from recmail.db.prepared import run_prepared
from recmail.db.tables import ledger, ledger_context, runs, users
from recmail.db.types import UtcTime, to_utc
from recmail.records import Claim, MessageState, RunState

S = MessageState
# Short is safe: the intent is fenced by claim_id. With the long lease of `sending`, two kills kept all 400
# people of a small run waiting for 11 minutes.
CLAIM_LEASE = timedelta(seconds=60)
SWEPT_AT_ONCE = 1_000  # no write transaction over 250 ms, however many rows a dead sender left


def claim_due(
    connection: sa.Connection,
    run_nos: Collection[int],
    *,
    now: datetime,
    limit: int,
    claim_id: str,
    lease: timedelta = CLAIM_LEASE,
    lease_now: datetime | None = None,
    most: Mapping[int, int] | None = None,
) -> list[Claim]:
    """Take at most `limit` rows that are due: of the runs with the highest priority first, in equal shares.

    Args:
        claim_id: fresh; everything else that is done to these rows names it.
        most: rows of some runs, where that is less.
        lease_now: for tests; None is the machine's clock, or PostgreSQL's own.
    """
    keys: list[tuple[int, int]] = []
    for equals in _by_priority(connection, run_nos):
        for at, run_no in enumerate(equals):
            share = -(-(limit - len(keys)) // (len(equals) - at))  # what others left over, rounded up
            share = min(share, (most or {}).get(run_no, share))
            if share > 0:
                values = {"run": run_no, "now": now, "at_most": share, "claim": claim_id}
                values |= lease_values(connection, lease_now, lease)
                keys += run_prepared(connection, _claim(connection.dialect.name), values)
    return _read(connection, keys, claim_id, now) if keys else []


def _by_priority(connection: sa.Connection, run_nos: Collection[int]) -> list[list[int]]:
    """Runs of one priority together, the highest first."""
    if len(run_nos) < 2:
        return [list(run_nos)]
    query = sa.select(runs.c.priority, runs.c.run_no).where(among(runs.c.run_no, sorted(run_nos)))
    found = connection.execute(query.order_by(runs.c.priority.desc(), runs.c.run_no))
    return [[row.run_no for row in equals] for _, equals in groupby(found, key=lambda row: row.priority)]


@lru_cache(maxsize=2)
def _claim(dialect: str) -> sa.UpdateBase:
    run_no: sa.BindParameter[int] = sa.bindparam("run", type_=sa.BigInteger())
    due = (
        sa.select(ledger.c.run_no, ledger.c.user_no)
        .where(
            ledger.c.run_no == run_no,
            state_is(ledger, S.PLANNED),
            ledger.c.next_at <= sa.bindparam("now", type_=UtcTime()),
            run_is(run_no, RunState.SENDING),
        )
        .order_by(ledger.c.next_at)
        .limit(sa.bindparam("at_most", type_=sa.Integer()))
        .with_for_update(skip_locked=True)
        # A CTE that locks is computed once; an IN (SELECT ... LIMIT) may be computed for every row, and then
        # claims more than the limit.
        .cte("due")
    )
    return (
        sa.update(ledger)
        .where(same_key(ledger, due))
        .values(state=S.CLAIMED.value, claim_id=sa.bindparam("claim"), next_at=lease_until(dialect))
        .returning(ledger.c.run_no, ledger.c.user_no)
    )


def _read(
    connection: sa.Connection, keys: Sequence[tuple[int, int]], claim_id: str, now: datetime
) -> list[Claim]:
    dialect = connection.dialect.name
    found = run_prepared(connection, _claimed(dialect), {"rows": as_rows(dialect, keys), "now": now})
    return [_as_claim(claim_id, *row) for row in found]


def _as_claim(
    claim_id: str,
    run_no: int,
    user_no: int,
    user_id: str,
    email: str | None,
    timezone: str | None,
    attempts: int,
    message_id: str,
    due_at: Any,
    variant: str | None,
    send_before: Any,
    may_track: Any,
) -> Claim:
    """A claim from what the driver gives, in the order of the columns of `_claimed`."""
    return Claim(
        run_no=run_no,
        user_no=user_no,
        user_id=user_id,
        email=email,
        claim_id=claim_id,
        attempts=attempts,
        message_id=message_id,
        due_at=to_utc(due_at),
        variant=variant,
        timezone=timezone,
        send_before=None if send_before is None else to_utc(send_before),
        trackable=bool(may_track),
    )


@lru_cache(maxsize=2)
def _claimed(dialect: str) -> sa.Select[Any]:
    """What a worker needs to know of the rows; addresses as they are now, never frozen."""
    rows = batch(dialect, KEY_COLUMNS)
    person = (ledger.c.run_no, ledger.c.user_no, users.c.user_id, users.c.email, users.c.timezone)
    message = (
        ledger.c.attempts,
        ledger.c.message_id,
        ledger.c.due_at,
        ledger.c.variant,
        ledger.c.send_before,
    )
    may_track = trackable(users.c.user_no, sa.bindparam("now", type_=UtcTime())).label("trackable")
    return (
        sa.select(*person, *message, may_track)
        .select_from(rows)
        .join(ledger, same_key(ledger, rows))
        .join(users, users.c.user_no == ledger.c.user_no)
    )


def with_contexts(connection: sa.Connection, claims: Sequence[Claim]) -> list[Claim]:
    """Read what was frozen for these claims; by whoever writes the messages, since it is most of a row."""
    dialect = connection.dialect.name
    keys = [(claim.run_no, claim.user_no) for claim in claims]
    found = connection.execute(_contexts(dialect), {"rows": as_rows(dialect, keys)})
    frozen = {(run_no, user_no): (context, reserves) for run_no, user_no, context, reserves in found}
    none: tuple[dict[str, Any], list[Any]] = ({}, [])
    both = (frozen.get(key, none) for key in keys)
    return [
        replace(claim, context=context or {}, reserves=reserves or [])
        for claim, (context, reserves) in zip(claims, both, strict=True)
    ]


@lru_cache(maxsize=2)
def _contexts(dialect: str) -> sa.Select[Any]:
    rows, frozen = batch(dialect, KEY_COLUMNS), ledger_context.c
    query = sa.select(frozen.run_no, frozen.user_no, frozen.context, frozen.reserves)
    return query.select_from(rows).join(ledger_context, same_key(ledger_context, rows))


def release(connection: sa.Connection, claims: Sequence[Claim]) -> int:
    """Give back rows that were claimed and not tried; return how many were still ours."""
    if not claims:
        return 0
    lock_runs(connection, {claim.run_no for claim in claims})
    dialect = connection.dialect.name
    return len(connection.execute(_release(dialect), {"rows": as_rows(dialect, claim_rows(claims))}).all())


@lru_cache(maxsize=2)
def _release(dialect: str) -> sa.UpdateBase:
    mine = batch(dialect, CLAIM_COLUMNS)
    return (
        sa.update(ledger)
        .where(same_key(ledger, mine), ledger.c.claim_id == mine.c.claim_id, state_is(ledger, S.CLAIMED))
        .values(state=waiting_again(ledger.c.run_no), claim_id=None, next_at=ledger.c.due_at)
        .returning(ledger.c.run_no)
    )


def sweep(
    connection: sa.Connection, *, now: datetime, lease_now: datetime | None = None
) -> dict[MessageState, int]:
    """Take rows whose lease ran out, of any run, from senders that died; return how many went where.

    Claimed ones wait again: nothing was sent. Those being sent are unknown: they may have arrived. Their
    claim_id stays, so that an answer that comes late after all can still say so.
    """
    dialect, values = connection.dialect.name, lease_values(connection, lease_now)
    over = connection.execute(_over(dialect), values).all()
    if not over:
        return {}
    lock_runs(connection, {row.run_no for row in over})
    found = connection.execute(_sweep(dialect), values).all()
    unclear = [row for row in found if row.state == S.UNKNOWN]
    detail = "the sender ended before an answer came"
    write_events(connection, [(row.run_no, row.user_no, S.UNKNOWN, detail) for row in unclear], at=now)
    states = [MessageState(row.state) for row in found]
    return {state: states.count(state) for state in set(states)}


@lru_cache(maxsize=2)
def _over(dialect: str) -> sa.Select[tuple[int, int]]:
    return (
        sa.select(ledger.c.run_no, ledger.c.user_no)
        .where(state_is(ledger, S.CLAIMED, S.SENDING), ledger.c.next_at <= lease_now(dialect))
        .limit(SWEPT_AT_ONCE)
    )


@lru_cache(maxsize=2)
def _sweep(dialect: str) -> sa.UpdateBase:
    over = _over(dialect).with_for_update(skip_locked=True).cte("over")
    was_claimed = state_is(ledger, S.CLAIMED)
    return (
        sa.update(ledger)
        .where(same_key(ledger, over))
        .values(
            state=sa.case((was_claimed, waiting_again(ledger.c.run_no)), else_=S.UNKNOWN.value),
            claim_id=sa.case((was_claimed, None), else_=ledger.c.claim_id),
            next_at=ledger.c.due_at,
        )
        .returning(ledger.c.run_no, ledger.c.user_no, ledger.c.state)
    )


@dataclass(frozen=True)
class Outlook:
    """What is still to come for some runs.

    Attributes:
        sending: one of them is being sent.
        due: when the first waiting row of each run is due, by business time; without runs where nobody waits.
        lease_left: until the first lease of any sender runs out, negative when it has; None without leases.
    """

    sending: bool
    due: Mapping[int, datetime]
    lease_left: timedelta | None

    @property
    def due_at(self) -> datetime | None:
        """When the first waiting row of all is due; None when nobody waits."""
        return min(self.due.values(), default=None)


def outlook(
    connection: sa.Connection, run_nos: Collection[int], *, lease_now: datetime | None = None
) -> Outlook:
    """Look ahead, without writing: when there is something to do again for these runs."""
    of_runs = among(runs.c.run_no, sorted(run_nos))
    sending = connection.scalars(
        sa.select(runs.c.run_no).where(of_runs, runs.c.state == RunState.SENDING.value)
    ).all()
    first = sa.func.min(ledger.c.next_at, type_=UtcTime())
    due = {
        run_no: connection.scalar(
            sa.select(first).where(ledger.c.run_no == run_no, state_is(ledger, S.PLANNED))
        )
        for run_no in sending
    }
    leased = sa.select(first).where(
        among(ledger.c.run_no, sorted(run_nos)), state_is(ledger, S.CLAIMED, S.SENDING)
    )
    lease_ends = connection.scalar(leased)
    left = None if lease_ends is None else lease_ends - _lease_clock(connection, lease_now)
    return Outlook(bool(sending), {run_no: at for run_no, at in due.items() if at is not None}, left)


def _lease_clock(connection: sa.Connection, given: datetime | None) -> datetime:
    if given is None and connection.dialect.name == "postgresql":
        query = sa.select(sa.type_coerce(sa.func.statement_timestamp(), UtcTime()))
        return connection.scalars(query).one()
    return given or datetime.now(UTC)
