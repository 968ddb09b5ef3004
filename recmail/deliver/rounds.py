"""One round of a worker: everything its connections need from the ledger, in one transaction."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.ledger_claims import claim_due, release, sweep
from recmail.db.ledger_intents import Intent, Rules, commit_intents, refuse
from recmail.db.ledger_postponed import Asleep, Later, postpone, postpone_asleep
from recmail.db.ledger_results import Result, record_results
from recmail.db.ledger_rows import Key
from recmail.db.runs import move_run
from recmail.deliver.crash import crash_at
from recmail.deliver.options import WorkerOptions
from recmail.errors import RecipientRefused, RefusedError, StorageError
from recmail.records import Claim, MessageState, RunState

Made = TypeVar("Made")
WHO = "recmail"
_RETRY_WAITS_S = (0.05, 0.5)  # a deadlock, a lost connection; what lasts longer is for a person


@dataclass(frozen=True)
class Round:
    """What one transaction is to do.

    Attributes:
        results: of messages that were tried.
        intents: of messages that could leave now; at most one of each person.
        back: claims that are given up.
        later: claims that have to wait, and until when.
        claim_at_most: how many rows to claim.
        claim_of_runs: of single runs, where that is less.
        sweeps: look for leases that ran out.
        asleep: rows of people who may not be written to at this hour.
        pause: why runs have to be paused.
    """

    results: Sequence[Result] = ()
    intents: Sequence[Intent] = ()
    back: Sequence[Claim] = ()
    later: Sequence[Later] = ()
    claim_at_most: int = 0
    claim_of_runs: Mapping[int, int] = field(default_factory=dict)
    sweeps: bool = False
    asleep: Sequence[Asleep] = ()
    pause: Mapping[int, str] = field(default_factory=dict)

    def crash(self, when: str) -> None:
        """Pass the points of crash tests that this round has."""
        parts = {"claims": self.claim_at_most, "intents": self.intents, "results": self.results}
        for what, has in parts.items():
            if has:
                crash_at(f"{when}-{what}")


@dataclass
class Committed:
    """What one transaction did."""

    claims: list[Claim] = field(default_factory=list)
    accepted: set[Key] = field(default_factory=set)
    states: Counter[MessageState] = field(default_factory=Counter)


def locks_people(results: Sequence[Result]) -> bool:
    """Recording these suppresses addresses, which locks people: intents have to wait for the next round.

    They lock people too, and two workers that each took two sets of locks could wait for each other for ever.
    """
    return any(isinstance(one.outcome, RecipientRefused) and one.outcome.dead for one in results)


def commit_round(engine: sa.Engine, steps: Round, options: WorkerOptions, *, now: datetime) -> Committed:
    """Do everything in one transaction, or nothing; tried again when the database failed for a moment.

    Trying again is safe even if the first try was committed unnoticed: results are fenced by their claims,
    and claims and intents that we do not know of only run out.

    Raises:
        StorageError: the database fails for longer.
    """
    return persistently(lambda: _commit(engine, steps, options, now))


def persistently(transaction: Callable[[], Made]) -> Made:
    """Do something that may be done twice; tried again when the database failed for a moment."""
    for wait_s in _RETRY_WAITS_S:
        try:
            return transaction()
        except StorageError:
            time.sleep(wait_s)
    return transaction()


def _commit(engine: sa.Engine, steps: Round, options: WorkerOptions, now: datetime) -> Committed:
    done = Committed()
    with writing(engine) as connection:
        _pause(connection, steps.pause, now)
        recorded = record_results(connection, steps.results, now=now, retries=options.retries)
        done.states.update(recorded)
        if steps.sweeps:
            done.states.update(sweep(connection, now=now))
        release(connection, steps.back)
        postpone(connection, steps.later)
        postpone_asleep(connection, steps.asleep, now=now)
        if steps.claim_at_most:
            done.claims = claim_due(
                connection,
                options.run_nos,
                now=now,
                limit=steps.claim_at_most,
                claim_id=uuid4().hex,
                lease=options.claim_lease,
                most=steps.claim_of_runs,
            )
        if steps.intents:
            _intents(connection, steps.intents, options, now, done)
        steps.crash("before")
    steps.crash("after")
    return done


def _intents(
    connection: sa.Connection,
    wanted: Sequence[Intent],
    options: WorkerOptions,
    now: datetime,
    done: Committed,
) -> None:
    rules = Rules(options.topics, options.cap, now)
    done.accepted = commit_intents(connection, wanted, rules, lease=options.sending_lease)
    if refused := [intent for intent in wanted if intent.key not in done.accepted]:
        done.states.update(one.state for one in refuse(connection, refused, rules))


def _pause(connection: sa.Connection, reasons: Mapping[int, str], now: datetime) -> None:
    for run_no, reason in reasons.items():
        try:
            move_run(connection, run_no, RunState.PAUSED, who=WHO, now=now, reason=reason)
        except RefusedError:
            continue  # somebody paused, cancelled or finished it before
