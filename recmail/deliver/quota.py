"""A worker's share of a limit that all workers have together: taken in portions, used within their slot."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.db.quotas import Taken, return_quota, take_quota
from recmail.deliver.spans import Span

_LARGEST_PORTION = 4_096


class Quota:
    """What one worker holds of a span; a crash loses no more than its portion.

    Times are of the business clock, since quotas and warm-ups are about days.
    """

    def __init__(self, span: Span) -> None:
        self.span = span
        self._slot, self._left = -1, 0
        self._portion = 1
        self._free_at: datetime | None = None  # known to be used up until then
        self._ask_at: datetime | None = None  # others may give something back before

    def available(self, now: datetime) -> float:
        """How many messages may leave now; infinite without a limit."""
        if self.span.most(now) is None:
            return math.inf
        return self._left if self._slot == self.span.slot(now) else 0

    def room(self, now: datetime) -> float:
        """How many may be had, as far as is known: infinite until it is known to be used up."""
        return self.available(now) if self._is_waiting(now) else math.inf

    def _is_waiting(self, now: datetime) -> bool:
        return self._ask_at is not None and now < self._ask_at

    def needs(self, now: datetime, wanted: int) -> bool:
        """Something can be taken that is wanted."""
        return self.available(now) < wanted and not self._is_waiting(now)

    def free_at(self, now: datetime) -> datetime | None:
        """When there is something again; None when there is now, or it is not known to be used up."""
        return self._free_at if self._is_waiting(now) and not self.available(now) else None

    def ask_in(self, now: datetime) -> timedelta:
        """How long nothing can be taken, and there is nothing."""
        if self._ask_at is None or self.available(now):
            return timedelta()
        return max(timedelta(), self._ask_at - now)

    @property
    def has_shares(self) -> bool:
        """Something would be given back."""
        return self._left > 0

    def refill(self, connection: sa.Connection, now: datetime, wanted: int) -> Callable[[], None]:
        """Take what is wanted, and more the more often that was not enough; in a transaction of its own.

        It is ours once what is returned is called, after the commit: what was rolled back is nobody's.
        """
        most, slot = self.span.most(now), self.span.slot(now)
        if slot != self._slot:
            self.give_back(connection)
            self._slot, self._portion = slot, max(1, self._portion // 2)
        needed = wanted - self._left
        taken = take_quota(
            connection,
            self.span.scope,
            slot=slot,
            since=self.span.since(now),
            most=most or 0,
            wanted=range(needed, max(needed, self._portion)),
        )
        return lambda: self._got(taken, needed, now)

    def _got(self, taken: Taken, needed: int, now: datetime) -> None:
        self._left += taken.granted
        self._portion = min(_LARGEST_PORTION, 2 * max(needed, self._portion))
        self._free_at = self._ask_at = None
        if taken.granted < needed:
            self._free_at = self.span.free_at(taken.oldest)
            next_slot = now + (self.span.free_at(self._slot) - self.span.free_at(self._slot - 1))
            self._ask_at = min(self._free_at, next_slot)

    def take(self, count: int) -> None:
        """Use what `available` has promised."""
        self._left -= count

    def give_back(self, connection: sa.Connection) -> None:
        """Give back what is left, once: nobody else could use it.

        It is not ours any more even if the transaction fails. Tried again after a commit whose answer was
        lost it would be given back twice, and the limit passed; so it is lost until its slot counts no more.
        """
        if self._left > 0:
            return_quota(connection, self.span.scope, slot=self._slot, unused=self._left)
        self._left = 0
