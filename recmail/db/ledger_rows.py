"""What all statements about ledger rows share: literal states, rows as one parameter, leases, events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from recmail.db.among import among
from recmail.db.prepared import run_prepared
from recmail.db.tables import ledger_events, runs
from recmail.db.types import UtcTime, to_microseconds
from recmail.records import Claim, MessageState, RunState

Key = tuple[int, int]
"""run_no and user_no: a ledger row."""
Event = tuple[int, int, str, str | None]
"""run_no, user_no, the state that the row came to, and a detail for a person to read."""

KEY_COLUMNS: Mapping[str, sa.types.TypeEngine[Any]] = {"run_no": sa.BigInteger(), "user_no": sa.BigInteger()}
CLAIM_COLUMNS = {**KEY_COLUMNS, "claim_id": sa.Text()}


def state_is(table: sa.FromClause, *states: MessageState) -> sa.ColumnElement[bool]:
    """The row is in one of these states, written as literals.

    SQLite uses a partial index only for a condition that repeats the index's own to the letter; with bound
    parameters EXPLAIN QUERY PLAN says SCAN.
    """
    words: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{state}'", sa.Text()) for state in states]
    column: sa.ColumnElement[str] = table.c.state
    return column == words[0] if len(words) == 1 else column.in_(words)


def run_is(run_no: sa.ColumnElement[int], state: RunState) -> sa.ColumnElement[bool]:
    """The run of a row is in this state now."""
    return sa.exists().where(runs.c.run_no == run_no, runs.c.state == state.value)


def waiting_again(run_no: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    """Where a row goes that was in hand and is not sent: back to `planned`, unless its run was cancelled.

    It is due again as it first was, not now: with `--now`, the next command's clock may begin earlier.
    """
    cancelled = run_is(run_no, RunState.CANCELLED)
    return sa.case((cancelled, MessageState.CANCELLED.value), else_=MessageState.PLANNED.value)


def lock_runs(connection: sa.Connection, run_nos: Iterable[int]) -> None:
    """Hold the state of these runs until the transaction ends, for statements that use `waiting_again`.

    On PostgreSQL a row that goes back to `planned` while its run is being cancelled would be missed by both
    sides and wait for ever. Cancelling takes this lock by updating the run, and never waits for ledger rows.
    """
    wanted = sorted(set(run_nos))
    if wanted and connection.dialect.name == "postgresql":
        query = sa.select(runs.c.run_no).where(among(runs.c.run_no, wanted))
        connection.execute(query.order_by(runs.c.run_no).with_for_update(read=True)).all()


# --- many rows as one parameter -------------------------------------------------------------------


def batch(dialect: str, columns: Mapping[str, sa.types.TypeEngine[Any]]) -> sa.FromClause:
    """Rows that travel as one JSON parameter, `rows`: the statement is one constant text for any number."""
    parameter = sa.bindparam("rows", type_=sa.Text())
    if dialect == "postgresql":
        each = sa.func.jsonb_array_elements(sa.cast(parameter, JSONB)).table_valued(
            sa.column("value", JSONB), name="each"
        )
        cells = [
            sa.cast(each.c.value[at].astext, kind).label(name)
            for at, (name, kind) in enumerate(columns.items())
        ]
        return sa.select(*cells).subquery("batch")
    each = sa.func.json_each(parameter).table_valued("value", name="each")
    cells = [
        sa.func.json_extract(each.c.value, sa.literal_column(f"'$[{at}]'", sa.Text()), type_=kind).label(name)
        for at, (name, kind) in enumerate(columns.items())
    ]
    return sa.select(*cells).subquery("batch")


def as_rows(dialect: str, rows: Iterable[Sequence[Any]]) -> str:
    """The value of a batch's parameter; times become what the database can read out of JSON."""
    write = _iso if dialect == "postgresql" else to_microseconds
    return json.dumps([*rows], default=write)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def claim_rows(claims: Iterable[Claim]) -> list[tuple[int, int, str]]:
    """What CLAIM_COLUMNS name, for each claim."""
    return [(claim.run_no, claim.user_no, claim.claim_id) for claim in claims]


def same_key(table: sa.FromClause, other: sa.FromClause) -> sa.ColumnElement[bool]:
    """The row of `table` with the key in `other`."""
    return sa.and_(table.c.run_no == other.c.run_no, table.c.user_no == other.c.user_no)


# --- leases ---------------------------------------------------------------------------------------


def lease_now(dialect: str) -> sa.ColumnElement[datetime]:
    """The time by which leases are judged: PostgreSQL's own clock, since its senders may be many machines.

    Not the business time, which `--now` moves. `next_at` holds a lease only in rows that are claimed or
    sending, and a due time only in rows that are planned, so the two clocks meet in no condition.
    """
    given: sa.ColumnElement[datetime] = sa.bindparam("lease_now", type_=UtcTime())
    if dialect == "postgresql":
        return sa.func.coalesce(given, sa.func.statement_timestamp())
    return given


def lease_until(dialect: str) -> sa.ColumnElement[datetime]:
    """When a lease that begins now ends."""
    if dialect == "postgresql":
        return sa.type_coerce(lease_now(dialect) + sa.bindparam("lease", type_=sa.Interval()), UtcTime())
    return sa.bindparam("lease_until", type_=UtcTime())


def lease_values(
    connection: sa.Connection, given: datetime | None, lease: timedelta | None = None
) -> dict[str, Any]:
    """The parameters of `lease_now` and, with a lease, of `lease_until`; `given` is for tests."""
    if connection.dialect.name == "postgresql":
        return {"lease_now": given} | ({} if lease is None else {"lease": lease})
    now = given or datetime.now(UTC)
    return {"lease_now": now} | ({} if lease is None else {"lease_until": now + lease})


# --- events ---------------------------------------------------------------------------------------


def write_events(connection: sa.Connection, events: Sequence[Event], *, at: datetime) -> None:
    """Append what happened to these rows, in the transaction in which it happens."""
    if events:
        dialect = connection.dialect.name
        run_prepared(connection, _append(dialect), {"rows": as_rows(dialect, events), "at": at})


@lru_cache(maxsize=2)
def _append(dialect: str) -> sa.Insert:
    rows = batch(dialect, {**KEY_COLUMNS, "state": sa.Text(), "detail": sa.Text()})
    at: sa.BindParameter[datetime] = sa.bindparam("at", type_=UtcTime())
    events = sa.select(rows.c.run_no, rows.c.user_no, rows.c.state, rows.c.detail, at)
    return ledger_events.insert().from_select(["run_no", "user_no", "state", "detail", "at"], events)
