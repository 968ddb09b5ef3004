"""Sends every run that is due, of all campaigns: one worker for each provider, while it has work."""

from __future__ import annotations

import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.ledger_claims import Outlook, outlook
from recmail.db.runs import find_run, move_run, run_audit, run_state, runs_to_send
from recmail.deliver.clock import Clock
from recmail.deliver.esp import Provider
from recmail.deliver.heard import Heard
from recmail.deliver.rounds import WHO
from recmail.deliver.worker import WorkSummary, work
from recmail.errors import RecmailError, RefusedError, StorageError
from recmail.records import MessageState, RunState
from recmail.runs.drafting import drafting
from recmail.runs.guards import prepare, provider_of
from recmail.runs.message import RunWriter
from recmail.runs.news import News, Tell
from recmail.runs.project import Project
from recmail.runs.send import finish_if_done, options_of, start
from recmail.runs.waiting import time_of

_AGAIN_AFTER_S = 10.0  # a provider whose worker ended in an error, such as a database that went away
_ASK_AGAIN = timedelta(minutes=1)  # what another worker had of a limit may be given back before it is free
_NONE = timedelta()


@dataclass(frozen=True)
class _Begun:
    """A run that passed all guards."""

    campaign: str
    writer: RunWriter
    provider: Provider
    waiting: int


class _Worker(threading.Thread):
    """The worker of one provider, until nothing of its runs is due or it is stopped."""

    def __init__(
        self,
        project: Project,
        clock: Clock,
        begun: Mapping[int, _Begun],
        *,
        heard: Heard | None,
        waits: bool,
    ) -> None:
        super().__init__(name="worker", daemon=True)  # who presses Ctrl-C twice wants to leave at once
        self._project, self._clock, self._begun, self._waits = project, clock, begun, waits
        self.heard = heard
        self.run_nos = frozenset(begun)
        self.stop = threading.Event()
        self.used_up: Mapping[int, tuple[datetime, str]] = {}
        self.summary: WorkSummary | None = None
        self.error: Exception | None = None
        self.broken: list[int] = []

    def run(self) -> None:
        """Send."""
        writers = {run_no: one.writer for run_no, one in self._begun.items()}
        provider = next(iter(self._begun.values())).provider
        waiting = sum(one.waiting for one in self._begun.values())
        try:
            options = replace(options_of(self._project, writers, provider), patience=_NONE)
            self.heard = self.heard or Heard(options.pace.everybody.per_second)
            with drafting(self._project, writers, self._clock, waiting=waiting) as drafts:
                self.broken = drafts.broken
                self.summary = work(
                    self._project.engine,
                    provider,
                    drafts.write,
                    options=replace(options, drafters=drafts.drafters),
                    clock=self._clock,
                    stop=self.stop,
                    on_progress=self._look,
                    heard=self.heard,
                )
        except Exception as error:  # whoever joins this thread sees to it
            self.error = error

    def _look(self, summary: WorkSummary) -> None:
        """Wait for no other sender and no very slow limit, if this is to end when it has done its own."""
        if not self._waits and (summary.waits_for_senders or summary.is_held_up):
            self.used_up = summary.used_up
            self.stop.set()


