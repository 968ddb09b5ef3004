"""Sending an approved run that has passed its guards: the worker until nobody waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from recmail.db.account import Account, account
from recmail.db.connect import reading, writing
from recmail.db.ledger_claims import outlook
from recmail.db.runs import find_run, move_run
from recmail.deliver.clock import Clock
from recmail.deliver.esp import Provider
from recmail.deliver.worker import WorkerOptions, WorkSummary, work
from recmail.errors import RefusedError
from recmail.records import MessageState, RunState
from recmail.runs.drafting import drafting
from recmail.runs.guards import Readiness, check_state, prepare, provider_of
from recmail.runs.message import RunWriter
from recmail.runs.pace import pace_of, pause_if_of
from recmail.runs.project import Project
from recmail.runs.waiting import in_words, when_to_go_on

__all__ = ["Readiness", "Sent", "prepare", "send"]

_OPEN = (MessageState.PLANNED, MessageState.CLAIMED, MessageState.SENDING)


@dataclass(frozen=True)
class Sent:
    """How a run stands after sending.

    Attributes:
        mailed: this time.
        paused: why the run is paused, None when it is not.
        stopped: somebody asked it to end before everything was done.
        page: where the messages can be read, if there is such a place.
        next_due: when the first of those who wait is due; None: now, or nobody waits.
        goes_on: why people still wait, and until when, where that is known.
    """

    run_no: int
    campaign: str
    state: str
    account: Account
    mailed: int
    took_s: float
    paused: str | None
    stopped: bool
    page: Path | None
    next_due: datetime | None = None
    goes_on: str | None = None

    @property
    def waiting(self) -> int:
        """People who still wait: due later, or because the sending stopped."""
        return self.account.states[MessageState.PLANNED]

    @property
    def unclear(self) -> int:
        """Messages that may have arrived."""
        return self.account.states[MessageState.UNKNOWN]

    @property
    def has_failures(self) -> bool:
        """Somebody's message failed, or is unclear."""
        return self.unclear + self.account.states[MessageState.FAILED] > 0

    def to_dict(self) -> dict[str, Any]:
        """The outcome with stable keys, for --json."""
        return {
            "run": self.run_no,
            "campaign": self.campaign,
            "state": self.state,
            "mailed": self.mailed,
            "seconds": round(self.took_s, 3),
            "paused": self.paused,
            "stopped": self.stopped,
            "waiting": self.waiting,
            "next_due": self.next_due,
            "goes_on": self.goes_on,
            "page": self.page,
            "account": self.account.to_dict(),
        }


def send(
    project: Project,
    run_no: int,
    *,
    clock: Clock,
    who: str,
    stop: threading.Event,
    progress: Callable[[int, int], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Sent:
    """Send until nobody waits, the run is paused, or `stop` is set; finish the run when all is settled.

    Args:
        progress: told how many of how many are settled.
        tell: told in words what the worker waits for.
    """
    began_s = time.monotonic()
    run, waiting = start(project, run_no, clock, who)
    writer = RunWriter(project, run)
    provider = provider_of(project, writer)
    options = options_of(project, {run_no: writer}, provider)
    with drafting(project, {run_no: writer}, clock, waiting=waiting) as drafts:
        summary = work(
            project.engine,
            provider,
            drafts.write,
            options=replace(options, drafters=drafts.drafters),
            clock=clock,
            stop=stop,
            on_progress=_reporter(waiting, clock, progress, tell),
        )
    took_s = time.monotonic() - began_s
    sent = _settle(project, run_no, clock, who, summary=summary, took_s=took_s, page=provider.page)
    return replace(sent, goes_on=when_to_go_on(summary, clock.now()) if sent.waiting else None)


def start(project: Project, run_no: int, clock: Clock, who: str) -> tuple[dict[str, Any], int]:
    """Put the run into `sending`; the run, and how many people wait."""
    with writing(project.engine) as connection:
        run = find_run(connection, run_no)
        check_state(run)
        if run["state"] != RunState.SENDING:
            move_run(connection, run_no, RunState.SENDING, who=who, now=clock.now())
        return run, account(connection, run_no).states[MessageState.PLANNED]


def _settle(
    project: Project,
    run_no: int,
    clock: Clock,
    who: str,
    *,
    summary: WorkSummary,
    took_s: float,
    page: Path | None,
) -> Sent:
    """Finish the run when nobody waits and nothing is on its way, and say how it stands."""
    counts, run = finish_if_done(project, run_no, clock, who)
    state = RunState(run["state"])
    with reading(project.engine) as connection:
        ahead = outlook(connection, (run_no,))
    paused = summary.paused or (run["reason"] if state == RunState.PAUSED else None)
    return Sent(
        run_no=run_no,
        campaign=run["campaign"],
        state=state,
        account=counts,
        mailed=summary.sent,
        took_s=took_s,
        paused=paused,
        stopped=summary.stopped,
        page=page,
        next_due=ahead.due_at if ahead.due_at and ahead.due_at > clock.now() else None,
    )


def finish_if_done(
    project: Project, run_no: int, clock: Clock, who: str
) -> tuple[Account, Mapping[str, Any]]:
    """Finish a run that is being sent when nobody waits any more; how it stands, and its row."""
    with writing(project.engine) as connection:
        counts = account(connection, run_no)
        run = find_run(connection, run_no)
        is_open = any(counts.states[open_state] for open_state in _OPEN)
        if run["state"] == RunState.SENDING and not is_open:
            with suppress(RefusedError):  # another sender finished it, or a person paused it, just now
                move_run(connection, run_no, RunState.FINISHED, who=who, now=clock.now())
            run = find_run(connection, run_no)
    return counts, run


def _reporter(
    waiting: int,
    clock: Clock,
    progress: Callable[[int, int], None] | None,
    tell: Callable[[str], None] | None,
) -> Callable[[WorkSummary], None]:
    told: set[str] = set()

    def report(summary: WorkSummary) -> None:
        settled = sum(count for state, count in summary.states.items() if state != MessageState.PLANNED)
        if progress is not None:
            progress(settled, max(waiting, settled))
        if tell is not None:
            for text in in_words(summary, clock.now()):
                if text not in told:
                    told.add(text)
                    tell(text)

    return report


def options_of(project: Project, writers: Mapping[int, RunWriter], provider: Provider) -> WorkerOptions:
    """How one worker sends some runs through their provider."""
    return WorkerOptions(
        run_nos=tuple(sorted(writers)),
        topics={run_no: writer.campaign.topic for run_no, writer in writers.items()},
        cap=project.settings.limits.emails_per_person.cap,
        connections=provider.connections,
        at_once=provider.options.domain_connections,
        sending_lease=provider.sending_lease,
        pace=pace_of(project.settings, provider, {no: writer.campaign for no, writer in writers.items()}),
        pause_if={no: pause_if_of(writer.campaign) for no, writer in writers.items()},
    )
