"""How many messages to one domain are in hand at once; who has to wait for that keeps nobody else waiting."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recmail.db.ledger_postponed import Later
from recmail.deliver.esp import EVERY_OTHER
from recmail.records import Claim
from recmail.tokens import email_key

_AHEAD_S = 15.0  # a quarter of a claim's lease
_STOCK, _STOCK_S, _MOST_STOCK = 4, 1.0, 32  # claims that wait for each place, so that none stays empty
_MOST_WAITING = 2_000
_SHORTEST, _LONGEST = timedelta(seconds=0.2), timedelta(minutes=1)
# Rows that come back too early cost a look at the ledger, those that come back too late leave places empty.
_EARLY = 0.5
_REMEMBERED = 10_000  # domains; `*` may meet any number of them
_LATEST_COUNTS = 0.1  # of what a place is taken for, when it is longer than before
Held = tuple[int, int, str]
"""Run, person and claim: what tells two claims of one row apart."""


def held(claim: Claim) -> Held:
    """What a claim is known by."""
    return (claim.run_no, claim.user_no, claim.claim_id)


@dataclass
class _Lane:
    places: int
    waiting: deque[Claim] = field(default_factory=deque)
    taken: int = 0
    each_s: float | None = None
    booked: datetime | None = None

    @property
    def has_room_to_wait(self) -> bool:
        if self.each_s is None:
            return len(self.waiting) < _STOCK * self.places
        stock = min(max(_STOCK, _STOCK_S / self.each_s), _MOST_STOCK, _AHEAD_S / self.each_s)
        return len(self.waiting) < int(stock) * self.places

    def freed(self, taken_s: float) -> None:
        """One place was taken for so long."""
        self.taken -= 1
        usual_s = taken_s if self.each_s is None else self.each_s + _LATEST_COUNTS * (taken_s - self.each_s)
        self.each_s = max(0.001, min(taken_s, usual_s))

    def book(self, now: datetime) -> datetime:
        """When a place may be free for one more: rows come back one by one, and not all at once."""
        apart = timedelta(seconds=_EARLY * (self.each_s or 0.0) / self.places)
        first = max(self.booked or now, now + apart * len(self.waiting))
        self.booked = min(first + apart, now + _LONGEST)
        return max(self.booked, now + _SHORTEST)


class Lanes:
    """Used by the writer alone.

    A claim that finds its domain's places taken waits beside the queue, where no sender is kept by it; when
    enough are waiting, its row goes back into the ledger for later, so that others can be claimed.

    Args:
        places: by domain in A-labels; `*` for each other domain. Empty for no limits.
        clock: seconds that only grow; for tests.

    Attributes:
        waiting: how many claims wait here.
    """

    def __init__(self, places: Mapping[str, int], clock: Callable[[], float] = time.monotonic) -> None:
        self._places, self._clock = places, clock
        self._lanes: dict[str, _Lane] = {}
        self._taken: dict[Held, tuple[_Lane, float]] = {}
        self.waiting = 0

    def admit(self, claims: Iterable[Claim], now: datetime) -> tuple[list[Claim], list[Later], list[Claim]]:
        """Those that may go to the senders, those that are put off and until when, those that wait here."""
        if not self._places:
            return [*claims], [], []
        going: list[Claim] = []
        later: list[Later] = []
        staying: list[Claim] = []
        for claim in claims:
            lane = self._lane(claim)
            if lane is None or self._take(lane, claim):
                going.append(claim)
            elif self.waiting < _MOST_WAITING and lane.has_room_to_wait:
                lane.waiting.append(claim)
                self.waiting += 1
                staying.append(claim)
            else:
                later.append((claim, lane.book(now)))
        return going, later, staying

    def leave(self, claim: Claim) -> Claim | None:
        """A claim is in nobody's hands any more; the one that gets its place, if it had one."""
        found = self._taken.pop(held(claim), None)
        if found is None:
            return None
        lane, since_s = found
        lane.freed(self._clock() - since_s)
        if not lane.waiting:
            return None
        self.waiting -= 1
        following = lane.waiting.popleft()
        self._take(lane, following)
        return following

    def clear(self) -> list[Claim]:
        """Those that wait here, who wait no longer."""
        found = [claim for lane in self._lanes.values() for claim in lane.waiting]
        for lane in self._lanes.values():
            lane.waiting.clear()
        self.waiting = 0
        return found

    def _take(self, lane: _Lane, claim: Claim) -> bool:
        if lane.taken >= lane.places:
            return False
        lane.taken += 1
        self._taken[held(claim)] = (lane, self._clock())
        return True

    def _lane(self, claim: Claim) -> _Lane | None:
        domain = (email_key(claim.email or "") or "").rpartition("@")[2]
        places = self._places.get(domain, self._places.get(EVERY_OTHER))
        if places is None or not domain:
            return None  # without an address it is settled at once
        if domain not in self._lanes:
            if len(self._lanes) >= _REMEMBERED:
                self._lanes = {name: lane for name, lane in self._lanes.items() if lane.taken}
            self._lanes[domain] = _Lane(places)
        return self._lanes[domain]
