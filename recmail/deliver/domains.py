"""Limits of recipients' domains: who cannot be written to soon gives way to people of other domains."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from recmail.db.ledger_postponed import Later
from recmail.deliver.limiter import Limiter
from recmail.deliver.spans import Limits
from recmail.records import Claim
from recmail.tokens import email_key

# A message that waits for its domain keeps a connection from messages that need not wait.
AHEAD_S = 1.0
_LONGEST = timedelta(hours=1)


@lru_cache(maxsize=4_096)
def domain_of(email: str | None) -> str:
    """An address's domain in A-labels, to look its limit up; empty where there is none."""
    return (email_key(email or "") or "").rpartition("@")[2]


class Domains:
    """The limits by domain; each of them by itself."""

    def __init__(self, limits: Mapping[str, Limits], clock: Callable[[], float] = time.monotonic) -> None:
        self._limiters = {domain: Limiter(one, clock) for domain, one in limits.items()}
        self._each = {domain: one.apart for domain, one in limits.items()}
        self._booked: dict[str, datetime] = {}

    def __bool__(self) -> bool:
        return bool(self._limiters)

    def of(self, claim: Claim) -> Limiter | None:
        """The limits of a recipient's domain; None where it has none."""
        return self._limiters.get(domain_of(claim.email))

    def counted(self, claims: Iterable[Claim]) -> Iterator[tuple[Limiter, int]]:
        """How many of these messages go to each domain with limits."""
        for domain, count in Counter(domain_of(claim.email) for claim in claims).items():
            if domain in self._limiters:
                yield self._limiters[domain], count

    def screen(
        self, claims: Iterable[Claim], held: Iterable[Claim], now: datetime
    ) -> tuple[list[Claim], list[Later]]:
        """Those that may leave soon, and those that have to wait for their domain, each for its own time."""
        counts = Counter(domain_of(claim.email) for claim in held)
        kept: list[Claim] = []
        later: list[Later] = []
        for claim in claims:
            domain = domain_of(claim.email)
            limiter = self._limiters.get(domain)
            if limiter is None or counts[domain] < limiter.room(now, AHEAD_S):
                counts[domain] += 1
                kept.append(claim)
            else:
                later.append((claim, self._book(domain, limiter, now)))
        return kept, later

    def _book(self, domain: str, limiter: Limiter, now: datetime) -> datetime:
        """The next place in the domain's line; so that not all come back at once."""
        free = limiter.free(now)
        begin = max(self._booked.get(domain, now), now if free is None else free[0])
        self._booked[domain] = min(begin + self._each[domain], now + _LONGEST)
        return self._booked[domain]

    def limiters(self) -> Iterable[Limiter]:
        """All of them."""
        return self._limiters.values()
