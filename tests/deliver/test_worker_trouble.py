"""What goes wrong for everybody pauses or ends the worker, and nobody is lost or mailed twice by it."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, reading, writing
from recmail.db.ledger_claims import claim_due
from recmail.db.runs import find_run, run_audit
from recmail.db.tables import ledger
from recmail.deliver.clock import Clock
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.worker import WorkSummary, work
from recmail.errors import StorageError
from recmail.records import Claim, Outgoing, RunState
from tests.ledgers import add_people, add_run, claim, row_of, set_rows, set_run, standing
from tests.servers import HANG, HOST, SmtpServer, unused_port
from tests.workers import DAY, S, each, options, relay, send, write

# --- everybody's problem --------------------------------------------------------------------------


def paused(engine: sa.Engine) -> str | None:
    with reading(engine) as connection:
        run = find_run(connection, 1)
        return str(run["reason"]) if run["state"] == RunState.PAUSED else None


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"MAIL": ["530 5.7.0 authentication required"]}, "530 5.7.0 authentication required"),
        ({"CONNECT": ["554 5.7.1 you are blocked"]}, "554 5.7.1 you are blocked"),
    ],
    ids=["in a message", "when connecting"],
)
def test_a_refused_account_pauses_the_run_and_fails_nobody(
    database: sa.Engine, now: datetime, stack: ExitStack, answers: dict[str, list[str]], reason: str
) -> None:
    add_people(database, now, 12)
    add_run(database, 1, now, people=range(12))
    server = SmtpServer(answers=answers)
    summary = send(database, relay(stack, server), now)
    assert reason in (summary.paused or "")
    assert paused(database) == summary.paused
    assert standing(database) == ["planned"] * 12
    assert all(row_of(database, user_no).attempts == 0 for user_no in range(12))
    with reading(database) as connection:
        assert [row["who"] for row in run_audit(connection, 1)] == ["recmail"]
    assert server.received == []


def test_a_resumed_run_goes_on_where_it_was(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 9)
    add_run(database, 1, now, people=range(9))
    server = SmtpServer(answers={"MAIL": ["", "", "", "535 5.7.8 password changed", ""]})
    smtp = relay(stack, server)
    assert send(database, smtp, now, connections=1).sent == 3
    set_run(database, 1, RunState.SENDING)
    assert send(database, smtp, now, connections=1, patience=DAY).sent == 6
    assert sorted(len(bodies) for bodies in server.bodies().values()) == [1] * 9


def test_a_server_that_is_down_pauses_the_run_and_uses_up_no_tries(
    database: sa.Engine, now: datetime
) -> None:
    add_people(database, now, 12)
    add_run(database, 1, now, people=range(12))
    port = unused_port()
    summary = send(database, Smtp(host=HOST, port=port, tls="none"), now, connections=8)
    assert f"cannot reach {HOST}:{port}" in (summary.paused or "")
    assert "(5 tries)" in (summary.paused or "")
    assert standing(database) == ["planned"] * 12
    assert row_of(database).attempts == 0


def test_a_server_that_takes_fewer_connections_than_we_want_gets_everything(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 30)
    add_run(database, 1, now, people=range(30))
    server = SmtpServer(answers={"CONNECT": ["", "421 4.7.0 too many connections"]})
    assert send(database, relay(stack, server), now, connections=4, connect_wait_s=0.01).sent == 30


def test_a_mistake_in_the_program_is_raised_after_what_was_in_hand_is_written_down(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 10)
    add_run(database, 1, now, people=range(10))
    server = SmtpServer()

    def broken(claimed: Claim) -> Outgoing:
        found = write(claimed)
        return replace(found, sender="not an address") if claimed.user_no == 4 else found

    with pytest.raises(ValueError, match="it is no address"):
        send(database, relay(stack, server), now, message=broken, connections=1)
    # Nobody knows what a broken program has done: the message may have left.
    assert standing(database) == ["sent"] * 4 + ["unknown"] + ["planned"] * 5
    assert "ValueError" in row_of(database, 4).last_error
    assert len(server.received) == 4


@pytest.mark.parametrize("error", [StorageError("the disk is gone"), ZeroDivisionError()])
def test_an_error_while_writing_loses_nobody(
    database: sa.Engine, now: datetime, stack: ExitStack, error: Exception
) -> None:
    add_people(database, now, 10)
    add_run(database, 1, now, people=range(10))
    server = SmtpServer()
    smtp = relay(stack, server)

    def broken(claimed: Claim) -> Outgoing:
        if claimed.user_no == 4:
            raise error
        return write(claimed)

    with pytest.raises(type(error)):
        send(database, smtp, now, message=broken)
    assert set(standing(database)) <= {"planned", "sent"}
    assert standing(database)[4] == "planned"
    send(database, smtp, now)
    assert standing(database) == ["sent"] * 10
    assert sorted(len(bodies) for bodies in server.bodies().values()) == [1] * 10


@pytest.mark.parametrize("state", [RunState.PAUSED, RunState.CANCELLED])
def test_a_run_that_somebody_stops_stops_at_the_next_intent(
    database: sa.Engine, now: datetime, stack: ExitStack, state: RunState
) -> None:
    add_people(database, now, 20)
    add_run(database, 1, now, people=range(20))

    def stop_after(recipient: str) -> None:
        if recipient == "u4@example.org":
            set_run(database, 1, state)

    server = SmtpServer(hold=stop_after)
    summary = send(database, relay(stack, server), now, connections=1)
    assert summary.paused is None
    assert standing(database)[:5] == ["sent"] * 5
    assert set(standing(database)[5:]) <= {"planned", "cancelled"}
    assert len(server.received) == 5


# --- ending early ---------------------------------------------------------------------------------


def test_stop_finishes_what_is_in_hand_and_gives_the_rest_back(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 50)
    add_run(database, 1, now, people=range(50))
    stop = threading.Event()

    def stop_after(recipient: str) -> None:
        if recipient == "u10@example.org":
            stop.set()

    server = SmtpServer(hold=stop_after)
    summary = send(database, relay(stack, server), now, stop=stop)
    assert summary.stopped
    counts = {state: standing(database).count(state) for state in set(standing(database))}
    assert counts.keys() == {"sent", "planned"}
    assert counts["sent"] == summary.sent == len(server.received) < 50
    # The next command's clock begins where this one's began, before the rows were given back.
    assert send(database, Smtp(host=HOST, port=server.port, tls="none"), now).sent == 50 - summary.sent


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it is not asked for anything
def test_stop_does_not_wait_for_what_is_stuck_in_a_message(
    database: sa.Engine, now: datetime, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recmail.deliver.worker.GIVES_UP_AFTER_S", 0.1)
    monkeypatch.setattr("recmail.deliver.desk._LEFT_BEHIND_AFTER_S", 0.1)
    add_people(database, now, 20)
    add_run(database, 1, now, people=range(20))
    stop, unstuck = threading.Event(), threading.Event()
    stack.callback(unstuck.set)

    def be_stuck(claimed: Claim) -> Outgoing:
        if claimed.user_no == 7:
            stop.set()
            unstuck.wait()
        return write(claimed)

    summary = send(database, relay(stack, SmtpServer()), now, message=be_stuck, stop=stop)
    assert summary.stopped
    found = standing(database)
    assert (found[7], found.count("sent")) == ("claimed", summary.sent)  # until the lease is over
    assert {*found} <= {"sent", "planned", "claimed"}


def test_stop_ends_waiting(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 1)
    add_run(database, 1, now, people=[0], due_at=now + timedelta(hours=1))
    stop = threading.Event()
    waiting: list[WorkSummary] = []

    def stop_when_told(summary: WorkSummary) -> None:
        waiting.append(summary)
        stop.set()

    summary = work(
        database,
        relay(stack, SmtpServer()),
        each(write),
        options=options(patience=DAY),
        clock=Clock(now),
        stop=stop,
        on_progress=stop_when_told,
    )
    assert summary.stopped
    assert standing(database) == ["planned"]
    assert waiting[-1].waiting_until == now + timedelta(hours=1)


# --- other senders' leases ------------------------------------------------------------------------


def test_a_dead_senders_leases_are_waited_for_and_said(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 4)
    add_run(database, 1, now, people=range(4))
    with writing(database) as connection:
        claim_due(connection, [1], now=now, limit=2, claim_id="dead")
        connection.execute(sa.text("UPDATE ledger SET state = 'sending' WHERE user_no = 0"))
    waits: list[WorkSummary] = []

    def end_the_leases_when_told(summary: WorkSummary) -> None:
        if summary.waiting_until is not None:
            waits.append(summary)
            with writing(database) as connection:
                leased = ledger.c.state.in_(["claimed", "sending"])
                connection.execute(sa.update(ledger).where(leased).values(next_at=now - DAY))

    server = SmtpServer()
    summary = send(database, relay(stack, server), now, on_progress=end_the_leases_when_told)
    assert sorted(standing(database)) == ["sent", "sent", "sent", "unknown"]
    assert summary.states[S.UNKNOWN] == 1
    assert waits
    assert all(one.waits_for_senders for one in waits)
    assert "u0@example.org" not in server.bodies()


def test_a_paused_run_does_not_wait_for_other_senders(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 1)
    add_run(database, 1, now, people=[0])
    with writing(database) as connection:
        claim_due(connection, [1], now=now, limit=1, claim_id="other")
    set_run(database, 1, RunState.PAUSED)
    assert send(database, relay(stack, SmtpServer()), now).done == 0
    assert standing(database) == ["claimed"]


def test_a_lease_that_ran_out_behind_a_slow_sender_costs_nobody_their_message(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 12)
    add_run(database, 1, now, people=range(12))
    server = SmtpServer()
    # Every lease is over before its intent: the rows go back in line again and again, and nobody is skipped.
    told: list[WorkSummary] = []
    stop = threading.Event()

    def stop_soon(summary: WorkSummary) -> None:
        told.append(summary)
        if summary.states.get(S.PLANNED, 0) >= 24:
            stop.set()

    work(
        database,
        relay(stack, server),
        each(write),
        options=options(claim_lease=timedelta(microseconds=1)),
        clock=Clock(now),
        stop=stop,
        on_progress=stop_soon,
    )
    assert standing(database) == ["planned"] * 12
    assert server.received == []
    assert send(database, Smtp(host=HOST, port=server.port, tls="none"), now).sent == 12


# --- when the database fails ----------------------------------------------------------------------


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the one that can be locked for long
def test_a_database_that_stays_locked_ends_the_worker_and_loses_nobody(
    database: sa.Engine, database_url: str, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 20)
    add_run(database, 1, now, people=range(20))
    impatient = connect(database_url, busy_timeout_ms=10)
    server = SmtpServer()
    smtp = relay(stack, server)
    other = stack.enter_context(database.connect())

    def write_and_lock(claimed: Claim) -> Outgoing:
        if claimed.user_no == 7:
            other.execution_options(begin="IMMEDIATE").begin()
        return write(claimed)

    with pytest.raises(StorageError, match="another program holds it"):
        send(impatient, smtp, now, message=write_and_lock)
    impatient.dispose()
    other.rollback()
    assert threading.active_count() <= 2 + server.connections  # the senders went home
    with writing(database) as connection:
        leased = ledger.c.state.in_(["claimed", "sending"])
        connection.execute(sa.update(ledger).where(leased).values(next_at=now - DAY))
    send(database, smtp, now)
    found = standing(database)
    assert found.count("sent") + found.count("unknown") == 20
    assert found.count("unknown") <= 3
    assert sorted(len(bodies) for bodies in server.bodies().values()) == [1] * 20


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # the one that can be restarted
def test_a_lost_database_connection_is_made_again(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 20)
    add_run(database, 1, now, people=range(20))
    server = SmtpServer()

    def write_and_cut(claimed: Claim) -> Outgoing:
        if claimed.user_no == 7:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            with database.connect() as connection:
                connection.exec_driver_sql(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
                )
        return write(claimed)

    assert send(database, relay(stack, server), now, message=write_and_cut).sent >= 17
    found = standing(database)
    assert (
        found.count("sent") + found.count("unknown") + found.count("claimed") + found.count("sending") == 20
    )
    assert sorted(len(bodies) for bodies in server.bodies().values())[-1] == 1


def test_replies_that_never_come_are_unknown_when_the_lease_is_over(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    class Impatient(Smtp):
        reply_timeout_s = 0.05

    add_people(database, now, 3)
    add_run(database, 1, now, people=range(3))
    server = SmtpServer(answers={"BODY": [HANG]})
    stack.enter_context(server.running())
    summary = send(database, Impatient(host=HOST, port=server.port, tls="none"), now)
    assert standing(database) == ["unknown"] * 3
    assert "timed out" in row_of(database).last_error
    assert summary.states[S.UNKNOWN] == 3


def test_a_claim_of_another_sender_is_not_this_ones(database: sa.Engine, now: datetime) -> None:
    add_people(database, now, 2)
    add_run(database, 1, now, people=range(2))
    set_rows(database, 1, attempts=3)
    assert [one.attempts for one in claim(database, now, limit=1)] == [3]


def test_refusals_of_everybody_from_the_start_pause_the_run(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    """A sender whose domain is not verified: ten people fail, and not the whole audience."""
    add_people(database, now, 40)
    add_run(database, 1, now, people=range(40))
    server = SmtpServer({"BODY": ["554 5.6.0 Message rejected: domain is not verified"]})
    summary = send(database, relay(stack, server), now, connections=1)
    assert "the first 10 messages were all refused" in (summary.paused or "")
    assert standing(database).count("failed: refused_message") == 10
    assert standing(database).count("planned") == 30