class Senders:
    """The workers of all providers, told again and again what is due.

    Args:
        waits: for what other senders hold; else that is left to the next who looks.

    Attributes:
        paused: runs that were paused because something is wrong.
        failures: messages of runs seen to here failed, or may have arrived.
        errors: what broke a worker.
    """

    def __init__(self, project: Project, clock: Clock, who: str, tell: Tell, *, waits: bool) -> None:
        self._project, self._clock, self._who, self._tell, self._waits = project, clock, who, tell, waits
        self._begun: dict[int, _Begun] = {}
        self._workers: dict[str, _Worker] = {}
        self._heard: dict[str, Heard | None] = {}  # what answers told the last worker
        self._not_before_s: dict[str, float] = defaultdict(float)
        self._ask_at: dict[int, datetime] = {}  # of runs whose people wait for a limit
        self._told_limits: dict[int, tuple[datetime, str]] = {}
        self.paused: set[int] = set()
        self.failures = False
        self.errors: list[Exception] = []

    def look(self) -> bool:
        """Begin what is due, give it to the workers, finish what is done; whether any worker has work."""
        self._reap()
        with reading(self._project.engine) as connection:
            found = runs_to_send(connection, self._clock.now())
        there = {row["run_no"] for row in found}
        self._say_paused([run_no for run_no in self._begun if run_no not in there])
        self._begun = {run_no: one for run_no, one in self._begun.items() if run_no in there}
        by_provider: dict[str, set[int]] = defaultdict(set)
        for row in found:
            run_no = row["run_no"]
            if run_no not in self._begun and not self._begin(run_no, row["campaign"], row["state"]):
                continue
            with reading(self._project.engine) as connection:
                ahead = outlook(connection, (run_no,))
            if self._is_busy(run_no, ahead):
                by_provider[self._begun[run_no].provider.name].add(run_no)
            elif ahead.due_at is None and ahead.lease_left is None:
                self._finish(run_no)
        for name, run_nos in by_provider.items():
            self._give(name, run_nos)
        return bool(self._workers)

    def _is_busy(self, run_no: int, ahead: Outlook) -> bool:
        now = self._clock.now()
        if ahead.due_at is not None and ahead.due_at <= now and self._ask_at.get(run_no, now) <= now:
            return True
        return ahead.lease_left is not None and (self._waits or ahead.lease_left <= _NONE)

    def close(self) -> None:
        """Let the workers finish what is in hand; who ends here says how far each run has come."""
        for worker in self._workers.values():
            worker.stop.set()
        self.join()
        self._say_paused([*self._begun])
        if not self._waits:
            self._say_how_far()

    def _say_how_far(self) -> None:
        for run_no, one in self._begun.items():
            with reading(self._project.engine) as connection:
                state, counts = run_state(connection, run_no), account(connection, run_no)
            if state == RunState.SENDING:
                what = ", ".join(f"{people:,} {words}" for people, words in counts.as_rows())
                self._say("so far", f"so far: {what}", run_no, one.campaign)

    def join(self) -> None:
        """Wait until no worker has anything to do."""
        for worker in self._workers.values():
            worker.join()
        self._reap()

    # --- runs -------------------------------------------------------------------------------------

    def _begin(self, run_no: int, campaign: str, state: str) -> bool:
        """Check every guard and put the run into `sending`; if one says no it is paused, with the reason."""
        try:
            ready = prepare(self._project, run_no, self._clock)
            run, _ = start(self._project, run_no, self._clock, self._who)
            writer = RunWriter(self._project, run)
            self._begun[run_no] = _Begun(campaign, writer, provider_of(self._project, writer), ready.waiting)
        except StorageError:
            raise
        except RecmailError as error:
            self._pause(run_no, campaign, str(error))
            return False
        if state == RunState.SCHEDULED:
            where = f"through {ready.provider}" + ("" if ready.leaves else ", which stays on this machine")
            self._say("sending", f"is being sent to {ready.waiting:,} people {where}", run_no, campaign)
        else:
            self._say("goes on", f"goes on: {ready.waiting:,} people wait", run_no, campaign)
        return True

    def _pause(self, run_no: int, campaign: str, reason: str) -> None:
        now = self._clock.now()
        try:
            with writing(self._project.engine) as connection:
                if find_run(connection, run_no)["state"] == RunState.SCHEDULED:
                    move_run(connection, run_no, RunState.SENDING, who=self._who, now=now)
                move_run(connection, run_no, RunState.PAUSED, who=self._who, now=now, reason=reason)
        except RefusedError:
            return  # somebody paused, cancelled or finished it before
        self.paused.add(run_no)
        self._begun.pop(run_no, None)
        self._tell_paused(run_no, campaign, reason)

    def _finish(self, run_no: int) -> None:
        counts, run = finish_if_done(self._project, run_no, self._clock, self._who)
        bad = counts.states[MessageState.FAILED] + counts.states[MessageState.UNKNOWN]
        self.failures = self.failures or bad > 0
        if run["state"] == RunState.FINISHED:
            what = ", ".join(f"{people:,} {words}" for people, words in counts.as_rows())
            self._say("finished", f"is finished: {what}", run_no, run["campaign"], is_bad=bad > 0)
            self._begun.pop(run_no, None)

    # --- workers ----------------------------------------------------------------------------------

    def _give(self, provider: str, run_nos: set[int]) -> None:
        """Let a provider's worker send these; one that sends others begins anew with all of them."""
        worker = self._workers.get(provider)
        if worker is not None:
            if not run_nos <= worker.run_nos:
                worker.stop.set()
            return
        if time.monotonic() < self._not_before_s[provider]:
            return
        begun = {run_no: self._begun[run_no] for run_no in sorted(run_nos)}
        worker = self._workers[provider] = _Worker(
            self._project, self._clock, begun, heard=self._heard.get(provider), waits=self._waits
        )
        worker.start()

    def _reap(self) -> None:
        """See to workers that have ended."""
        for provider, worker in [*self._workers.items()]:
            if worker.is_alive():
                continue
            del self._workers[provider]
            was_paused = worker.summary is not None and worker.summary.paused
            self._heard[provider] = None if was_paused else worker.heard
            if worker.summary is not None:
                self._heed_limits({**worker.used_up, **worker.summary.used_up})
            if worker.error is not None:
                self._not_before_s[provider] = time.monotonic() + _AGAIN_AFTER_S
                self._say_broken(provider, worker, worker.error)

    def _heed_limits(self, used_up: Mapping[int, tuple[datetime, str]]) -> None:
        """Let runs rest whose limit is used up: a worker could do nothing, and would begin again at once."""
        now = self._clock.now()
        for run_no, (until, limit) in used_up.items():
            self._ask_at[run_no] = min(until, now + _ASK_AGAIN)
            if self._told_limits.get(run_no) != (until, limit) and run_no in self._begun:
                self._told_limits[run_no] = (until, limit)
                text = f"waits: {limit} are used up until {time_of(until, now)}"
                self._say("waits", text, run_no, self._begun[run_no].campaign)

    def _say_paused(self, run_nos: Sequence[int]) -> None:
        """Say of runs that are sent no more which of them are paused, and why."""
        for run_no in run_nos:
            with reading(self._project.engine) as connection:
                run, happened = find_run(connection, run_no), run_audit(connection, run_no)
            if run["state"] != RunState.PAUSED:
                continue
            paused_by = [row["who"] for row in happened if row["action"] == RunState.PAUSED]
            by_itself = paused_by[-1:] == [WHO]
            self.paused |= {run_no} if by_itself else set()
            self._tell_paused(run_no, run["campaign"], run["reason"], is_bad=by_itself)

    def _tell_paused(self, run_no: int, campaign: str, reason: str, *, is_bad: bool = True) -> None:
        then = "when that is mended" if is_bad else "to let it go on"
        text = f"is paused: {reason}; {then}: recmail run resume {run_no}"
        self._say("paused", text, run_no, campaign, is_bad=is_bad)

    def _say_broken(self, provider: str, worker: _Worker, error: Exception) -> None:
        self.errors.append(error)
        text = str(error)
        if not isinstance(error, RecmailError):
            traceback.print_exception(error)
            text = f"{type(error).__name__}: {error}"
        if not worker.broken:
            self._say("trouble", f"{provider}: {text}", None, None, is_bad=True)
        for run_no in dict.fromkeys(worker.broken):  # the other runs of this provider have to go on
            campaign = self._begun[run_no].campaign if run_no in self._begun else ""
            self._pause(run_no, campaign, f"a message cannot be written: {text}")

    def _say(
        self, what: str, text: str, run_no: int | None, campaign: str | None, *, is_bad: bool = False
    ) -> None:
        self._tell(News(self._clock.now(), what, text, campaign, run_no, is_bad))
