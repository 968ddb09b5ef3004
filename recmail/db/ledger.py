"""The ledger as planners and people change it: rows are planned, cancelled, decided, tried again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.ledger_rows import Event, Key, lock_runs, same_key, state_is, write_events
from recmail.db.tables import ledger, ledger_context, ledger_events, run_shards, runs, users
from recmail.db.types import UtcTime
from recmail.records import SHARD_SIZE, MessageState, RunState

S = MessageState
SENT, RESEND = "sent", "resend"
_MESSAGE_ID = re.compile(r"(\d{1,18})\.(\d{1,18})\.[0-9a-f]{24}@", re.ASCII)
_SEND_AGAIN, _TRIED_AGAIN = "decided: send it again", "tried again by hand"
ASKED_AGAIN = (_SEND_AGAIN, _TRIED_AGAIN)
"""Details of events by which a person put messages back in line."""
# What is put back in line here would wait for ever in a run that can never send again.
_CAN_SEND_AGAIN = (RunState.SENDING, RunState.PAUSED, RunState.FINISHED)


@dataclass(frozen=True)
class PlannedRow:
    """One person of an audience as the plan froze them.

    Attributes:
        state: planned, skipped or held_out.
        context: what will be printed; None for people who get no email.
        reserves: what stands in for courses that go stale.
        send_before: later than this the message is not sent.
    """

    user_no: int
    state: MessageState
    reason: str | None
    due_at: datetime
    context: dict[str, Any] | None
    reserves: list[Any]
    row_hash: str
    variant: str | None = None
    send_before: datetime | None = None


def insert_rows(
    connection: sa.Connection, run_no: int, rows: Sequence[PlannedRow], *, now: datetime, domain: str
) -> None:
    """Write the rows of one shard, what they will print, and events of those who get nothing.

    Args:
        domain: of the sender's address; message ids end in it.
    """
    if not rows:
        return
    connection.execute(ledger.insert(), [_ledger_row(run_no, row, domain) for row in rows])
    contexts = [
        {"run_no": run_no, "user_no": row.user_no, "context": row.context, "reserves": row.reserves}
        for row in rows
        if row.context is not None
    ]
    if contexts:
        connection.execute(ledger_context.insert(), contexts)
    ended = [row for row in rows if row.state != S.PLANNED]
    write_events(connection, [(run_no, row.user_no, row.state, row.reason) for row in ended], at=now)


def forget_shard(connection: sa.Connection, run_no: int, shard: int) -> None:
    """Delete the rows of one shard of a run that is still being planned, so that it is planned anew."""
    building = sa.select(runs.c.run_no).where(runs.c.run_no == run_no, runs.c.state == RunState.BUILDING)
    if connection.scalar(building.with_for_update(read=True)) is None:  # until the end nobody moves the run
        return
    low = shard * SHARD_SIZE
    for table in (ledger_events, ledger_context, ledger):
        mine = table.c.run_no == run_no, table.c.user_no >= low, table.c.user_no < low + SHARD_SIZE
        connection.execute(sa.delete(table).where(*mine))
    marker = run_shards.c.run_no == run_no, run_shards.c.shard == shard
    connection.execute(sa.delete(run_shards).where(*marker))


def _ledger_row(run_no: int, row: PlannedRow, domain: str) -> dict[str, Any]:
    return {
        "run_no": run_no,
        "user_no": row.user_no,
        "state": row.state.value,
        "reason": row.reason,
        "variant": row.variant,
        "due_at": row.due_at,
        "next_at": row.due_at,
        "send_before": row.send_before,
        "message_id": _message_id(run_no, row, domain) if row.state == S.PLANNED else None,
        "row_hash": row.row_hash,
    }


def _message_id(run_no: int, row: PlannedRow, domain: str) -> str:
    """An id that stays the same however often the message is tried, and leads back to its row.

    By the two numbers what comes back finds the row without an index of such ids: that cost every message
    13 us. They say of the person what the tokens in its links do; nobody can guess the rest.
    """
    text = f"{run_no} {row.user_no} {row.row_hash}"
    return f"{run_no}.{row.user_no}.{hashlib.sha256(text.encode()).hexdigest()[:24]}@{domain}"


def row_of_message_id(message_id: str) -> Key | None:
    """The ledger row that a Message-ID would be of; only the row's own id tells whether it is."""
    found = _MESSAGE_ID.match(message_id)
    return (int(found[1]), int(found[2])) if found else None


