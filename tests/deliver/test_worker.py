"""The worker with a real SMTP server: everybody once, nobody lost, and each problem only where it belongs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.account import account
from recmail.db.connect import connect, reading, writing
from recmail.db.consent import unsubscribe
from recmail.db.ledger_claims import claim_due
from recmail.db.ledger_results import Retries
from recmail.db.runs import find_run, run_audit
from recmail.db.tables import ledger
from recmail.deliver.clock import Clock
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.sender import Write
from recmail.deliver.worker import WorkerOptions, WorkSummary, work
from recmail.errors import RenderError, StorageError
from recmail.records import Claim, MessageState, Outgoing, RunState, Skip
from tests.ledgers import TOPIC, add_people, add_run, claim, events_of, row_of, set_rows, set_run, standing
from tests.servers import CUT, HANG, HOST, SmtpServer, unused_port

DAY = timedelta(days=1)
S = MessageState


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends servers after the test."""
    with ExitStack() as stack:
        yield stack


def write(claimed: Claim) -> Outgoing:
    """A message that names its person and try."""
    mime = f"Subject: For {claimed.user_id}\r\n\r\nHello {claimed.context['name']}\r\n"
    email = claimed.email or ""
    return Outgoing("learn@acme.example", email, mime.encode(), claimed.message_id, "Hi")


def relay(stack: ExitStack, server: SmtpServer) -> Smtp:
    stack.enter_context(server.running())
    return Smtp(host=HOST, port=server.port, tls="none")


def options(**changed: Any) -> WorkerOptions:
    fields: dict[str, Any] = {
        "run_nos": (1,),
        "topics": {1: TOPIC, 2: TOPIC},
        "connections": 3,
        "cap": (10, 7 * DAY),
        "sending_lease": timedelta(minutes=11),
        "patience": timedelta(0),
        "connect_wait_s": 0.001,
    }
    return WorkerOptions(**fields | changed)


def send(
    engine: sa.Engine,
    smtp: Smtp,
    now: datetime,
    *,
    message: Write = write,
    stop: threading.Event | None = None,
    told: list[WorkSummary] | None = None,
    **changed: Any,
) -> WorkSummary:
    return work(
        engine,
        smtp,
        message,
        options=options(**changed),
        clock=Clock(now),
        stop=stop or threading.Event(),
        on_progress=None if told is None else told.append,
    )


def adds_up(engine: sa.Engine) -> bool:
    with reading(engine) as connection:
        return account(connection, 1).adds_up


# --- everybody ------------------------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 3, 8])
def test_everybody_gets_one_message(
    database: sa.Engine, now: datetime, stack: ExitStack, connections: int
) -> None:
    add_people(database, now, 40)
    add_run(database, 1, now, people=range(40))
    server = SmtpServer()
    summary = send(database, relay(stack, server), now, connections=connections)
    assert (summary.sent, summary.done, summary.paused, summary.stopped) == (40, 40, None, False)
    assert standing(database) == ["sent"] * 40
    assert {address: len(bodies) for address, bodies in server.bodies().items()} == {
        f"u{number}@example.org": 1 for number in range(40)
    }
    assert b"Hello person 7\r\n" in server.bodies()["u7@example.org"][0]
    assert server.connections <= connections
    row = row_of(database)
    assert (row.provider_id, row.attempts) == ("TEST1", 0)
    assert len(row.body_sha256) == 64
    assert now <= row.sent_at < now + timedelta(minutes=5)
    assert adds_up(database)


def test_sending_again_sends_nothing_more(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 5)
    add_run(database, 1, now, people=range(5))
    server = SmtpServer()
    smtp = relay(stack, server)
    assert send(database, smtp, now).sent == 5
    assert send(database, smtp, now).states == {S.SENT: 0}
    assert len(server.received) == 5


def test_a_run_without_anybody_ends_at_once(database: sa.Engine, now: datetime) -> None:
    add_run(database, 1, now, people=[])
    nowhere = Smtp(host=HOST, port=unused_port(), tls="none")
    assert send(database, nowhere, now).done == 0


def test_two_workers_share_a_run(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 60)
    add_run(database, 1, now, people=range(60))
    server = SmtpServer()
    smtp = relay(stack, server)
    other: list[WorkSummary] = []
    thread = threading.Thread(target=lambda: other.append(send(database, smtp, now)))
    thread.start()
    mine = send(database, smtp, now)
    thread.join()
    assert mine.sent + other[0].sent == 60
    assert sorted(len(bodies) for bodies in server.bodies().values()) == [1] * 60


def test_two_runs_share_the_cap(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 20)
    for run_no in (1, 2):
        add_run(database, run_no, now, people=range(20))
    server = SmtpServer()
    send(database, relay(stack, server), now, run_nos=(1, 2), cap=(1, 7 * DAY))
    got = [sorted(pair) for pair in zip(standing(database, 1), standing(database, 2), strict=True)]
    assert got == [["sent", "skipped: cap"]] * 20
    assert sorted(len(bodies) for bodies in server.bodies().values()) == [1] * 20


def test_only_what_is_due_is_sent_and_the_rest_is_announced(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 4)
    add_run(database, 1, now, people=[0, 1])
    with writing(database) as connection:
        connection.execute(sa.update(ledger).where(ledger.c.user_no == 1).values(next_at=now + DAY))
    summary = send(database, relay(stack, SmtpServer()), now)
    assert standing(database) == ["sent", "planned"]
    assert (summary.waiting_until, summary.waits_for_senders) == (now + DAY, False)


