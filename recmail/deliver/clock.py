"""The business clock: what time it is for due times, consent and caps; `--now` starts it elsewhere."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the machine's time, or a time that began at `start` and runs on.

    Leases never follow it: db.ledger_rows judges them by the machine's clock, or PostgreSQL's own.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start
        self._began_s = time.monotonic()

    @property
    def is_set(self) -> bool:
        """It was started at a time of somebody's choice."""
        return self._start is not None

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        if self._start is None:
            return datetime.now(UTC)
        return self._start + timedelta(seconds=time.monotonic() - self._began_s)
