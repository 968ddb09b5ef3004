"""All limits of one group of messages (a provider's, a domain's, a run's), seen as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.deliver.quota import Quota
from recmail.deliver.rate import TokenBucket
from recmail.deliver.spans import Limits


class Limiter:
    """A token bucket of this worker, and its shares of what all workers have together.

    What it is asked with `ready` counts messages that could leave now, with `held` all that are in hand: a
    second's shares are taken for the former, those of longer times for all, so that none is written in vain.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.bucket = TokenBucket(limits.per_second, clock)
        self._quotas = [Quota(span) for span in limits.spans]
        self._lasting = [quota for quota in self._quotas if quota.span.lasts]

    def available(self, now: datetime) -> float:
        """How many messages may leave now."""
        return min([self.bucket.available(), *(quota.available(now) for quota in self._quotas)])

    def room(self, now: datetime, seconds: float) -> float:
        """How many may leave within so many seconds, as far as is known."""
        return min([self.bucket.within(seconds), *(quota.room(now) for quota in self._lasting)])

    def sure_room(self, now: datetime, seconds: float) -> float:
        """How many of them have their shares already."""
        return min([self.bucket.within(seconds), *(quota.available(now) for quota in self._lasting)])

    def needs(self, now: datetime, *, ready: int, held: int) -> bool:
        """Shares can be taken that are wanted."""
        return any(quota.needs(now, held if quota.span.lasts else ready) for quota in self._quotas)

    def refill(
        self, connection: sa.Connection, now: datetime, *, ready: int, held: int
    ) -> Iterator[Callable[[], None]]:
        """Take the shares that are wanted; they are ours when these are called, after the commit."""
        for quota in self._quotas:
            wanted = held if quota.span.lasts else ready
            if quota.needs(now, wanted):
                yield quota.refill(connection, now, wanted)

    def take(self, count: int) -> None:
        """Use what `available` has promised."""
        self.bucket.take(count)
        for quota in self._quotas:
            quota.take(count)

    def wait_s(self, now: datetime) -> float:
        """Seconds until it is worth asking again whether a message may leave; 0 when one may."""
        waits = [quota.ask_in(now) for quota in self._quotas]
        return max([self.bucket.wait_s(), *(wait.total_seconds() for wait in waits)])

    def free(self, now: datetime) -> tuple[datetime, str] | None:
        """When there is something again, and which limit is used up; None when none is for longer."""
        waits = [(at, quota.span.in_words) for quota in self._lasting if (at := quota.free_at(now))]
        return max(waits, default=None)

    def slow(self, now: datetime, than_s: float) -> tuple[datetime, str] | None:
        """When the rate lets the next message leave, and what it is, if that takes longer than so long."""
        wait_s = self.bucket.wait_s()
        words = [quota.span.in_words for quota in self._quotas]
        return (now + timedelta(seconds=wait_s), words[0]) if wait_s > than_s and words else None

    def give_back(self, connection: sa.Connection) -> None:
        """Give back what nobody will use."""
        for quota in self._quotas:
            quota.give_back(connection)

    @property
    def has_shares(self) -> bool:
        """Something would be given back."""
        return any(quota.has_shares for quota in self._quotas)
