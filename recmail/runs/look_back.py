"""What a scheduler does about what came back: it reads [bounces.*], and looks at early events again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from recmail.errors import ConfigError, RecmailError
from recmail.feedback.bounces import ReadMailbox, read_bounces
from recmail.feedback.mailbox import read_mailboxes
from recmail.feedback.recording import Counts, match_again
from recmail.runs.holding import holding
from recmail.runs.news import News, Tell
from recmail.runs.project import Project
from recmail.runs.shift import Halted, Shift

EVERY = timedelta(minutes=1)
EARLY = timedelta(hours=1)
"""So long an event may be ahead of the ledger: a sender's lease is over by then."""


class LookBack:
    """Looks at most once a minute; any number of processes may, one of them reads a mailbox at a time."""

    def __init__(self, project: Project, who: str, tell: Tell, stop: threading.Event) -> None:
        self._project, self._who, self._tell, self._stop = project, who, tell, stop
        self._last: datetime | None = None
        self._said: set[str] = set()

    def look(self, now: datetime) -> list[RecmailError]:
        """Do what is to be done now; return what went wrong, which is told once while it stays the same."""
        if self._last is not None and timedelta() <= now - self._last < EVERY:
            return []
        self._last = now
        shift = Shift(self._project, now, self._who, self._tell, self._stop)
        errors: list[RecmailError] = []
        try:
            errors += self._read_mailboxes(shift)
        except ConfigError as error:
            errors.append(error)
        except Halted:
            return []
        self._say(now, "early events", match_again(self._project.engine, now=now, since=now - EARLY))
        said = {str(one) for one in errors}
        for text in said - self._said:
            self._tell(News(now, "trouble", text, is_bad=True))
        self._said = said
        return errors

    def _read_mailboxes(self, shift: Shift) -> Sequence[RecmailError]:
        errors: list[RecmailError] = []
        for mailbox in read_mailboxes(self._project.settings):
            with holding(self._project.engine, f"bounces {mailbox.name}") as is_ours:
                if not is_ours:
                    continue
                keys = (self._project.settings.key, *self._project.settings.older_keys)
                found = read_bounces(
                    self._project.engine, mailbox, keys=keys, now=shift.now, progress=shift.go_on
                )
            self._tell_of(shift.now, found)
            errors += found.errors
        return errors

    def _tell_of(self, now: datetime, found: ReadMailbox) -> None:
        if found.mails:
            mails = "1 mail" if found.mails == 1 else f"{found.mails:,} mails"
            self._say(now, f"{mails} in {found.name}", found.counts)

    def _say(self, now: datetime, where: str, counts: Counts) -> None:
        if text := in_words(counts):
            self._tell(News(now, "returned", f"{where}: {text}"))


def in_words(counts: Counts) -> str:
    """What was new, and what followed from it; empty when nothing was."""
    parts = {
        "new": counts.new,
        "found their message": counts.matched,
        "suppressed an address": counts.suppressed,
        "unsubscribed an account": counts.unsubscribed,
        "settled an unclear message": counts.settled,
    }
    return ", ".join(f"{count:,} {words}" for words, count in parts.items() if count)
