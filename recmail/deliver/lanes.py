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
_STOCK = 4  # claims that wait for each place, so that none stays empty
_LONGEST = timedelta(minutes=5)
_FIRST_GUESS_S = 0.1
_REMEMBERED = 10_000  # domains; `*` may meet any number of them
_LATEST_COUNTS = 0.2  # of what a place is taken for, on average
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
    each_s: float = _FIRST_GUESS_S
    booked: datetime | None = None

    @property
    def has_room_to_wait(self) -> bool:
        most = min(_STOCK, int(_AHEAD_S / self.each_s))
        return len(self.waiting) < most * self.places

    def book(self, now: datetime) -> datetime:
        """When a place may be free for one more: the rows come back one by one, and not all at once."""
        apart = timedelta(seconds=self.each_s / self.places)
        first = max(self.booked or now, now + apart * len(self.waiting))
        self.booked = min(first + apart, now + _LONGEST)
        return self.booked


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
            elif lane.has_room_to_wait:
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
        lane.taken -= 1
        lane.each_s += _LATEST_COUNTS * (max(self._clock() - since_s, 0.001) - lane.each_s)
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
