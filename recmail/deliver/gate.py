"""Opening connections to a provider: all at once while it answers, one try at a time while it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from recmail.deliver.esp import Esp
from recmail.errors import TemporaryFailure

_LONGEST_WAIT_S = 60.0


class Gate:
    """Connects for many threads, and backs off for all of them together.

    A server that takes fewer connections than we want is not down: as long as one is open, there is hope.

    Args:
        tries: failures in a row, with no connection open, until the provider counts as down.
        wait_s: before the second try; it doubles from there.
    """

    def __init__(self, connect: Callable[[], Esp], *, tries: int, wait_s: float) -> None:
        self._connect, self._tries, self._wait_s = connect, tries, wait_s
        self._changed = threading.Condition()
        self._is_closed = self._is_trying = False
        self._open = 0
        self._failures = self._failures_alone = 0
        self._retry_at_s = 0.0

    def wait(self) -> None:
        """Wait until it makes sense to ask for a connection."""
        with self._changed:
            while not self._is_closed and not self._may_try():
                wait_s = self._retry_at_s - time.monotonic()
                self._changed.wait(wait_s if wait_s > 0 else None)

    def _may_try(self) -> bool:
        return not self._failures or (not self._is_trying and time.monotonic() >= self._retry_at_s)

    def open(self) -> Esp | None:
        """A new connection; None while there is none to be had.

        Raises:
            TemporaryFailure: the provider is down.
            AccountRefused: it does not want us.
        """
        with self._changed:
            if self._is_closed or not self._may_try():
                return None
            self._is_trying = True
            seen = self._failures
        try:
            connection = self._connect()
        except TemporaryFailure as error:
            if self._failed(seen):
                raise TemporaryFailure(f"{error} ({self._failures_alone} tries)") from error
            return None
        finally:
            with self._changed:
                self._is_trying = False
                self._changed.notify_all()
        with self._changed:
            self._open += 1
            self._failures = self._failures_alone = 0
        return connection

    def _failed(self, seen: int) -> bool:
        """Count a failure, those of one moment once; tell whether the provider is down."""
        with self._changed:
            if seen == self._failures:
                self._failures += 1
                self._failures_alone += not self._open
                wait_s = self._wait_s * 2.0 ** min(self._failures - 1, 30)
                self._retry_at_s = time.monotonic() + min(wait_s, _LONGEST_WAIT_S)
            return self._failures_alone >= self._tries

    @property
    def is_closed(self) -> bool:
        """It gives out no more connections."""
        return self._is_closed

    def left(self) -> None:
        """A connection that came from here is closed."""
        with self._changed:
            self._open -= 1

    def close(self) -> None:
        """Give out no more connections, and let nobody wait for one."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
