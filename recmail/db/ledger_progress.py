"""How a run gets on while it is sent: short readings, of what changed lately and not of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db.ledger import ASKED_AGAIN
from recmail.db.ledger_rows import lease_now, lease_values, state_is
from recmail.db.tables import ledger, ledger_events
from recmail.records import MessageState

S = MessageState
# PostgreSQL gives numbers when rows are inserted, not when they are committed: below the highest number that
# is seen, some of the last ones may still come. A round of a worker has at most 1,000, and takes 250 ms.
_NOT_YET_THERE = {"sqlite": 0, "postgresql": 4_000}
_LATELY = 20_000  # events, of all runs, among which the last errors are looked for
_AT_MOST = 2_000  # errors that are read of those
REASON_ENDS = " – "


Place = tuple[MessageState, str | None]
"""Where a row is: its state, and of failed and skipped ones the reason."""


@dataclass(frozen=True)
class Move:
    """So many rows went from one state and reason to another; `claimed` and `sending` count as planned.

    Attributes:
        is_settled: its events are all there.
    """

    is_settled: bool
    before: Place
    after: Place
    rows: int


def newest_event(connection: sa.Connection) -> int:
    """The highest number of all events; 0 when there are none."""
    return int(connection.scalar(sa.select(sa.func.max(ledger_events.c.event_no))) or 0)


def settled_event(connection: sa.Connection, newest: int) -> int:
    """The number up to which no event is still to come."""
    return max(0, newest - _NOT_YET_THERE[connection.dialect.name])


def moves_after(connection: sa.Connection, run_no: int, event_no: int, *, settled: int) -> list[Move]:
    """Count the moves of a run's rows by the events with higher numbers than this.

    Args:
        settled: moves up to this number are counted apart from those after it.
    """
    event, earlier = ledger_events.alias("event"), ledger_events.alias("earlier")
    before = (
        sa.select(_place(earlier))
        .where(
            earlier.c.run_no == event.c.run_no,
            earlier.c.user_no == event.c.user_no,
            earlier.c.event_no < event.c.event_no,
        )
        .order_by(earlier.c.event_no.desc())
        .limit(1)
        .scalar_subquery()
    )
    moves = (
        sa.select(
            (event.c.event_no <= settled).label("is_settled"),
            sa.func.coalesce(before, S.PLANNED.value).label("before"),
            _place(event).label("after"),
        )
        .where(event.c.event_no > event_no, _of(event, run_no))
        .subquery("moves")
    )
    is_settled, was, became = moves.c.is_settled, moves.c.before, moves.c.after
    counted = sa.select(is_settled, was, became, sa.func.count()).group_by(is_settled, was, became)
    return [
        Move(bool(row[0]), _read_place(row[1]), _read_place(row[2]), row[3])
        for row in connection.execute(counted)
    ]


def _place(event: sa.FromClause) -> sa.ColumnElement[str]:
    """The state, and of failed and skipped rows the detail, which begins with the reason."""
    has_reason = event.c.state.in_([S.SKIPPED.value, S.FAILED.value])
    with_reason = event.c.state + REASON_ENDS + sa.func.coalesce(event.c.detail, "")
    return sa.case((has_reason, with_reason), else_=event.c.state)


def _read_place(text: str) -> Place:
    state, _, detail = text.partition(REASON_ENDS)
    return S(state), detail.partition(REASON_ENDS)[0] or None


def _of(event: sa.FromClause, run_no: int) -> sa.ColumnElement[bool]:
    """The event is of this run; never looked up by it, since that index holds the whole run."""
    found: sa.ColumnElement[bool] = event.c.run_no + 0 == run_no
    return found


@dataclass(frozen=True)
class InHand:
    """What senders hold of a run.

    Attributes:
        rows: by state, claimed or sending.
        is_alive: a lease is good; without one, whoever held the rows has died.
    """

    rows: dict[MessageState, int]
    is_alive: bool


def in_hand(connection: sa.Connection, run_no: int, *, now: datetime | None = None) -> InHand:
    """Count what senders hold; of all rows these are the few that the index of leases has.

    Args:
        now: for tests; None is the machine's clock, or PostgreSQL's own.
    """
    is_good = ledger.c.next_at > lease_now(connection.dialect.name)
    counted = (
        sa.select(ledger.c.state, sa.func.count(), sa.func.max(sa.case((is_good, 1), else_=0)))
        .where(ledger.c.run_no + 0 == run_no, state_is(ledger, S.CLAIMED, S.SENDING))
        .group_by(ledger.c.state)
    )
    found = connection.execute(counted, lease_values(connection, now)).all()
    return InHand({S(state): rows for state, rows, _ in found}, any(good for *_, good in found))


@dataclass(frozen=True)
class Line:
    """When those who wait are due.

    Attributes:
        is_retry: the first of them was tried before.
    """

    first: datetime
    last: datetime
    is_retry: bool


def waiting_line(connection: sa.Connection, run_no: int) -> Line | None:
    """When the first and the last of those who wait are due; None when nobody waits."""
    waits = sa.select(ledger.c.next_at, ledger.c.attempts).where(
        ledger.c.run_no == run_no, state_is(ledger, S.PLANNED)
    )
    first = connection.execute(waits.order_by(ledger.c.next_at).limit(1)).first()
    last = connection.execute(waits.order_by(ledger.c.next_at.desc()).limit(1)).first()
    return None if first is None or last is None else Line(first.next_at, last.next_at, first.attempts > 0)


@dataclass(frozen=True)
class Errors:
    """The same error, so many times; a message that is tried again may have it more than once.

    Attributes:
        state: failed, unknown, or planned: to be tried again.
        user_no: one of the people.
        newest: the number of the last such event.
    """

    state: MessageState
    text: str
    times: int
    user_no: int
    newest: int


def last_errors(connection: sa.Connection, run_no: int, newest: int) -> list[Errors]:
    """The last errors of a run among the newest events of all runs, the last one first."""
    event = ledger_events
    lately = (
        sa.select(event.c.event_no, event.c.user_no, event.c.state, event.c.detail)
        .where(
            event.c.event_no > newest - _LATELY,
            _of(event, run_no),
            event.c.state.in_([S.PLANNED.value, S.FAILED.value, S.UNKNOWN.value]),
            event.c.detail.is_not(None),
            event.c.detail.not_in(ASKED_AGAIN),
        )
        .order_by(event.c.event_no.desc())
        .limit(_AT_MOST)
        .subquery("lately")
    )
    last = sa.func.max(lately.c.event_no).label("last")
    counted = (
        sa.select(lately.c.state, lately.c.detail, sa.func.count(), sa.func.max(lately.c.user_no), last)
        .group_by(lately.c.state, lately.c.detail)
        .order_by(last.desc())
    )
    return [
        Errors(S(state), _error_in(detail) if state == S.FAILED else detail, rows, user_no, number)
        for state, detail, rows, user_no, number in connection.execute(counted)
    ]


def _error_in(detail: str) -> str:
    """The error of a failed message, which stands after the reason."""
    return detail.partition(REASON_ENDS)[2] or detail


def last_event_at(connection: sa.Connection, run_no: int, newest: int) -> datetime | None:
    """When something happened last to somebody of a run, if it is among the newest events of all runs."""
    query = (
        sa.select(ledger_events.c.at)
        .where(ledger_events.c.event_no > newest - _LATELY, _of(ledger_events, run_no))
        .order_by(ledger_events.c.event_no.desc())
        .limit(1)
    )
    found: datetime | None = connection.scalar(query)
    return found
