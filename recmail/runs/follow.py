"""Watching a run while it goes out: one look after the other, each cheap enough not to disturb who sends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.account import Account, account
from recmail.db.connect import reading
from recmail.db.ledger_progress import (
    InHand,
    Line,
    Move,
    Place,
    in_hand,
    last_errors,
    last_event_at,
    moves_after,
    newest_event,
    settled_event,
    waiting_line,
)
from recmail.db.people import user_ids_by_no
from recmail.db.runs import ENDS, run_audit, run_summary
from recmail.deliver.clock import Clock
from recmail.records import MessageState, RunState
from recmail.runs.error_groups import ErrorGroup, group_errors
from recmail.runs.time_left import Pace, rate_since_start, ready_at

S = MessageState
_IN_HAND = (S.CLAIMED, S.SENDING)
_TO_COME = (S.PLANNED, *_IN_HAND)
_LEFT = (S.SENT, S.FAILED, S.UNKNOWN)
# Everybody is counted again when 50 times as long has passed as that took: 500,000 people take 0.2 to 0.3 s
# on either database, and what changed since 5 to 15 ms.
_COUNT_AFTER = 50
_ERRORS = 3
_IDLE_S = 3.0
Counts = Counter[Place]


@dataclass(frozen=True)
class SeenError:
    """What went wrong in the same way lately, and for one of the people."""

    state: MessageState
    times: int
    text: str
    user_id: str


@dataclass(frozen=True)
class Look:
    """How a run stands.

    Attributes:
        at: by the business clock, as are all times.
        account: everybody; `claimed` and `sending` are what senders hold now.
        rate: messages a second over the last minute; None at the first look.
        rate_over: the time that this rate is about, at first shorter than a minute.
        rate_since_start: the same since it began, without its pauses.
        ready_at: when nobody will wait any more, as it looks; None when nothing moves.
        due: when those who wait are due; None when nobody waits.
        errors: the last ones, grouped, the most common first.
        sender: holds messages now: "alive", "dead" when its time ran out, or None.
        is_idle: messages are due, and for a while nobody has touched one.
    """

    run_no: int
    campaign: str
    state: RunState
    reason: str | None
    at: datetime
    account: Account
    rate: float | None
    rate_over: timedelta
    rate_since_start: float | None
    ready_at: datetime | None
    due: Line | None
    errors: Sequence[SeenError]
    sender: str | None
    is_idle: bool

    @property
    def has_ended(self) -> bool:
        """Nothing more happens by itself."""
        return self.state in ENDS

    @property
    def to_come(self) -> int:
        """Messages that are not yet settled."""
        return sum(self.account.states[state] for state in _TO_COME)

    @property
    def left(self) -> int:
        """Messages that were tried to the end: sent, failed or unclear."""
        return sum(self.account.states[state] for state in _LEFT)

    @property
    def unclear(self) -> int:
        """Messages that may have arrived."""
        return self.account.states[S.UNKNOWN]

    @property
    def has_failures(self) -> bool:
        """Somebody's message failed, or is unclear."""
        return self.account.states[S.FAILED] + self.unclear > 0

    @property
    def advice(self) -> str | None:
        """What has to be done that this run goes on; None when it does."""
        number = self.run_no
        if self.state == RunState.PLANNED:
            return f"it waits for approval: recmail approve {number}"
        if self.state == RunState.APPROVED:
            return f"approved; it goes out with: recmail send {number}"
        if self.state == RunState.PAUSED:
            return f"let it go on with: recmail run resume {number}"
        if self.state != RunState.SENDING:
            return None
        if self.sender == "dead":
            return f"who was sending this run has ended; it goes on with: recmail send {number}"
        return f"nothing seems to be sending this run: recmail send {number}" if self.is_idle else None

    @property
    def waits_until(self) -> datetime | None:
        """When the next message is due, if none is now."""
        return self.due.first if self.due is not None and self.due.first > self.at else None

    @property
    def time_left(self) -> timedelta | None:
        """Until nobody waits any more, as it looks."""
        return None if self.ready_at is None else self.ready_at - self.at

    def to_dict(self) -> dict[str, Any]:
        """The look with stable keys, for --json."""
        left = self.time_left
        return {
            "run": self.run_no,
            "campaign": self.campaign,
            "state": self.state,
            "reason": self.reason,
            "at": self.at,
            "ended": self.has_ended,
            "waiting": self.account.states[S.PLANNED],
            "per_second": _rounded(self.rate),
            "per_second_since_start": _rounded(self.rate_since_start),
            "seconds_left": None if left is None else round(left.total_seconds()),
            "ready_at": self.ready_at,
            "next_due_at": self.due and self.due.first,
            "last_due_at": self.due and self.due.last,
            "sender": self.sender,
            "account": self.account.to_dict(),
            "errors": [asdict(error) for error in self.errors],
        }


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 2)


@dataclass(frozen=True)
class _Reading:
    """What one look reads, of one moment."""

    run: sa.RowMapping
    held: InHand
    counts: Counts
    due: Line | None
    errors: Sequence[SeenError]
    audit: Sequence[tuple[str, datetime]]
    last_at: datetime | None


