"""What a sending worker is told, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recmail.db.ledger_claims import CLAIM_LEASE
from recmail.db.ledger_intents import Cap
from recmail.db.ledger_results import Retries
from recmail.deliver.alarms import Shares
from recmail.deliver.pace import PaceOptions
from recmail.records import MessageState


@dataclass(frozen=True)
class WorkerOptions:
    """How one worker sends.

    Attributes:
        run_nos: the runs it sends.
        topics: of each of them, for consent.
        connections: messages on their way at once; a kill leaves at most as many unclear.
        drafters: how many groups of messages are written at once.
        at_once: of those, to one domain; see EspOptions.domain_connections.
        cap: emails a person may get within a time, over all campaigns.
        sending_lease: longer than one message can take; see Provider.sending_lease.
        pace: how fast, and when.
        pause_if: shares at which single runs pause.
        patience: how long to wait for rows that are due later (other tries, other time zones).
        connect_tries: in a row, until the provider counts as down and the runs are paused.
        connect_wait_s: before the second of them; it doubles from there.
    """

    run_nos: tuple[int, ...]
    topics: Mapping[int, str]
    connections: int
    cap: Cap | None
    sending_lease: timedelta
    drafters: int = 1
    at_once: Mapping[str, int] = field(default_factory=dict)
    claim_lease: timedelta = CLAIM_LEASE
    pace: PaceOptions = field(default_factory=PaceOptions)
    pause_if: Mapping[int, Shares] = field(default_factory=dict)
    retries: Retries = field(default_factory=Retries)
    patience: timedelta = timedelta(minutes=15)
    connect_tries: int = 5
    connect_wait_s: float = 1.0


@dataclass(frozen=True)
class WorkSummary:
    """What a worker has done so far.

    Attributes:
        states: how many messages it brought to which state; `planned` are those that wait for another try.
        paused: why the worker paused its runs, if it did.
        stopped: somebody asked it to end before everything was done.
        waiting_until: nothing can be done before this time (of the business clock).
        waits_for_senders: what it waits for is held by another sender, alive or dead; else it is due later.
        limit: which limit is used up until then, if it is one.
        used_up: of single runs: until when a limit keeps people waiting who are due, and which limit.
        slowed: messages a second, when the provider has asked for fewer.
        postponed: messages that were put off because of their people's hours.
    """

    states: Mapping[MessageState, int]
    paused: str | None = None
    stopped: bool = False
    waiting_until: datetime | None = None
    waits_for_senders: bool = False
    limit: str | None = None
    used_up: Mapping[int, tuple[datetime, str]] = field(default_factory=dict)
    slowed: float | None = None
    postponed: int = 0

    @property
    def done(self) -> int:
        """Messages that came to an end, whichever."""
        return sum(self.states.values()) - self.states.get(MessageState.PLANNED, 0)

    @property
    def sent(self) -> int:
        """Messages that the provider accepted."""
        return self.states.get(MessageState.SENT, 0)
