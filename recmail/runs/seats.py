"""Which courses are full while a run is sent: asked once a minute for all messages, not for each."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.courses import full_courses

KNOWN_FOR = timedelta(minutes=1)


class FullCourses:
    """Used by many threads at once, of which one asks and the others wait for it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._found: frozenset[int] = frozenset()
        self._asked_at: datetime | None = None

    def at(self, now: datetime) -> frozenset[int]:
        """The course_no of all courses without a free seat, as of a minute ago at most."""
        with self._lock:
            if self._asked_at is None or abs(now - self._asked_at) >= KNOWN_FOR:
                with reading(self._engine) as connection:
                    self._found = full_courses(connection, now)
                self._asked_at = now
            return self._found