class Watch:
    """Looks at one run again and again.

    At the first look, and then now and then, everybody is counted; in between, what happened since is added
    from the events. On PostgreSQL, rows that were counted while an event of theirs was still to be committed
    are right at the next count.

    Args:
        ticks: seconds that only grow; for tests.
    """

    def __init__(
        self,
        engine: sa.Engine,
        run_no: int,
        *,
        clock: Clock,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._run_no, self._clock, self._ticks = engine, run_no, clock, ticks
        self._pace = Pace()
        self._planned_for = 0
        self._settled: Counts = Counter()
        self._settled_event = 0
        self._count_at_s = ticks()
        self._variants: Mapping[str, Mapping[MessageState, int]] = {}
        self._standing: tuple[int, datetime | None] | None = None  # how many are to come, and the last event
        self._moved_at_s = 0.0

    def look(self) -> Look:
        """Read how the run stands.

        Raises:
            RefusedError: there is no such run.
        """
        with reading(self._engine) as connection:
            read = self._read(connection)
        found, now, at_s = self._as_account(read.counts, read.held), self._clock.now(), self._ticks()
        state, due, held = RunState(read.run["state"]), read.due, read.held
        to_come = sum(found.states[one] for one in _TO_COME)
        since_start = rate_since_start(sum(found.states[one] for one in _LEFT), read.audit, read.last_at)
        is_due = state == RunState.SENDING and due is not None and due.first <= now
        is_idle = self._has_stood_still(at_s, (to_come, read.last_at)) and is_due and not held.rows
        steady = self._steady_rate(at_s, state, to_come, since_start)
        last_due = due.last if due else None
        return Look(
            run_no=self._run_no,
            campaign=read.run["campaign"],
            state=state,
            reason=read.run["reason"],
            at=now,
            account=found,
            rate=self._pace.rate,
            rate_over=timedelta(seconds=self._pace.seconds),
            rate_since_start=since_start,
            ready_at=None if is_idle else ready_at(to_come, steady, last_due=last_due, now=now),
            due=due,
            errors=read.errors,
            sender=("alive" if held.is_alive else "dead") if held.rows else None,
            is_idle=is_idle,
        )

    def _read(self, connection: sa.Connection) -> _Reading:
        run, newest = run_summary(connection, self._run_no), newest_event(connection)
        return _Reading(
            run=run,
            held=in_hand(connection, self._run_no),
            counts=self._count(connection, newest, at_once=run["state"] in ENDS),
            due=waiting_line(connection, self._run_no),
            errors=self._errors(connection, newest),
            audit=[(row["action"], row["at"]) for row in run_audit(connection, self._run_no)],
            last_at=last_event_at(connection, self._run_no, newest),
        )

    def _steady_rate(
        self, at_s: float, state: RunState, to_come: int, since_start: float | None
    ) -> float | None:
        """The rate by which the time that is left is reckoned; None while nothing is sent."""
        if state != RunState.SENDING:
            self._pace = Pace()
            return None
        self._pace.note(at_s, to_come)
        return self._pace.rate if self._pace.is_long_enough or since_start is None else since_start

    def _has_stood_still(self, at_s: float, standing: tuple[int, datetime | None]) -> bool:
        if standing != self._standing:
            self._standing, self._moved_at_s = standing, at_s
        return at_s - self._moved_at_s >= _IDLE_S

    def _count(self, connection: sa.Connection, newest: int, *, at_once: bool) -> Counts:
        """Count everybody of the run, or only what changed, when that is not too long ago."""
        settled = settled_event(connection, newest)
        if not at_once and self._ticks() < self._count_at_s:
            moves = moves_after(connection, self._run_no, self._settled_event, settled=settled)
            self._settled_event = settled
            _apply([move for move in moves if move.is_settled], self._settled)
            return _apply([move for move in moves if not move.is_settled], Counter(self._settled))
        began_s = self._ticks()
        counted = account(connection, self._run_no)
        self._planned_for = counted.planned_for
        self._variants = counted.variants
        counts = _as_counts(counted)
        later = moves_after(connection, self._run_no, settled, settled=settled)
        self._settled = _apply(later, Counter(counts), sign=-1)
        self._settled_event = settled
        ended_s = self._ticks()
        self._count_at_s = ended_s + _COUNT_AFTER * (ended_s - began_s)
        return counts

    def _as_account(self, counts: Counts, held: InHand) -> Account:
        """The account, of those who wait the ones that senders hold counted apart."""
        states = dict.fromkeys(S, 0)
        for (state, _), people in counts.items():
            states[state] += people
        for state, people in held.rows.items():
            states[state] += people
            states[S.PLANNED] -= people
        reasons = {
            (state, reason): people
            for (state, reason), people in counts.most_common()
            if reason is not None and people
        }
        return Account(self._planned_for, states, reasons, self._variants)

    def _errors(self, connection: sa.Connection, newest: int) -> list[SeenError]:
        groups: list[ErrorGroup] = group_errors(last_errors(connection, self._run_no, newest))[:_ERRORS]
        ids = user_ids_by_no(connection, [group.user_no for group in groups])
        return [SeenError(one.state, one.times, one.example, ids[one.user_no]) for one in groups]


def _as_counts(counted: Account) -> Counts:
    counts: Counts = Counter(counted.reasons)
    for state, people in counted.states.items():
        named = sum(count for (of, _), count in counted.reasons.items() if of == state)
        counts[S.PLANNED if state in _IN_HAND else state, None] += people - named
    return counts


def _apply(moves: Sequence[Move], counts: Counts, *, sign: int = 1) -> Counts:
    """Add moves to counts, or take them back; return the counts."""
    for move in moves:
        counts[move.before] -= sign * move.rows
        counts[move.after] += sign * move.rows
    return counts
