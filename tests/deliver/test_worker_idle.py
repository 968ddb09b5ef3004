"""A worker that has to wait lets the database be: it looks now and then, and writes nothing."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.deliver.pace import PaceOptions
from recmail.deliver.spans import spread
from recmail.settings.rates import read_rate
from tests.ledgers import add_people, add_run, standing
from tests.servers import SmtpServer
from tests.workers import relay, send


def test_a_run_that_waits_for_its_own_pace_is_not_claimed_of_in_vain_beside_one_that_is_not_due(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 10)
    add_run(database, 1, now, people=range(5))
    add_run(database, 2, now + timedelta(hours=1), people=range(5, 10))
    smtp = relay(stack, SmtpServer())
    claims: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "UPDATE ledger" in statement and "due" in statement:
            claims.append(statement)

    sa.event.listen(database, "before_cursor_execute", note)
    stop = threading.Event()
    timer = threading.Timer(1.5, stop.set)
    timer.start()
    pace = PaceOptions(runs={1: spread("campaign slow", read_rate("60 per hour"))})
    send(database, smtp, now, run_nos=(1, 2), pace=pace, stop=stop)
    timer.join()
    sa.event.remove(database, "before_cursor_execute", note)
    assert standing(database, 1).count("sent") == 1
    assert standing(database, 2) == ["planned"] * 5
    # Twenty a second they were.
    assert 1 <= len(claims) <= 6
