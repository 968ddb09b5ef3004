"""The writer's desk: what every claim of this worker is waiting for, and the threads that work on them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from queue import Empty, SimpleQueue

from recmail.db.ledger_intents import Intent
from recmail.db.ledger_postponed import Later
from recmail.db.ledger_results import Result
from recmail.db.ledger_rows import Key
from recmail.deliver.breaker import Breaker
from recmail.deliver.gate import Gate
from recmail.deliver.lanes import Held, Lanes, held
from recmail.deliver.sender import Claims, Done, GivenBack, Left, Ready, Report, Sender, Write
from recmail.records import Claim

_LEFT_BEHIND_AFTER_S = 10.0


class Desk:
    """Used by the writer alone, except for its two queues.

    Attributes:
        results: to be recorded.
        back: claims to be given back.
        later: claims that have to wait, and until when.
        problem: why the provider wants nobody now, once one sender has met that.
        error: what is broken besides.
    """

    def __init__(
        self,
        gate: Gate,
        write: Write,
        *,
        connections: int,
        at_once: Mapping[str, int] | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._gate, self._lanes = gate, Lanes(at_once or {})
        self._claims: Claims = SimpleQueue()
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._senders = [Sender(self._claims, self._reports, gate, write) for _ in range(connections)]
        self._open = 0
        self._held: dict[Held, Claim] = {}  # claimed: in a lane, in the queue or in a sender's hands
        self._flying: set[Held] = set()  # the intent is committed, there is no result yet
        self._ready: dict[Held, Ready] = {}
        self._breaker = breaker or Breaker()
        self.results: list[Result] = []
        self.back: list[Claim] = []
        self.later: list[Later] = []
        self.problem: str | None = None
        self.error: Exception | None = None

    def open(self) -> None:
        """Let the senders begin."""
        for sender in self._senders:
            sender.start()
            self._open += 1

    # --- what the senders report ------------------------------------------------------------------

    def receive(self, timeout_s: float, *, gather_s: float) -> None:
        """Wait for a report, then a moment longer for those of the connections that are at work."""
        self._take(timeout_s)
        until = time.perf_counter() + gather_s
        while self._at_work() and (left_s := until - time.perf_counter()) > 0 and self._take(left_s):
            pass

    def _at_work(self) -> int:
        """How many senders will report something more."""
        idle = len(self._ready) + self._claims.qsize() + self._lanes.waiting
        return len(self._held) - idle + len(self._flying)

    def _take(self, timeout_s: float | None) -> bool:
        try:
            report = self._reports.get(timeout=timeout_s)
        except Empty:
            return False
        match report:
            case Ready():
                self._ready[held(report.intent.claim)] = report
            case Done(result, error):
                self._let_go(result.claim)
                self.results.append(result)
                self.problem = self.problem or self._breaker.judge(result)
                self.error = self.error or error
            case GivenBack(claim, why, error):
                self._let_go(claim)
                self.back.append(claim)
                self.problem = self.problem or (None if why is None else str(why))
                self.error = self.error or error
            case Left():
                self._open -= 1
        return True

    def _let_go(self, claim: Claim) -> None:
        self._held.pop(held(claim), None)
        self._flying.discard(held(claim))
        self._make_room(claim)

    def _make_room(self, claim: Claim) -> None:
        if (following := self._lanes.leave(claim)) is not None:
            self._claims.put(following)

    # --- what is on it ----------------------------------------------------------------------------

    @property
    def held(self) -> list[Claim]:
        """Rows that are claimed and whose intent is not committed."""
        return [*self._held.values()]

    @property
    def queued(self) -> int:
        """Claims that no sender has taken yet."""
        return self._claims.qsize()

    @property
    def ready(self) -> list[Intent]:
        """Messages that could leave now."""
        return [ready.intent for ready in self._ready.values()]

    @property
    def is_busy(self) -> bool:
        """A sender has something in hand and will report."""
        return bool(self._held or self._flying)

    @property
    def is_empty(self) -> bool:
        """Nothing is claimed, on its way, or to be written down."""
        return not (self.is_busy or self.results or self.back or self.later)

    # --- what the writer answers ------------------------------------------------------------------

    def put(self, claims: Iterable[Claim], now: datetime) -> None:
        """Give claims to the senders, as many to one domain as may be in hand at once."""
        going, later, staying = self._lanes.admit(claims, now)
        self._held.update((held(claim), claim) for claim in (*going, *staying))
        self.later += later
        for claim in going:
            self._claims.put(claim)

    def answer(self, intents: Iterable[Intent], accepted: set[Key]) -> None:
        """Tell senders whether their messages may leave; the others keep nothing of theirs."""
        for intent in intents:
            ready = self._ready.pop(held(intent.claim))
            self._held.pop(held(intent.claim), None)
            may_leave = intent.key in accepted
            ready.verdict.put(may_leave)
            if may_leave:
                self._flying.add(held(intent.claim))
            else:
                self._make_room(intent.claim)

    def put_off(self, stuck: Iterable[tuple[Intent, datetime]]) -> None:
        """Let messages wait that are ready, and their senders go on with others."""
        for intent, until in stuck:
            self.answer([intent], set())
            self.later.append((intent.claim, until))

    def written_down(self) -> None:
        """The results and the claims given back or put off are committed."""
        self.results, self.back, self.later = [], [], []

    def clear(self) -> None:
        """Begin nothing new: what has not left is given back, what is on its way goes on."""
        self._gate.close()
        for waiting in self._lanes.clear():
            self._let_go(waiting)
            self.back.append(waiting)
        while True:
            try:
                claim = self._claims.get_nowait()
            except Empty:
                break
            if claim is not None:
                self._let_go(claim)
                self.back.append(claim)
        refused = self.ready
        self.back += [intent.claim for intent in refused]
        self.answer(refused, set())

    def close(self) -> None:
        """Send the senders home; who waits for a reply that nobody could record any more is left behind."""
        for _ in self._senders:
            self._claims.put(None)
        until = time.monotonic() + _LEFT_BEHIND_AFTER_S
        while self._open:
            self._gate.close()
            self.answer(self.ready, set())
            if not self._take(max(0.0, until - time.monotonic())):
                return
