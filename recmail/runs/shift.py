"""Who works by itself, when, and whom it tells: what every step of a scheduler is given."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime

from recmail.runs.news import News, Tell
from recmail.runs.project import Project


class Halted(Exception):  # noqa: N818 - nothing is wrong
    """The process is to end; what was begun is taken up again later."""


@dataclass(frozen=True)
class Shift:
    """One look of a scheduler.

    Attributes:
        now: business time.
        who: for the audit.
        stop: set when the process is to end.
    """

    project: Project
    now: datetime
    who: str
    tell: Tell
    stop: threading.Event = field(default_factory=threading.Event)

    def go_on(self, *_progress: object) -> None:
        """Pass a point at which work may end and be taken up again.

        Raises:
            Halted: the process is to end.
        """
        if self.stop.is_set():
            raise Halted

    def news(
        self, what: str, text: str, campaign: str | None, run: int | None = None, *, is_bad: bool = False
    ) -> None:
        """Tell of an event."""
        self.tell(News(self.now, what, text, campaign, run, is_bad))


def at(moment: datetime) -> str:
    """Return an instant as logs and reasons write it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