def cancel_run(connection: sa.Connection, run_no: int, *, now: datetime) -> int:
    """Cancel everybody who still waits, in the transaction that cancelled the run; return how many.

    Rows that a sender is just changing are not waited for (that could be a deadlock): the sender itself
    cancels them, because it never puts a row of a cancelled run back in line.
    """
    waiting = (
        sa.select(ledger.c.run_no, ledger.c.user_no)
        .where(ledger.c.run_no == run_no, state_is(ledger, S.PLANNED, S.CLAIMED))
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    statement = sa.update(ledger).where(same_key(ledger, waiting)).values(state=S.CANCELLED.value)
    return _move(connection, statement, S.CANCELLED, None, now=now)


def decide_unknown(
    connection: sa.Connection,
    run_no: int,
    user_nos: Sequence[int] | None,
    outcome: str,
    *,
    now: datetime,
) -> int:
    """Settle messages that may have arrived, as a person decides; return how many.

    Args:
        user_nos: whose; None for all unclear ones of the run.
        outcome: `sent` believes that they arrived; `resend` puts them back in line, if the run can still
            send, and takes their claim away: a late answer to the first try must not touch the second.
    """
    lock_runs(connection, [run_no])  # or a run that is being cancelled would get a waiting row
    statement = sa.update(ledger).where(ledger.c.run_no == run_no, state_is(ledger, S.UNKNOWN))
    if user_nos is not None:
        statement = statement.where(among(ledger.c.user_no, user_nos))
    if outcome == SENT:
        sent = statement.values(
            state=S.SENT.value, sent_at=sa.func.coalesce(ledger.c.intent_at, sa.literal(now, UtcTime()))
        )
        return _move(connection, sent, S.SENT, "decided: it arrived", now=now)
    if outcome == RESEND:
        return _move(connection, _again(statement), S.PLANNED, _SEND_AGAIN, now=now)
    raise ValueError(f"found {outcome!r}; expected {SENT} or {RESEND}")


def retry_failed(connection: sa.Connection, run_no: int, *, now: datetime) -> int:
    """Put the failed messages of a run back in line, with all their tries; return how many."""
    failed = sa.update(ledger).where(ledger.c.run_no == run_no, state_is(ledger, S.FAILED))
    return _move(connection, _again(failed), S.PLANNED, _TRIED_AGAIN, now=now)


def _again(statement: sa.Update) -> sa.Update:
    can_send = sa.exists().where(runs.c.run_no == ledger.c.run_no, runs.c.state.in_(_CAN_SEND_AGAIN))
    return statement.where(can_send).values(
        state=S.PLANNED.value, reason=None, claim_id=None, attempts=0, next_at=ledger.c.due_at
    )


def _move(
    connection: sa.Connection, statement: sa.Update, to: MessageState, detail: str | None, *, now: datetime
) -> int:
    moved = connection.execute(statement.returning(ledger.c.run_no, ledger.c.user_no)).all()
    events: list[Event] = [(run_no, user_no, to, detail) for run_no, user_no in moved]
    write_events(connection, events, at=now)
    return len(moved)


def unknown_users(connection: sa.Connection, run_no: int) -> list[str]:
    """The ids of people whose message may have arrived."""
    query = (
        sa.select(users.c.user_id)
        .join(ledger, ledger.c.user_no == users.c.user_no)
        .where(ledger.c.run_no == run_no, state_is(ledger, S.UNKNOWN))
        .order_by(users.c.user_no)
    )
    return list(connection.scalars(query))
