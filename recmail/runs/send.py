"""Sending an approved run: the guards before the first message, then the worker until nobody waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from recmail.db.account import Account, account, planned_emails
from recmail.db.connect import reading, writing
from recmail.db.ledger_claims import outlook
from recmail.db.runs import find_run, move_run
from recmail.deliver.clock import Clock
from recmail.deliver.esp import Provider, open_provider
from recmail.deliver.worker import WorkerOptions, WorkSummary, work
from recmail.errors import RefusedError
from recmail.records import Claim, MessageState, Outgoing, RunState, Skip
from recmail.runs.due import DueReport, read_due
from recmail.runs.lifecycle import check_fresh
from recmail.runs.message import RunWriter, links_for
from recmail.runs.project import TO_FILL_IN, Project, is_reserved
from recmail.runs.seal import check_unchanged

_OPEN = (MessageState.PLANNED, MessageState.CLAIMED, MessageState.SENDING)
_CAN_START = (RunState.APPROVED, RunState.SCHEDULED, RunState.SENDING, RunState.FINISHED)


@dataclass(frozen=True)
class Readiness:
    """What `send` is about to do, for the person to confirm.

    Attributes:
        waiting: people who would be mailed now.
        emails: of the whole plan, those included that were sent before.
        started: the run was confirmed before and only goes on.
        leaves: the messages leave this machine.
        due: when the emails are due; None: at once.
    """

    campaign: str
    provider: str
    waiting: int
    emails: int
    started: bool
    leaves: bool
    due: DueReport | None = None


def prepare(project: Project, run_no: int, clock: Clock) -> Readiness:
    """Check every guard that can be checked before anybody is mailed.

    Raises:
        RefusedError: not approved, changed since, too old, or not allowed to leave this machine.
    """
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        _check_state(run)
        check_unchanged(connection, run)
        counts = account(connection, run_no)
        emails = planned_emails(connection, run_no)
        due = read_due(connection, run)
    writer = RunWriter(project, run)
    provider = provider_of(project, writer)
    started = run["state"] in (RunState.SENDING, RunState.FINISHED)
    waiting = counts.states[MessageState.PLANNED]
    if waiting:
        check_fresh(run, clock.now())
    if provider.leaves_machine:
        _check_departure(project, run, waiting, clock)
    return Readiness(run["campaign"], provider.name, waiting, emails, started, provider.leaves_machine, due)


def _check_state(run: Mapping[str, Any]) -> None:
    number, state = run["run_no"], run["state"]
    if state in _CAN_START:
        return
    advice = {
        RunState.PLANNED: f"approve it first: recmail approve {number}",
        RunState.PAUSED: f"{run['reason']}; let it go on with: recmail run resume {number}",
    }
    raise RefusedError(f"run {number} is {state}; {advice.get(state, 'only an approved run can be sent')}")


def _check_departure(project: Project, run: Mapping[str, Any], waiting: int, clock: Clock) -> None:
    """What must be true before mail may leave this machine."""
    sender, limit = project.settings.sender, project.settings.limits.first_send_at_most
    printed = run["settings"]["printed"]
    guards = (
        (
            not (sender.public_url or sender.unsubscribe_url),
            "mail leaves this machine only when people can unsubscribe: set public_url or unsubscribe_url "
            "under [sender] in recmail.toml",
        ),
        (
            printed["postal_address"] == TO_FILL_IN or is_reserved(printed["from"]),
            "who sends is still an example: fill in from and postal_address under [sender] in recmail.toml, "
            "then plan again",
        ),
        (
            not sender.public_url and any(_is_relative(url) for url in run["courses"]["image_url"]),
            "some courses have pictures without a web address, which people would not see: set public_url "
            "under [sender] in recmail.toml, or give their image_url as https://...",
        ),
        (
            clock.is_set,
            "--now is for trying out; mail that leaves this machine is sent at the real time",
        ),
        (
            waiting > limit,
            f"this would mail {waiting:,} people, and [limits] first_send_at_most is {limit:,}; raise it in "
            "recmail.toml when you trust your set-up",
        ),
    )
    for is_wrong, advice in guards:
        if is_wrong:
            raise RefusedError(advice)


def _is_relative(url: str | None) -> bool:
    return bool(url) and "://" not in str(url)


def provider_of(project: Project, writer: RunWriter) -> Provider:
    """The provider that a run's campaign names, else the project's default."""
    name = writer.campaign.provider or project.settings.delivery.provider
    return open_provider(name, project.settings)


@dataclass(frozen=True)
class Sent:
    """How a run stands after sending.

    Attributes:
        mailed: this time.
        paused: why the run is paused, None when it is not.
        stopped: somebody asked it to end before everything was done.
        page: where the messages can be read, if there is such a place.
        next_due: when the first of those who wait is due.
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

    def write(claim: Claim) -> Outgoing | Skip:
        links = links_for(project, claim.run_no, claim.user_no)
        return writer.write(claim, links, now=clock.now())

    summary = work(
        project.engine,
        provider,
        write,
        options=options_of(project, {run_no: writer}, provider),
        clock=clock,
        stop=stop,
        on_progress=_reporter(waiting, progress, tell),
    )
    took_s = time.monotonic() - began_s
    return _settle(project, run_no, clock, who, summary=summary, took_s=took_s, page=provider.page)


def start(project: Project, run_no: int, clock: Clock, who: str) -> tuple[dict[str, Any], int]:
    """Put the run into `sending`; the run, and how many people wait."""
    with writing(project.engine) as connection:
        run = find_run(connection, run_no)
        _check_state(run)
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
        next_due=ahead.due_at,
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
    waiting: int, progress: Callable[[int, int], None] | None, tell: Callable[[str], None] | None
) -> Callable[[WorkSummary], None]:
    told: set[str] = set()

    def report(summary: WorkSummary) -> None:
        settled = sum(count for state, count in summary.states.items() if state != MessageState.PLANNED)
        if progress is not None:
            progress(settled, max(waiting, settled))
        if tell is not None and summary.waiting_until is not None:
            until = f"{summary.waiting_until:%H:%M:%S} UTC"
            what = "what another sender holds" if summary.waits_for_senders else "what is due later"
            text = f"waiting for {what}, until {until} at the latest; Ctrl-C is safe"
            if text not in told:
                told.add(text)
                tell(text)

    return report


def options_of(project: Project, writers: Mapping[int, RunWriter], provider: Provider) -> WorkerOptions:
    """How one worker sends some runs through their provider."""
    return WorkerOptions(
        run_nos=tuple(sorted(writers)),
        topics={run_no: writer.campaign.topic for run_no, writer in writers.items()},
        cap=project.settings.limits.emails_per_person,
        connections=provider.connections,
        sending_lease=provider.sending_lease,
    )