def test_what_is_due_soon_is_waited_for(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 1)
    add_run(database, 1, now, people=[0], due_at=now + timedelta(milliseconds=80))
    told: list[WorkSummary] = []
    summary = send(database, relay(stack, SmtpServer()), now, patience=DAY, told=told)
    assert summary.sent == 1
    assert [one.waiting_until for one in told if one.waiting_until] == [now + timedelta(milliseconds=80)]


# --- one person's problem -------------------------------------------------------------------------


def test_each_persons_problem_is_their_own(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 6)
    add_run(database, 1, now, people=range(6))
    with writing(database) as connection:
        unsubscribe(connection, 0, topic="", at=now, channel="page")
    server = SmtpServer(
        recipients={"u3@example.org": "550 5.1.1 no such user", "u4@example.org": "450 4.2.1 busy"}
    )

    def some(claimed: Claim) -> Outgoing | Skip:
        if claimed.user_no == 1:
            raise RenderError("course has no title", template="weekly.html.j2", line=9)
        return Skip("stale") if claimed.user_no == 2 else write(claimed)

    summary = send(database, relay(stack, server), now, message=some)
    assert standing(database) == [
        "skipped: opted_out",
        "failed: render",
        "skipped: stale",
        "failed: refused_recipient",
        "planned",
        "sent",
    ]
    assert [one.recipient for one in server.received] == ["u5@example.org"]
    assert {state: count for state, count in summary.states.items() if count} == {
        S.SKIPPED: 2,
        S.FAILED: 2,
        S.PLANNED: 1,
        S.SENT: 1,
    }
    assert summary.waiting_until is not None
    assert now < summary.waiting_until < now + timedelta(minutes=2)
    assert row_of(database, 4).attempts == 1
    assert adds_up(database)


def test_a_suppressed_dead_address_gets_nothing_from_the_next_run(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 2)
    add_run(database, 1, now, people=[0, 1])
    server = SmtpServer(recipients={"u0@example.org": "550 5.1.1 no such user"})
    smtp = relay(stack, server)
    send(database, smtp, now)
    add_run(database, 2, now, people=[0, 1])
    send(database, smtp, now, run_nos=(2,))
    assert standing(database, 2) == ["skipped: suppressed", "sent"]


def test_a_temporary_failure_is_tried_again_until_it_works(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 3)
    add_run(database, 1, now, people=range(3))
    server = SmtpServer(answers={"RCPT": ["450 4.2.1 busy"] * 5 + [""]})
    quick = Retries(first=timedelta(milliseconds=1))
    summary = send(database, relay(stack, server), now, retries=quick, patience=DAY)
    assert standing(database) == ["sent"] * 3
    assert summary.states[S.PLANNED] == 5
    assert sum(row_of(database, user_no).attempts for user_no in range(3)) == 5


def test_after_its_last_try_a_message_is_given_up(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 1)
    add_run(database, 1, now, people=[0])
    server = SmtpServer(answers={"RCPT": ["450 4.2.1 busy"]})
    quick = Retries(attempts=3, first=timedelta(milliseconds=1))
    send(database, relay(stack, server), now, retries=quick, patience=DAY)
    assert standing(database) == ["failed: gave_up"]
    assert [state for state, _ in events_of(database)] == ["planned", "planned", "failed"]


def test_no_answer_after_the_body_is_unknown_and_never_sent_twice(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 6)
    add_run(database, 1, now, people=range(6))
    server = SmtpServer(answers={"BODY": ["", CUT, ""]})
    summary = send(database, relay(stack, server), now, connections=1)
    assert summary.states[S.UNKNOWN] == 1
    assert sorted(standing(database)) == ["sent"] * 5 + ["unknown"]
    assert sorted(len(bodies) for bodies in server.bodies().values()) == [1] * 6
    assert send(database, Smtp(host=HOST, port=server.port, tls="none"), now).done == 0


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
    server = SmtpServer()

    def write_and_stop(claimed: Claim) -> Outgoing:
        if claimed.user_no == 5:
            set_run(database, 1, state)
        return write(claimed)

    summary = send(database, relay(stack, server), now, message=write_and_stop, connections=1)
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
    server, stop = SmtpServer(), threading.Event()

    def write_and_stop(claimed: Claim) -> Outgoing:
        if claimed.user_no == 10:
            stop.set()
        return write(claimed)

    summary = send(database, relay(stack, server), now, message=write_and_stop, stop=stop)
    assert summary.stopped
    counts = {state: standing(database).count(state) for state in set(standing(database))}
    assert counts.keys() == {"sent", "planned"}
    assert counts["sent"] == summary.sent == len(server.received) < 50
    # The next command's clock begins where this one's began, before the rows were given back.
    assert send(database, Smtp(host=HOST, port=server.port, tls="none"), now).sent == 50 - summary.sent


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
        write,
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
    lease = timedelta(milliseconds=400)
    with writing(database) as connection:
        claim_due(connection, [1], now=now, limit=2, claim_id="dead", lease=lease)
        connection.execute(sa.text("UPDATE ledger SET state = 'sending' WHERE user_no = 0"))
    told: list[WorkSummary] = []
    server = SmtpServer()
    summary = send(database, relay(stack, server), now, told=told)
    assert sorted(standing(database)) == ["sent", "sent", "sent", "unknown"]
    assert summary.states[S.UNKNOWN] == 1
    waits = [one for one in told if one.waiting_until is not None]
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
        write,
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


# --- speed ----------------------------------------------------------------------------------------


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
    send(database, relay(stack, SmtpServer()), now, rate=20.0, connections=2, told=told)
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
    assert send(database, relay(stack, SmtpServer()), now, rate=0.0001).sent == 1


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
