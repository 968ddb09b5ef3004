"""Somebody is erased while a worker holds their message, written already: it does not leave."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.tables import ledger_context
from recmail.feedback import erasing
from recmail.feedback.traces import find_traces
from recmail.records import Claim, Outgoing
from tests.feedback.sent import KEY
from tests.ledgers import add_people, add_run, standing
from tests.servers import SmtpServer
from tests.workers import adds_up, relay, send, write

ERASED, KILLED_AFTER_THE_MARK = 1, 3


def test_a_message_that_is_written_does_not_leave(database: sa.Engine, now: datetime) -> None:
    add_people(database, now, 5)
    add_run(database, 1, now, people=range(5))

    def write_and_erase(claim: Claim) -> Outgoing:
        message = write(claim)
        if claim.user_no in (ERASED, KILLED_AFTER_THE_MARK):
            with reading(database) as connection:
                traces = find_traces(connection, claim.user_no)
            assert erasing.mark(database, traces, now=now) == 1
        if claim.user_no == ERASED:
            erasing.take_away(database, claim.user_no)
            erasing.forget(database, KEY, traces)
        return message

    server = SmtpServer()
    with ExitStack() as stack:
        assert send(database, relay(stack, server), now, message=write_and_erase).sent == 3
    assert standing(database) == ["sent", "skipped: erased", "sent", "skipped: erased", "sent"]
    assert set(server.bodies()) == {f"u{number}@example.org" for number in (0, 2, 4)}
    assert adds_up(database)
    with reading(database) as connection:
        gone = sa.select(ledger_context.c.user_no).where(ledger_context.c.context.is_(None))
        assert connection.scalars(gone).all() == [ERASED]
