"""Every statement of the ledger finds its rows by an index, however large the table is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.ledger_intents import refuse
from recmail.db.tables import runs
from recmail.records import RunState
from tests.ledgers import (
    add_people,
    add_run,
    claim,
    intents,
    rules,
    settle,
)

SECOND = timedelta(seconds=1)
LEASE = timedelta(minutes=11)


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    """Four people with consent."""
    add_people(database, now, 4)
    return database


@pytest.mark.parametrize("has_higher", [False, True])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL chooses by table size
def test_sqlite_finds_every_row_by_an_index(people: sa.Engine, now: datetime, has_higher: bool) -> None:
    from recmail.db.ledger_claims import outlook, release, sweep
    from recmail.db.ledger_results import Result, Retries, Sent, record_results
    from recmail.errors import TemporaryFailure

    add_run(people, 1, now, people=range(4))
    if has_higher:
        add_run(people, 2, now, people=range(4), run_state=RunState.APPROVED)
        with writing(people) as connection:
            connection.execute(sa.update(runs).where(runs.c.run_no == 2).values(priority=1))
    seen: list[str] = []

    @sa.event.listens_for(people, "checkout")
    def _remember(driver, _record, _proxy):
        driver.set_trace_callback(seen.append)

    held = claim(people, now)
    settle(people, intents(held[:2]), rules(now, cap=1))
    with writing(people) as connection:
        refuse(connection, intents(held[2:]), rules(now, cap=1), lease_now=now)
        outcomes = [Sent("id"), TemporaryFailure("busy")]
        results = [Result(one, outcome) for one, outcome in zip(held, outcomes, strict=False)]
        record_results(connection, results, now=now, retries=Retries())
        release(connection, held)
        sweep(connection, now=now)
        outlook(connection, [1])
    sa.event.remove(people, "checkout", _remember)

    plans = {}
    with people.connect() as connection:
        connection.connection.driver_connection.set_trace_callback(None)
        for statement in seen:
            if statement.startswith(("SELECT", "UPDATE", "WITH")):
                found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
                plans[statement] = [row.detail for row in found]
    big = ("ledger", "other", "first", "users", "consent", "row", "later", "suppressions", "ledger_context")
    scans = [
        step for plan in plans.values() for step in plan if step.startswith("SCAN") and step.split()[1] in big
    ]
    assert scans == []
    steps = " ".join(step for plan in plans.values() for step in plan)
    for index in ("ix_ledger_due (run_no=? AND next_at<?)", "ix_ledger_cap (user_no=? AND intent_at>?)"):
        assert index in steps
    assert "ix_ledger_leases (next_at<?)" in steps
    assert "COVERING INDEX ix_runs_open (state=?)" in steps
    assert (
        "SEARCH first USING INDEX sqlite_autoindex_ledger_1 (run_no=? AND user_no=?)" in steps
    ) is has_higher
