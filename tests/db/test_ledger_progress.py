"""What is read of a run while it goes out: moves, leases, due times and errors, without reading all rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db import ledger_progress as progress
from recmail.db.connect import connect, reading, writing
from recmail.db.ledger import retry_failed
from recmail.db.ledger_progress import InHand, Line, Move
from recmail.db.ledger_results import Result, Retries, Sent, record_results
from recmail.errors import DeliveryError, MessageRefused, OutcomeUnknown, RenderError, TemporaryFailure
from recmail.records import Claim, MessageState, RunState, Skip
from tests.ledgers import add_people, add_run, claim, intents, rules, set_run, settle

S = MessageState
WAITING, SENT = (S.PLANNED, None), (S.SENT, None)
REFUSED, STALE = (S.FAILED, "refused_message"), (S.SKIPPED, "stale")
Outcome = Sent | Skip | RenderError | DeliveryError


@pytest.fixture
def run(database: sa.Engine, now: datetime) -> sa.Engine:
    """Run 1 of six people and run 2 of the same, both being sent."""
    add_people(database, now, 6)
    for run_no in (1, 2):
        add_run(database, run_no, now, people=range(6))
    return database


def end(engine: sa.Engine, now: datetime, claims: list[Claim], *outcomes: Outcome) -> None:
    """Claimed rows come to these results, in turn."""
    tried = [one for one, what in zip(claims, outcomes, strict=True) if not isinstance(what, Skip)]
    settle(engine, intents(tried), rules(now))
    results = [Result(one, what) for one, what in zip(claims, outcomes, strict=True)]
    with writing(engine) as connection:
        record_results(connection, results, now=now, retries=Retries())


def moves(engine: sa.Engine, after: int = 0, *, settled: int = 10**9) -> set[Move]:
    with reading(engine) as connection:
        return set(progress.moves_after(connection, 1, after, settled=settled))


def newest(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return progress.newest_event(connection)


def test_moves_tell_where_rows_came_from_and_went_to(run: sa.Engine, now: datetime) -> None:
    assert newest(run) == 0
    outcomes = Sent("a"), Sent("b"), MessageRefused("554 no"), OutcomeUnknown("cut"), Skip("stale")
    end(run, now, claim(run, now, limit=5), *outcomes)
    end(run, now, claim(run, now, run_nos=(2,), limit=2), Sent("c"), Sent("d"))
    assert moves(run) == {
        Move(True, WAITING, SENT, 2),
        Move(True, WAITING, REFUSED, 1),
        Move(True, WAITING, (S.UNKNOWN, None), 1),
        Move(True, WAITING, STALE, 1),
    }
    before = newest(run)
    set_run(run, 1, RunState.FINISHED)
    with writing(run) as connection:
        retry_failed(connection, 1, now=now)
    assert moves(run, before) == {Move(True, REFUSED, WAITING, 1)}
    assert {move.is_settled for move in moves(run, settled=before)} == {True, False}
    assert moves(run, newest(run)) == set()


def test_a_row_that_is_tried_again_stays_where_it_is(run: sa.Engine, now: datetime) -> None:
    end(run, now, claim(run, now, limit=1), TemporaryFailure("450 busy"))
    assert moves(run) == {Move(True, WAITING, WAITING, 1)}


def test_what_senders_hold_is_counted_while_their_lease_is_good_and_after(
    run: sa.Engine, now: datetime
) -> None:
    def held(after_s: int) -> InHand:
        with reading(run) as connection:
            return progress.in_hand(connection, 1, now=now + timedelta(seconds=after_s))

    assert held(0) == InHand({}, False)
    claims = claim(run, now, limit=3)
    claim(run, now, run_nos=(2,), limit=2)
    settle(run, intents(claims[:1]), rules(now))
    assert held(1) == InHand({S.CLAIMED: 2, S.SENDING: 1}, True)
    assert held(3600) == InHand({S.CLAIMED: 2, S.SENDING: 1}, False)


def test_the_line_begins_with_the_first_who_is_due(run: sa.Engine, now: datetime) -> None:
    def line() -> Line | None:
        with reading(run) as connection:
            return progress.waiting_line(connection, 1)

    assert line() == Line(now, now, False)
    retries = Retries(first=timedelta(), longest=timedelta())
    with writing(run) as connection:
        connection.execute(
            sa.text("UPDATE ledger SET state = 'cancelled' WHERE run_no = 1 AND user_no > 0"),
        )
    [one] = claim(run, now)
    assert line() is None
    settle(run, intents([one]), rules(now))
    later = Result(one, TemporaryFailure("450 busy", retry_after_s=60))
    with writing(run) as connection:
        record_results(connection, [later], now=now, retries=retries)
    assert line() == Line(now + timedelta(seconds=60), now + timedelta(seconds=60), True)


def test_the_last_errors_are_of_this_run_and_not_what_a_person_did(run: sa.Engine, now: datetime) -> None:
    outcomes = MessageRefused("554 no – never"), TemporaryFailure("450 busy"), OutcomeUnknown("cut")
    end(run, now, claim(run, now, limit=3), *outcomes)
    end(run, now, claim(run, now, run_nos=(2,), limit=1), MessageRefused("554 another run"))
    end(run, now, claim(run, now, limit=1), TemporaryFailure("450 busy"))
    set_run(run, 1, RunState.FINISHED)
    with writing(run) as connection:
        retry_failed(connection, 1, now=now)
    with reading(run) as connection:
        found = progress.last_errors(connection, 1, progress.newest_event(connection))
    assert [(one.state, one.text, one.times, one.user_no) for one in found] == [
        (S.PLANNED, "450 busy", 2, 3),
        (S.UNKNOWN, "cut", 1, 2),
        (S.FAILED, "554 no – never", 1, 0),
    ]


READINGS: list[Callable[[sa.Connection], Any]] = [
    lambda connection: progress.newest_event(connection),
    lambda connection: progress.moves_after(connection, 1, 5, settled=5),
    lambda connection: progress.in_hand(connection, 1),
    lambda connection: progress.waiting_line(connection, 1),
    lambda connection: progress.last_errors(connection, 1, 9),
    lambda connection: progress.last_event_at(connection, 1, 9),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL chooses by table size
def test_no_reading_goes_through_a_whole_table_or_run(database_url: str) -> None:
    """Nor through the index that holds all events of a run, but for one person of it."""
    engine = connect(database_url)
    asked: list[tuple[str, Any]] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: asked.append((str(given[2]), given[3])))
    with reading(engine) as connection:
        for read in READINGS:
            read(connection)
        statements = [one for one in asked if "ledger" in one[0]]
        plans = [
            str(row[3])
            for statement, values in statements
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    engine.dispose()
    assert len(plans) > len(READINGS)
    whole = [line for line in plans if "(run_no=?)" in line or line.startswith("SCAN ledger")]
    assert [line for line in whole if "ix_ledger_due" not in line and "ix_ledger_leases" not in line] == []
