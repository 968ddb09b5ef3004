"""Any interleaving of senders, kills, opt-outs and operators keeps what the ledger promises."""

from __future__ import annotations

import os
from datetime import datetime

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.db.ledger_machine import LedgerMachine

LONG = os.environ.get("RECMAIL_CRASH_TEST") == "long"  # `make crash`


def test_any_interleaving_keeps_what_the_ledger_promises(database: sa.Engine, now: datetime) -> None:
    run_state_machine_as_test(
        lambda: LedgerMachine(database, now),
        settings=settings(
            max_examples=1_500 if LONG else 20,
            stateful_step_count=80 if LONG else 40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
