"""The worker with a real SMTP server: everybody once, nobody lost, and each problem only where it belongs."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.consent import unsubscribe
from recmail.db.ledger_results import Retries
from recmail.db.tables import ledger
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.worker import WorkSummary
from recmail.errors import RenderError
from recmail.records import Claim, Outgoing, Skip
from tests.ledgers import add_people, add_run, events_of, row_of, set_rows, standing
from tests.servers import CUT, HOST, SmtpServer, unused_port
from tests.workers import DAY, S, adds_up, relay, send, write

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
    assert b"Hello u7\r\n" in server.bodies()["u7@example.org"][0]
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
    add_run(database, 1, now, people=[0], due_at=now + timedelta(hours=1))
    told: list[datetime] = []

    def let_it_be_due_when_told(summary: WorkSummary) -> None:
        if summary.waiting_until is not None:
            told.append(summary.waiting_until)
            set_rows(database, 1, next_at=now)

    summary = send(
        database, relay(stack, SmtpServer()), now, patience=DAY, on_progress=let_it_be_due_when_told
    )
    assert summary.sent == 1
    assert set(told) == {now + timedelta(hours=1)}


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
