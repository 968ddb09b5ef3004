"""What became of messages that were tried: sent, failed, waiting for another try, or unknown."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import Suppression, suppress
from recmail.db.ledger_rows import (
    CLAIM_COLUMNS,
    as_rows,
    batch,
    lock_runs,
    same_key,
    state_is,
    waiting_again,
    write_events,
)
from recmail.db.prepared import run_prepared
from recmail.db.tables import ledger, users
from recmail.db.types import UtcTime, clean
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    RenderError,
    TemporaryFailure,
)
from recmail.records import Claim, MessageState, Skip

S = MessageState
_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider accepted the message; its id there, or an empty text."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one claimed row."""

    claim: Claim
    outcome: Sent | Skip | RenderError | DeliveryError


@dataclass(frozen=True)
class Retries:
    """How often and when a message is tried again after a temporary failure: full jitter, doubling.

    Source: Brooker 2015, "Exponential Backoff And Jitter", Amazon Web Services: of the ways to spread
    retries, full jitter made the least work for the server.
    """

    attempts: int = 8
    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(hours=4)
    jitter: random.Random = field(default_factory=random.Random)

    def wait(self, attempt: int, asked: float | None) -> timedelta:
        """How long to wait after the try of this number, from 1; never shorter than the server asked for."""
        most = min(self.longest, self.first * (1 << min(attempt - 1, 20)))
        return max(most * self.jitter.random(), timedelta(seconds=asked or 0))


def record_results(
    connection: sa.Connection, results: Sequence[Result], *, now: datetime, retries: Retries
) -> dict[MessageState, int]:
    """Write down results under their claims; return how many rows came to which state.

    A result counts from `sending`, or from `claimed` for messages that were never tried. A late acceptance
    also counts from `unknown`, under the same claim.
    """
    accepted = [(result, result.outcome) for result in results if isinstance(result.outcome, Sent)]
    others = [_change(result, now, retries) for result in results if not isinstance(result.outcome, Sent)]
    counts = {S.SENT: _record_sent(connection, accepted, now)}
    for state in _record_others(connection, others, now):
        counts[state] = counts.get(state, 0) + 1
    _suppress_dead(connection, results, now)
    return counts


# --- accepted -------------------------------------------------------------------------------------


def _record_sent(connection: sa.Connection, accepted: Sequence[tuple[Result, Sent]], now: datetime) -> int:
    if not accepted:
        return 0
    rows = [
        (one.claim.run_no, one.claim.user_no, one.claim.claim_id, clean(sent.provider_id))
        for one, sent in accepted
    ]
    dialect = connection.dialect.name
    found = run_prepared(connection, _sent(dialect), {"rows": as_rows(dialect, rows), "now": now})
    write_events(connection, [(run_no, user_no, S.SENT, None) for run_no, user_no in found], at=now)
    return len(found)


@lru_cache(maxsize=2)
def _sent(dialect: str) -> sa.UpdateBase:
    mine = batch(dialect, {**CLAIM_COLUMNS, "provider_id": sa.Text()})
    return (
        sa.update(ledger)
        .where(
            same_key(ledger, mine),
            ledger.c.claim_id == mine.c.claim_id,
            state_is(ledger, S.SENDING, S.UNKNOWN),
        )
        .values(
            state=S.SENT.value,
            provider_id=mine.c.provider_id,
            sent_at=sa.bindparam("now", type_=UtcTime()),
            last_error=None,
        )
        .returning(ledger.c.run_no, ledger.c.user_no)
    )


# --- everything else ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Change:
    claim: Claim
    before: MessageState
    after: MessageState
    reason: str | None
    error: str | None
    attempts: int
    next_at: datetime


_CHANGE_COLUMNS = {
    **CLAIM_COLUMNS,
    "before": sa.Text(),
    "after": sa.Text(),
    "reason": sa.Text(),
    "error": sa.Text(),
    "attempts": sa.Integer(),
    "next_at": UtcTime(),
}


def _change(result: Result, now: datetime, retries: Retries) -> _Change:
    """Where a row goes after anything but acceptance."""
    claim, outcome = result.claim, result.outcome
    tried, next_at = claim.attempts + 1, now
    before, after, reason = S.SENDING, S.FAILED, None
    match outcome:
        case Skip():
            before, after, tried, reason = S.CLAIMED, S.SKIPPED, claim.attempts, outcome.reason
        case RenderError():
            before, tried, reason = S.CLAIMED, claim.attempts, "render"
        case RecipientRefused():
            reason = "refused_recipient"
        case MessageRefused():
            reason = "refused_message"
        case OutcomeUnknown():
            after = S.UNKNOWN
        case AccountRefused():
            after, tried = S.PLANNED, claim.attempts  # it was no try: nobody fails because of our account
        case TemporaryFailure() if tried < retries.attempts:
            after, next_at = S.PLANNED, now + retries.wait(tried, outcome.retry_after_s)
        case TemporaryFailure():
            reason = "gave_up"
        case _:
            raise TypeError(f"no rule for {outcome!r}")
    error = None if isinstance(outcome, Skip) else clean(str(outcome)[:_ERROR_LENGTH])
    return _Change(claim, before, after, reason, error, tried, next_at)


def _record_others(
    connection: sa.Connection, changes: Sequence[_Change], now: datetime
) -> list[MessageState]:
    if not changes:
        return []
    lock_runs(connection, {one.claim.run_no for one in changes if one.after == S.PLANNED})
    dialect = connection.dialect.name
    rows = [
        (
            *(one.claim.run_no, one.claim.user_no, one.claim.claim_id, one.before, one.after),
            *(one.reason, one.error, one.attempts, one.next_at),
        )
        for one in changes
    ]
    found = connection.execute(_changed(dialect), {"rows": as_rows(dialect, rows)}).all()
    events = [
        (row.run_no, row.user_no, row.state, " – ".join(filter(None, (row.reason, row.last_error))) or None)
        for row in found
    ]
    write_events(connection, events, at=now)
    return [MessageState(row.state) for row in found]


@lru_cache(maxsize=2)
def _changed(dialect: str) -> sa.UpdateBase:
    change = batch(dialect, _CHANGE_COLUMNS)
    waits = change.c.after == S.PLANNED.value
    return (
        sa.update(ledger)
        .where(
            same_key(ledger, change),
            ledger.c.claim_id == change.c.claim_id,
            ledger.c.state == change.c.before,
        )
        .values(
            state=sa.case((waits, waiting_again(ledger.c.run_no)), else_=change.c.after),
            reason=change.c.reason,
            last_error=change.c.error,
            attempts=change.c.attempts,
            next_at=change.c.next_at,
            claim_id=sa.case((waits, None), else_=ledger.c.claim_id),
        )
        .returning(ledger.c.run_no, ledger.c.user_no, ledger.c.state, ledger.c.reason, ledger.c.last_error)
    )


def _suppress_dead(connection: sa.Connection, results: Sequence[Result], now: datetime) -> None:
    """Suppress addresses that do not exist, unless the person has given another one since."""
    dead = {
        result.claim.user_no: result
        for result in results
        if isinstance(result.outcome, RecipientRefused) and result.outcome.dead
    }
    if not dead:
        return
    query = sa.select(users.c.user_no, users.c.email, users.c.email_hash)
    found = connection.execute(query.where(among(users.c.user_no, sorted(dead)))).all()
    same = [row for row in found if row.email_hash and row.email == dead[row.user_no].claim.email]
    suppress(
        connection,
        [
            Suppression(row.email_hash, "hard_bounce", now, f"run {dead[row.user_no].claim.run_no}")
            for row in same
        ],
    )
