"""A worker that has to wait lets the database be: it looks now and then, and writes nothing."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.ledger_claims import claim_due
from recmail.deliver import rounds
from recmail.deliver.pace import PaceOptions
from recmail.deliver.spans import Limits, spread
from recmail.deliver.worker import WorkSummary
from recmail.records import Claim
from recmail.settings.rates import read_rate
from tests.ledgers import add_people, add_run, standing
from tests.servers import SmtpServer
from tests.workers import relay, send


def test_a_run_that_waits_for_its_own_pace_is_not_claimed_of_in_vain_beside_one_that_is_not_due(
    database: sa.Engine, now: datetime, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_people(database, now, 10)
    add_run(database, 1, now, people=range(5))
    add_run(database, 2, now + timedelta(hours=1), people=range(5, 10))
    smtp = relay(stack, SmtpServer())
    claims: list[object] = []

    def note(*arguments: Any, **named: Any) -> list[Claim]:
        claims.append(arguments)
        return claim_due(*arguments, **named)

    monkeypatch.setattr(rounds, "claim_due", note)
    stop = threading.Event()
    timer = threading.Timer(1.5, stop.set)
    timer.start()
    pace = PaceOptions(runs={1: spread("campaign slow", read_rate("60 per hour"))})
    send(database, smtp, now, run_nos=(1, 2), pace=pace, stop=stop)
    timer.join()
    assert standing(database, 1).count("sent") == 1
    assert standing(database, 2) == ["planned"] * 5
    # Twenty a second they were.
    assert 1 <= len(claims) <= 6


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it is the worker that is counted
def test_a_throttled_or_waiting_worker_opens_no_transaction(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 5)
    add_run(database, 1, now, people=range(5))
    begun: list[str] = []

    @sa.event.listens_for(database, "begin")
    def _count(connection: sa.Connection) -> None:
        begun.append(connection.get_execution_options().get("begin", "DEFERRED"))

    told: list[WorkSummary] = []
    send(
        database,
        relay(stack, SmtpServer()),
        now,
        pace=PaceOptions(Limits(20.0)),
        connections=2,
        on_progress=told.append,
    )
    sa.event.remove(database, "begin", _count)
    assert standing(database) == ["sent"] * 5
    # A claim, five intents, the last result and the sweep have something to say; 0.2 s of waiting have not.
    assert begun.count("IMMEDIATE") <= 12


def test_a_slow_rate_does_not_keep_a_worker_that_has_nothing_to_send(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 1)
    add_run(database, 1, now, people=[0])
    # The next message could leave in three hours.
    assert send(database, relay(stack, SmtpServer()), now, pace=PaceOptions(Limits(0.0001))).sent == 1
