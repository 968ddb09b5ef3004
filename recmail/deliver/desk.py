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
from recmail.deliver.drafter import Claims, Draft, Drafted, Drafter, GivenBack, Left, Write
from recmail.deliver.gate import Gate
from recmail.deliver.lanes import Held, Lanes, held
from recmail.deliver.sender import Connected, Done, NotConnected, Sender
from recmail.records import Claim

_LEFT_BEHIND_AFTER_S = 10.0
Report = Drafted | GivenBack | Connected | NotConnected | Done | Left


class Desk:
    """Used by the writer alone, except for its two queues.

    Args:
        drafters: how many threads have messages written.

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
        drafters: int = 1,
        at_once: Mapping[str, int] | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._gate, self._connections, self._lanes = gate, connections, Lanes(at_once or {})
        self._claims: Claims = SimpleQueue()
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._drafters = [Drafter(self._claims, self._reports.put, write) for _ in range(drafters)]
        self._threads = 0
        # The senders: each is in one of these lists, connecting, or has a message in hand.
        self._idle: list[Sender] = []
        self._unconnected: list[Sender] = []
        self._connecting = 0
        self._senders: list[Sender] = []
        self._held: dict[Held, Claim] = {}  # the intent is not committed: in a lane, being written, or ready
        self._ready: dict[Held, Draft] = {}
        self._flying: set[Held] = set()  # the intent is committed, there is no result yet
        self._breaker = breaker or Breaker()
        self.results: list[Result] = []
        self.back: list[Claim] = []
        self.later: list[Later] = []
        self.problem: str | None = None
        self.error: Exception | None = None

    def open(self) -> None:
        """Let the drafters begin; senders begin when there is something for them."""
        for drafter in self._drafters:
            drafter.start()
            self._threads += 1

    # --- what the others report -------------------------------------------------------------------

    def receive(self, timeout_s: float, *, gather_s: float) -> None:
        """Wait for a report, then a moment longer for those of the messages that are on their way."""
        self._take(timeout_s)
        until = time.perf_counter() + gather_s
        while self._take(max(0.0, until - time.perf_counter()) if self._flying else 0.0):
            pass

    def _take(self, timeout_s: float) -> bool:
        try:
            report = self._reports.get(timeout=timeout_s) if timeout_s else self._reports.get_nowait()
        except Empty:
            return False
        match report:
            case Drafted(drafts, results):
                self._ready |= {held(draft.intent.claim): draft for draft in drafts}
                for result in results:
                    self._settle(result)
            case GivenBack(claims, error):
                for claim in claims:
                    self._give_back(claim)
                self.error = self.error or error
            case Connected(sender):
                self._connecting -= 1
                self._idle.append(sender)
            case NotConnected(sender, why, trouble):
                self._connecting -= 1
                self._unconnected.append(sender)
                self.problem = self.problem or (None if why is None else str(why))
                self.error = self.error or trouble
            case Done(sender, result, trouble):
                (self._idle if sender.is_connected else self._unconnected).append(sender)
                self._settle(result)
                self.problem = self.problem or self._breaker.judge(result)
                self.error = self.error or trouble
            case Left():
                self._threads -= 1
        return True

    def _settle(self, result: Result) -> None:
        self._let_go(result.claim)
        self.results.append(result)

    def _give_back(self, claim: Claim) -> None:
        self._let_go(claim)
        self.back.append(claim)

    def _let_go(self, claim: Claim) -> None:
        self._held.pop(held(claim), None)
        self._flying.discard(held(claim))
        self._make_room(claim)

    def _make_room(self, claim: Claim) -> None:
        if (following := self._lanes.leave(claim)) is not None:
            self._claims.put(following)

    def _connect(self) -> None:
        """Have as many connections as there is work for."""
        there = len(self._idle) + self._connecting + len(self._flying)
        while there < min(self._connections, self.in_hand + len(self._flying)):
            if not self._unconnected:
                sender = Sender(self._reports.put, self._gate)
                sender.start()
                self._threads += 1
                self._senders.append(sender)
                self._unconnected.append(sender)
            self._unconnected.pop().connect()
            self._connecting += 1
            there += 1

    # --- what is on it ----------------------------------------------------------------------------

    @property
    def held(self) -> list[Claim]:
        """Rows that are claimed and whose intent is not committed."""
        return [*self._held.values()]

    @property
    def in_hand(self) -> int:
        """Claims that are being written or ready, and not those that wait for their domain."""
        return len(self._held) - self._lanes.waiting

    @property
    def ready(self) -> list[Intent]:
        """Messages that could leave now, the oldest first."""
        return [draft.intent for draft in self._ready.values()]

    @property
    def idle(self) -> int:
        """How many connections are open that have nothing to send."""
        return len(self._idle)

    @property
    def flying(self) -> int:
        """How many messages are on their way."""
        return len(self._flying)

    @property
    def is_empty(self) -> bool:
        """Nothing is claimed, on its way, or to be written down."""
        return self.is_settled and not self._held

    @property
    def is_settled(self) -> bool:
        """Nothing is on its way, or to be written down; what is only claimed ends by itself."""
        return not (self._flying or self.results or self.back or self.later)

    # --- what the writer answers ------------------------------------------------------------------

    def put(self, claims: Iterable[Claim], now: datetime) -> None:
        """Have messages written, as many to one domain as may be in hand at once."""
        going, later, staying = self._lanes.admit(claims, now)
        self._held.update((held(claim), claim) for claim in (*going, *staying))
        self.later += later
        for claim in going:
            self._claims.put(claim)
        if not (self.problem or self.error):
            self._connect()

    def answer(self, intents: Iterable[Intent], accepted: set[Key]) -> None:
        """Let messages leave whose intents are accepted; of the others nothing is kept.

        Args:
            accepted: no more than there are idle connections.
        """
        for intent in intents:
            key = held(intent.claim)
            draft = self._ready.pop(key)
            self._held.pop(key, None)
            if intent.key in accepted:
                self._idle.pop().send(draft)
                self._flying.add(key)
            else:
                self._make_room(intent.claim)

    def put_off(self, stuck: Iterable[tuple[Intent, datetime]]) -> None:
        """Let messages wait that are ready, so that others can be written."""
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
            self._give_back(waiting)
        while True:
            try:
                claim = self._claims.get_nowait()
            except Empty:
                break
            if claim is not None:
                self._give_back(claim)
        refused = self.ready
        self.back += [intent.claim for intent in refused]
        self.answer(refused, set())

    def close(self) -> None:
        """Send everybody home; who waits for a reply that nobody could record any more is left behind."""
        self._gate.close()
        for _ in self._drafters:
            self._claims.put(None)
        for sender in self._senders:
            sender.go_home()
        until = time.monotonic() + _LEFT_BEHIND_AFTER_S
        while self._threads and self._take(max(0.0, until - time.monotonic())):
            pass
