"""How fast one worker may go: the limits of provider, warm-up, domains and campaigns, and people's hours."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.db.ledger_intents import Intent
from recmail.db.ledger_postponed import FOUND_AT_ONCE, Asleep, Later, find_asleep
from recmail.db.ledger_results import Result, Sent
from recmail.deliver.breaker import judge_throttling
from recmail.deliver.domains import Domains
from recmail.deliver.hours import Hours, all_zones
from recmail.deliver.limiter import Limiter
from recmail.deliver.slower import Slower
from recmail.deliver.spans import Limits
from recmail.errors import TemporaryFailure
from recmail.records import Claim

CLAIM_AHEAD_S = 30.0  # half a lease
LONG_S = 300.0  # from one message to the next: so slow that who is to end soon does not wait for it
Free = tuple[datetime, str]
"""When messages may leave again, and which limit is used up until then."""


@dataclass(frozen=True)
class PaceOptions:
    """What a worker may do, in all.

    Attributes:
        everybody: the provider's limits.
        domains: of recipients' domains, in A-labels.
        runs: of single runs.
        hours: when people may be written to; None: at any time.
    """

    everybody: Limits = field(default_factory=Limits)
    domains: Mapping[str, Limits] = field(default_factory=dict)
    runs: Mapping[int, Limits] = field(default_factory=dict)
    hours: Hours | None = None


class Pace:
    """What the writer asks before it claims rows and lets messages leave.

    Attributes:
        must_look: somebody may not be written to at this hour, and there may be more of them.
        asleep: their rows, as far as they were found and still have to be put off.
        postponed: how many messages had to wait for their people's hours.
    """

    def __init__(
        self,
        options: PaceOptions,
        run_nos: Collection[int],
        clock: Callable[[], float] = time.monotonic,
        slower: Slower | None = None,
    ) -> None:
        self._all = Limiter(options.everybody, clock)
        self._slower = slower or Slower(options.everybody.per_second, clock)
        self._domains = Domains(options.domains, clock)
        self._runs = {run_no: Limiter(one, clock) for run_no, one in options.runs.items()}
        self._has_free_runs = any(run_no not in options.runs for run_no in run_nos)
        self.hours = options.hours
        self.must_look = False
        self.asleep: list[Asleep] = []
        self.postponed = 0

    # --- claiming ---------------------------------------------------------------------------------

    def room(self, held: Sequence[Claim], now: datetime) -> float:
        """How many rows more it makes sense to hold: none that would wait for half its lease."""
        most = self._all.room(now, CLAIM_AHEAD_S) - len(held)
        if not self._has_free_runs:
            counts = Counter(claim.run_no for claim in held)
            most = min(most, sum(max(0, self._room_of(run_no, counts, now)) for run_no in self._runs))
        return most

    def _room_of(self, run_no: int, held: Counter[int], now: datetime) -> float:
        return self._runs[run_no].room(now, CLAIM_AHEAD_S) - held[run_no]

    def with_room(
        self, due: Mapping[int, datetime], held: Sequence[Claim], now: datetime
    ) -> dict[int, datetime]:
        """Those runs of which one row more may be held; to claim of the others would be in vain."""
        counts = Counter(claim.run_no for claim in held)
        return {
            run_no: at
            for run_no, at in due.items()
            if run_no not in self._runs or self._room_of(run_no, counts, now) >= 1
        }

    def shares(self, held: Sequence[Claim], wanted: int, now: datetime) -> tuple[int, dict[int, int]]:
        """How many of the wanted rows have their shares, and at most how many of the runs with limits."""
        counts = Counter(claim.run_no for claim in held) if self._runs else Counter[int]()
        total = max(0, min(wanted, self._all.sure_room(now, CLAIM_AHEAD_S) - len(held)))
        of_runs = {
            run_no: int(max(0, min(total, limiter.sure_room(now, CLAIM_AHEAD_S) - counts[run_no])))
            for run_no, limiter in self._runs.items()
        }
        return int(total if self._has_free_runs else min(total, sum(of_runs.values()))), of_runs

    def screen(
        self, claims: Sequence[Claim], held: Sequence[Claim], now: datetime
    ) -> tuple[list[Claim], list[Later]]:
        """Claims that may leave soon, and those that have to wait: for their morning, for their domain."""
        kept: list[Claim] = [*claims]
        later: list[Later] = []
        if self.hours is not None:
            kept, later = self._awake(self.hours, claims, now)
        if self._domains:
            kept, crowded = self._domains.screen(kept, held, now)
            later += crowded
        return kept, later

    def _awake(self, hours: Hours, claims: Sequence[Claim], now: datetime) -> tuple[list[Claim], list[Later]]:
        waits = {zone: hours.until(zone, now) for zone in {claim.timezone for claim in claims}}
        kept: list[Claim] = []
        later: list[Later] = []
        for claim in claims:
            until = waits[claim.timezone]
            if until is None or (claim.send_before is not None and claim.send_before <= now):
                kept.append(claim)  # what is too late is settled as such
            else:
                later.append((claim, until))
        self.must_look = self.must_look or bool(later)
        self.postponed += len(later)
        return kept, later

    def look_for_asleep(self, connection: sa.Connection, run_nos: Collection[int], now: datetime) -> None:
        """Find others who may not be written to at this hour, so that they need not be claimed first."""
        if self.hours is not None:
            waits, others = self.hours.all_waits(now)
            self.asleep = find_asleep(connection, run_nos, waits, others, known=all_zones(), now=now)
            self.must_look = len(self.asleep) >= FOUND_AT_ONCE
            self.postponed += len(self.asleep)

    @property
    def must_postpone(self) -> bool:
        """There are people who have to wait, or may be."""
        return self.must_look or bool(self.asleep)

    # --- leaving ----------------------------------------------------------------------------------

    def choose(self, intents: Sequence[Intent], now: datetime) -> Sequence[Intent]:
        """Those that may leave now."""
        self._all.bucket.change(self._slower.per_second)  # it grows again by itself
        room = 0 if self._slower.wait_s else self._all.available(now)
        if not self._runs and not self._domains:
            return intents[: int(min(len(intents), room))]
        rooms: dict[Limiter, float] = {}
        chosen: list[Intent] = []
        for intent in intents:
            if len(chosen) >= room:
                break
            own = [*self._special(intent.claim)]
            if all(rooms.setdefault(limiter, limiter.available(now)) >= 1 for limiter in own):
                chosen.append(intent)
                rooms |= {limiter: rooms[limiter] - 1 for limiter in own}
        return chosen

    def _special(self, claim: Claim) -> Iterator[Limiter]:
        for limiter in (self._runs.get(claim.run_no), self._domains.of(claim)):
            if limiter is not None:
                yield limiter

    def took(self, intents: Sequence[Intent]) -> None:
        """These leave."""
        self._all.take(len(intents))
        self._slower.left(len(intents))
        if self._runs or self._domains:
            for intent in intents:
                for limiter in self._special(intent.claim):
                    limiter.take(1)

    def wait_s(self, ready: Sequence[Intent], now: datetime) -> float:
        """Seconds until one of these may leave, or it is worth asking again."""
        everybody = max(self._slower.wait_s, self._all.wait_s(now))
        own = ([limiter.wait_s(now) for limiter in self._special(one.claim)] for one in ready)
        return max(everybody, min((max(waits, default=0.0) for waits in own), default=0.0))

    def stuck(self, ready: Sequence[Intent], now: datetime) -> list[tuple[Intent, datetime]]:
        """Those whose limit is used up for longer than they should keep a connection, and until when."""
        if not self._runs and not self._domains and self._all.free(now) is None:
            return []
        far = now + timedelta(seconds=CLAIM_AHEAD_S)
        found = []
        for intent in ready:
            frees = (limiter.free(now) for limiter in (self._all, *self._special(intent.claim)))
            until = max((free[0] for free in frees if free), default=now)
            if until > far:
                found.append((intent, until))
        return found

    def first_due(self, due: Mapping[int, datetime], now: datetime) -> Free | None:
        """When the first message may leave of runs whose first is due then; None when there is none.

        The second is the limit that is used up until then; empty when it is the message that is not due yet.
        """
        found = []
        for run_no, at in due.items():
            own = self._runs.get(run_no)
            frees = (self._all.free(now), own.free(now) if own else None)
            found.append(max([(at, ""), *(free for free in frees if free)]))
        return min(found, default=None)

    def used_up(self, due: Mapping[int, datetime], now: datetime) -> dict[int, Free]:
        """Of which runs somebody is due whom a limit keeps waiting: until when, and which limit."""
        frees = {run_no: self.first_due({run_no: at}, now) for run_no, at in due.items() if at <= now}
        for run_no in frees.keys() & self._runs.keys():
            if (next_one := self._runs[run_no].slow(now, LONG_S)) is not None:
                frees[run_no] = max(frees[run_no] or next_one, next_one)
        return {run_no: free for run_no, free in frees.items() if free is not None and free[0] > now}

    def holds_up(self, due: Mapping[int, datetime], now: datetime) -> bool:
        """Somebody is due, and limits keep everybody waiting who is."""
        are_due = {run_no for run_no, at in due.items() if at <= now}
        return bool(are_due) and are_due == self.used_up(due, now).keys()

    # --- shares of what all workers have together -------------------------------------------------

    def needs(self, ready: Sequence[Intent], held: Sequence[Claim], wanted: int, now: datetime) -> bool:
        """Shares are to be taken before the next round."""
        return any(
            limiter.needs(now, ready=waiting, held=count)
            for limiter, waiting, count in self._asked(ready, held, wanted)
        )

    def refill(
        self,
        connection: sa.Connection,
        ready: Sequence[Intent],
        held: Sequence[Claim],
        wanted: int,
        now: datetime,
    ) -> list[Callable[[], None]]:
        """Take shares for what is in hand, and for rows to be claimed; ours when these are called."""
        return [
            take
            for limiter, waiting, count in self._asked(ready, held, wanted)
            for take in limiter.refill(connection, now, ready=waiting, held=count)
        ]

    def _asked(
        self, ready: Sequence[Intent], held: Sequence[Claim], wanted: int
    ) -> Iterator[tuple[Limiter, int, int]]:
        yield self._all, len(ready), len(held) + wanted
        if self._runs:
            of_ready = Counter(intent.claim.run_no for intent in ready)
            of_held = Counter(claim.run_no for claim in held)
            for run_no, limiter in self._runs.items():
                yield limiter, of_ready[run_no], of_held[run_no] + wanted
        if self._domains:
            of_ready_domains = dict(self._domains.counted(intent.claim for intent in ready))
            for limiter, count in self._domains.counted(held):
                yield limiter, of_ready_domains.get(limiter, 0), count

    def give_back(self, connection: sa.Connection) -> None:
        """Give back all shares that nobody will use."""
        for limiter in self._limiters():
            limiter.give_back(connection)

    @property
    def has_shares(self) -> bool:
        """There is something to give back."""
        return any(limiter.has_shares for limiter in self._limiters())

    def _limiters(self) -> Iterator[Limiter]:
        yield self._all
        yield from self._runs.values()
        yield from self._domains.limiters()

    # --- what the provider says -------------------------------------------------------------------

    def hear(self, results: Sequence[Result]) -> str | None:
        """Go slower where the provider asks for it; return why to pause, when even that is in vain."""
        why = None
        for result in results:
            outcome = result.outcome
            if isinstance(outcome, Sent):
                self._slower.accepted()
            elif isinstance(outcome, TemporaryFailure) and outcome.slows:
                self._slower.throttled(outcome.retry_after_s)
                self._all.bucket.change(self._slower.per_second)
                why = why or judge_throttling(self._slower.in_vain, str(outcome))
        return why

    @property
    def slowed(self) -> float | None:
        """Messages a second, when it is the provider that wants no more."""
        return self._slower.slowed
