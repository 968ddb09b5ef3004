"""The sending worker: one writer for many connections, one transaction for all their next steps."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.ledger_claims import Outlook, outlook
from recmail.db.ledger_intents import Intent, one_each_person
from recmail.db.ledger_postponed import POSTPONED_AT_ONCE
from recmail.deliver.alarms import Alarms
from recmail.deliver.clock import Clock
from recmail.deliver.desk import Desk
from recmail.deliver.drafter import Write
from recmail.deliver.esp import Esp
from recmail.deliver.gate import Gate
from recmail.deliver.heard import Heard
from recmail.deliver.options import WorkerOptions, WorkSummary
from recmail.deliver.pace import Pace
from recmail.deliver.rounds import Committed, Round, commit_round, locks_people, persistently
from recmail.records import MessageState

__all__ = ["WorkSummary", "WorkerOptions", "work"]

# A commit takes as long for one result as for ten, and longer while messages leave: so it waits for those
# that are on their way, twice as long as the last one took.
GATHER_S, GATHER_MOST_S, GATHER_COMMITS = 0.0003, 0.010, 2
STOP_CHECK_S = 0.5  # `stop` is an event of somebody else's and cannot wake us
LOOK_EVERY_S = 1.0  # for what other workers and people have changed
SWEEP_EVERY_S = 5.0
TELL_EVERY_S = 0.2
ALARM_EVERY_S = 30.0
GIVES_UP_AFTER_S = 10.0  # waiting for what writes messages, once nothing new is begun
IN_VAIN_S = 0.05  # rows are due, and another worker has its hands on them


class Connects(Protocol):
    """What the worker needs of a Provider."""

    def connect(self) -> Esp:
        """Open one connection."""


def work(
    engine: sa.Engine,
    provider: Connects,
    write: Write,
    *,
    options: WorkerOptions,
    clock: Clock,
    stop: threading.Event,
    on_progress: Callable[[WorkSummary], None] | None = None,
    heard: Heard | None = None,
) -> WorkSummary:
    """Send what is due of some runs, until nothing is due or held, the runs are paused, or `stop` is set.

    Then what is in hand is finished, and what was only claimed is given back.

    Args:
        write: called in as many threads at once as the options have drafters.
        on_progress: called after rounds and while waiting, at most a few times a second.
        heard: what the provider's answers told the worker before; None to begin anew.

    Raises:
        StorageError: the database fails. What was on its way becomes unknown when its lease runs out.
        Exception: whatever `write` or the provider raise beyond their contracts, after what is in hand is
            written down.
    """
    gate = Gate(provider.connect, tries=options.connect_tries, wait_s=options.connect_wait_s)
    heard = heard or Heard(options.pace.everybody.per_second)
    desk = Desk(
        gate,
        write,
        connections=options.connections,
        drafters=options.drafters,
        at_once=options.at_once,
        breaker=heard.breaker,
    )
    desk.open()
    try:
        summary = _Writer(engine, desk, options, clock, on_progress, heard).run(stop)
    finally:
        desk.close()
    if desk.error is not None:
        raise desk.error
    return summary


class _Writer:
    """Runs in the calling thread; nobody else of this worker writes to the ledger."""

    def __init__(
        self,
        engine: sa.Engine,
        desk: Desk,
        options: WorkerOptions,
        clock: Clock,
        tell: Callable[[WorkSummary], None] | None,
        heard: Heard,
    ) -> None:
        self._engine, self._desk, self._options, self._clock, self._tell = engine, desk, options, clock, tell
        self._pace = Pace(options.pace, options.run_nos, slower=heard.slower)
        self._alarms = Alarms(options.pause_if)
        self._alarmed: dict[int, str] = {}
        self._gather_s = GATHER_S
        self._states: Counter[MessageState] = Counter()
        self._paused: str | None = None
        self._is_ending = self._has_told_waiting = False
        self._may_claim, self._claimed_in_vain, self._must_sweep = True, False, False
        self._ahead: Outlook | None = None
        self._look_at_s = self._swept_at_s = self._told_at_s = self._alarm_at_s = -math.inf
        self._gives_up_at_s = math.inf

    def run(self, stop: threading.Event) -> WorkSummary:
        """Round after round, until there is nothing to do or a reason to end."""
        while not self._is_finished():
            self._desk.receive(self._wait_s(), gather_s=self._gather_s)
            if stop.is_set() or self._desk.problem or self._desk.error:
                self._end()
            self._heed_alarms()
            if self._has_something_to_commit():
                self._commit()
        if self._pace.has_shares:
            persistently(self._give_back_shares)
        return self._summary(was_stopped=stop.is_set())

    def _end(self) -> None:
        """Begin nothing new from here on."""
        if not self._is_ending:
            self._is_ending, self._gives_up_at_s = True, time.monotonic() + GIVES_UP_AFTER_S
        self._desk.clear()

    # --- what is committed ------------------------------------------------------------------------

    def _has_something_to_commit(self) -> bool:
        desk = self._desk
        is_due = desk.results or desk.back or desk.later or self._must_pause or self._alarmed
        must_look = self._must_sweep or self._pace.must_postpone
        return bool(is_due or must_look or self._may_leave() or (self._wanted_claims() and not self._waits()))

    def _waits(self) -> bool:
        """Results will come, and messages are ready to follow them: to claim more can wait until then."""
        return self._desk.flying >= 1 and self._desk.in_hand >= self._options.connections

    def _may_leave(self) -> bool:
        desk, pace, now = self._desk, self._pace, self._clock.now()
        ready = desk.ready
        if ready and desk.idle and (pace.choose(ready, now) or pace.needs(ready, desk.held, 0, now)):
            return True
        return bool(ready and pace.stuck(ready, now))

    @property
    def _must_pause(self) -> bool:
        return self._desk.problem is not None and self._paused is None

    def _wanted_claims(self) -> int:
        """How many rows to claim now: a few for each connection, none that would wait for half its lease."""
        if self._is_ending or not self._may_claim:
            return 0
        stock, in_hand = 4 * self._options.connections, self._desk.in_hand
        if 2 * in_hand > stock:
            return 0
        return int(max(0, min(stock - in_hand, self._pace.room(self._desk.held, self._clock.now()))))

    def _commit(self) -> None:
        """One round. An idle or throttled worker never comes here: on SQLite it would hold up everybody."""
        desk, now = self._desk, self._clock.now()
        steps = self._round(now)
        if steps == Round():
            return  # others have the shares that we wanted
        leaving = steps.intents
        began_s = time.perf_counter()
        done = commit_round(self._engine, steps, self._options, now=now)
        committed_s = time.perf_counter() - began_s
        self._gather_s = min(max(GATHER_S, GATHER_COMMITS * committed_s), GATHER_MOST_S)
        desk.written_down()
        desk.answer(leaving, done.accepted)
        kept, desk.later = self._pace.screen(done.claims, desk.held, now)
        desk.put(kept, now)
        self._pace.took([intent for intent in leaving if intent.key in done.accepted])
        self._states.update(done.states)
        self._note(steps, done)
        if steps.later:
            back_in_s = (min(until for _, until in steps.later) - now).total_seconds()
            self._look_at_s = min(self._look_at_s, time.monotonic() + back_in_s)
        if desk.is_empty:
            self._look_at_s = -math.inf  # what this round put back in line may be due now
        self._report()

    def _round(self, now: datetime) -> Round:
        """What the next transaction is to do."""
        desk, pace = self._desk, self._pace
        desk.problem = desk.problem or pace.hear(desk.results)
        self._alarms.count(desk.results)
        desk.put_off(pace.stuck(desk.ready, now))
        if pace.must_look and not pace.asleep:
            with reading(self._engine) as connection:
                pace.look_for_asleep(connection, self._options.run_nos, now)
        wanted = self._wanted_claims()
        if pace.needs(desk.ready, desk.held, wanted, now):
            persistently(lambda: self._take_shares(wanted, now))
        claims, of_runs = pace.shares(desk.held, wanted, now)
        return Round(
            results=desk.results,
            intents=self._leaving(now),
            back=desk.back,
            later=desk.later,
            claim_at_most=claims,
            claim_of_runs=of_runs if claims else {},
            sweeps=self._must_sweep or time.monotonic() >= self._swept_at_s + SWEEP_EVERY_S,
            asleep=pace.asleep[:POSTPONED_AT_ONCE],
            pause=self._pausing(),
        )

    def _note(self, steps: Round, done: Committed) -> None:
        """Remember what was committed for the rounds to come."""
        if self._must_pause:
            self._paused = self._desk.problem
        self._alarmed = {}
        if len(done.claims) < steps.claim_at_most:
            self._may_claim, self._claimed_in_vain = False, not done.claims
        if steps.sweeps:
            self._must_sweep, self._swept_at_s = False, time.monotonic()
        del self._pace.asleep[: len(steps.asleep)]

    def _pausing(self) -> dict[int, str]:
        """Why runs are to be paused: all of them for the provider's reason, one for its own."""
        if self._must_pause and self._desk.problem:
            return dict.fromkeys(self._options.run_nos, self._desk.problem)
        return self._alarmed

    def _leaving(self, now: datetime) -> list[Intent]:
        """Whose intents the next round commits: no more than there are connections for."""
        if locks_people(self._desk.results) or self._pausing():
            return []  # a run that is paused is locked before people are, and one that is refused after them
        first, _later = one_each_person(self._pace.choose(self._desk.ready, now)[: self._desk.idle])
        return first

    # --- what is shared with other workers --------------------------------------------------------

    def _take_shares(self, wanted: int, now: datetime) -> None:
        with writing(self._engine) as connection:
            shares = self._pace.refill(connection, self._desk.ready, self._desk.held, wanted, now)
        for take in shares:
            take()

    def _give_back_shares(self) -> None:
        with writing(self._engine) as connection:
            self._pace.give_back(connection)

    def _heed_alarms(self) -> None:
        """Look now and then at what came back, and at what our own results add up to."""
        if self._alarms and time.monotonic() >= self._alarm_at_s + ALARM_EVERY_S:
            self._alarm_at_s = time.monotonic()
            with reading(self._engine) as connection:
                self._alarms.look(connection)
        self._alarmed |= self._alarms.reasons()

    # --- what is ahead ----------------------------------------------------------------------------

    def _is_finished(self) -> bool:
        if self._must_pause:
            return False
        if not self._desk.is_empty:
            return self._desk.is_settled and time.monotonic() >= self._gives_up_at_s
        if self._is_ending:
            return True
        if self._wanted_claims():
            return False
        ahead = self._look()
        if self._must_sweep or self._wanted_claims():
            return False
        if ahead.sending and (ahead.lease_left is not None or self._is_due_soon(ahead)):
            held_up = self._pace.holds_up(ahead.due, self._clock.now())
            self._report(waits=held_up or self._waiting_until(ahead) is not None)
            return False
        return True

    def _is_due_soon(self, ahead: Outlook) -> bool:
        now = self._clock.now()
        due = self._pace.first_due(ahead.due, now)
        return due is not None and due[0] - now <= self._options.patience

    def _look(self) -> Outlook:
        """Look ahead, when it is time to; without writing."""
        if self._ahead is not None and time.monotonic() < self._look_at_s:
            return self._ahead
        with reading(self._engine) as connection:
            self._ahead = ahead = outlook(connection, self._options.run_nos)
        wait_s = LOOK_EVERY_S
        now = self._clock.now()
        due = self._pace.first_due(self._pace.with_room(ahead.due, self._desk.held, now), now)
        if due is not None:
            due_in_s = (due[0] - now).total_seconds()
            if due_in_s <= 0 and self._claimed_in_vain:
                due_in_s, self._claimed_in_vain = IN_VAIN_S, False
            self._may_claim = self._may_claim or due_in_s <= 0
            wait_s = min(wait_s, due_in_s)
        if ahead.lease_left is not None:
            self._must_sweep = self._must_sweep or ahead.lease_left <= timedelta()
            wait_s = min(wait_s, ahead.lease_left.total_seconds())
        self._look_at_s = time.monotonic() + wait_s
        return ahead

    def _wait_s(self) -> float:
        """How long nothing can happen unless a sender reports."""
        if self._has_something_to_commit():
            return 0.0
        waits_s = [STOP_CHECK_S]
        if self._desk.ready and self._desk.idle:
            waits_s.append(self._pace.wait_s(self._desk.ready, self._clock.now()))
        if not self._may_claim and not self._is_ending:
            self._look()
            waits_s.append(self._look_at_s - time.monotonic())
        return max(0.0, min(waits_s))

    # --- what is told -----------------------------------------------------------------------------

    def _report(self, *, waits: bool = False) -> None:
        is_news = waits and not self._has_told_waiting
        self._has_told_waiting = waits
        if self._tell is not None and (is_news or time.monotonic() >= self._told_at_s + TELL_EVERY_S):
            self._told_at_s = time.monotonic()
            self._tell(self._summary(waits=waits))

    def _waiting_until(self, ahead: Outlook) -> tuple[datetime, bool, str] | None:
        """When there is something to do again, whether another sender holds it, and what limit is used up.

        None: at once.
        """
        now = self._clock.now()
        due = self._pace.first_due(ahead.due, now)
        waits = [] if due is None else [(due[0], False, due[1])]
        if ahead.lease_left is not None:
            waits.append((now + ahead.lease_left, True, ""))
        first = min(waits, default=None)
        return first if first is not None and first[0] > now else None

    def _summary(self, *, waits: bool = True, was_stopped: bool = False) -> WorkSummary:
        ahead = self._ahead if waits and not self._is_ending else None
        until = None if ahead is None else self._waiting_until(ahead)
        when, held, limit = until or (None, False, "")
        now = self._clock.now()
        return WorkSummary(
            states=dict(self._states),
            paused=self._paused,
            stopped=was_stopped,
            waiting_until=when,
            waits_for_senders=held,
            limit=limit or None,
            used_up={} if ahead is None else self._pace.used_up(ahead.due, now),
            is_held_up=ahead is not None and self._pace.holds_up(ahead.due, now),
            slowed=self._pace.slowed,
            postponed=self._pace.postponed,
        )
