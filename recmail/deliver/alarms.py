"""`pause_if` of a campaign: the shares of bounces and complaints at which its run pauses by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db.ledger_outcomes import answered, let_go_at, people_with_event
from recmail.db.ledger_results import Result, Sent
from recmail.errors import MessageRefused, RecipientRefused

LEAST_TRIED, LEAST_FOUND = 100, 3
"""One complaint among the first twenty people is no share of anything."""


@dataclass(frozen=True)
class Shares:
    """Shares of the messages tried, at which a run pauses; None: it does not."""

    bounces: float | None = None
    complaints: float | None = None


@dataclass
class _Seen:
    since: datetime | None = None
    tried: int = 0
    refused: int = 0
    bounced: int = 0
    complained: int = 0


class Alarms:
    """Counts what comes of each run's messages: what the ledger knows at first, then this worker's results.

    What other workers do meanwhile is not in it, apart from events: each of them watches its own part.
    """

    def __init__(self, shares: Mapping[int, Shares]) -> None:
        self._shares = {run_no: one for run_no, one in shares.items() if one != Shares()}
        self._seen: dict[int, _Seen] = {}

    def __bool__(self) -> bool:
        return bool(self._shares)

    def look(self, connection: sa.Connection) -> None:
        """Read what has come back; the ledger's own counts the first time only."""
        for run_no in self._shares:
            if run_no not in self._seen:
                since = let_go_at(connection, run_no)
                known = answered(connection, run_no, since)
                self._seen[run_no] = _Seen(since, known.tried, known.refused)
            seen = self._seen[run_no]
            seen.bounced = people_with_event(connection, run_no, "bounced", seen.since)
            seen.complained = people_with_event(connection, run_no, "complained", seen.since)

    def count(self, results: Iterable[Result]) -> None:
        """Count what this worker has learned."""
        for result in results:
            seen = self._seen.get(result.claim.run_no)
            if seen is not None:
                is_hard = isinstance(result.outcome, RecipientRefused)
                seen.tried += is_hard or isinstance(result.outcome, Sent | MessageRefused)
                seen.refused += is_hard

    def reasons(self) -> dict[int, str]:
        """Why runs have to pause, by run; each is said once."""
        found = {run_no: reason for run_no in self._seen if (reason := next(self._judge(run_no), None))}
        for run_no in found:
            del self._shares[run_no], self._seen[run_no]
        return found

    def _judge(self, run_no: int) -> Iterator[str]:
        seen, shares = self._seen[run_no], self._shares[run_no]
        counts = (
            ("bounces", seen.refused + seen.bounced, shares.bounces),
            ("complaints", seen.complained, shares.complaints),
        )
        for name, count, share in counts:
            if (
                share is not None
                and seen.tried >= LEAST_TRIED
                and count >= max(LEAST_FOUND, share * seen.tried)
            ):
                yield (
                    f"{count:,} {name} of {seen.tried:,} messages are {count / seen.tried:.2%}; "
                    f"the campaign pauses at {share:.2%}"
                )
