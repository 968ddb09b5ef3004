"""Between a statement and its COMMIT others commit too: with that gap made wide, nothing slips through.

PostgreSQL reads consent when the intent's UPDATE begins. An opt-out that commits before the intent does would
be missed, and two runs would pass a cap together, were it not for the lock that both sides take first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, writing
from recmail.db.consent import unsubscribe
from recmail.records import Claim, Outgoing
from tests.ledgers import DAY, add_people, add_run, row_of, standing
from tests.servers import SmtpServer
from tests.workers import relay, send, write

# SQLite has one writer at a time.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
GAP_S = 0.02
PEOPLE = 40


@pytest.fixture
def slow(database_url: str) -> Iterator[sa.Engine]:
    """An engine whose every COMMIT comes late."""
    engine = connect(database_url)

    @sa.event.listens_for(engine, "commit")
    def _wait(connection: sa.Connection) -> None:
        with connection.connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_sleep({GAP_S})")

    yield engine
    engine.dispose()


def test_no_intent_is_committed_after_an_opt_out(
    database: sa.Engine, slow: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, PEOPLE)
    add_run(database, 1, now, people=range(PEOPLE))
    server = SmtpServer()
    smtp = relay(stack, server)
    too_late: set[int] = set()  # whose opt-out was committed before an intent was
    began = threading.Event()

    def opt_out() -> None:
        assert began.wait(60)
        for user_no in reversed(range(PEOPLE)):  # towards the sender, who begins with the first
            with writing(database) as connection:
                unsubscribe(connection, user_no, topic="", at=now, channel="page")
            if row_of(database, user_no).state in ("planned", "claimed"):
                too_late.add(user_no)

    def write_while_people_opt_out(claimed: Claim) -> Outgoing:
        began.set()
        return write(claimed)

    with ThreadPoolExecutor() as threads:
        page = threads.submit(opt_out)
        send(slow, smtp, now, connections=4, message=write_while_people_opt_out)
        page.result()
    assert too_late, "everybody was written to before anybody could opt out"
    assert {standing(database)[user_no] for user_no in too_late} == {"skipped: opted_out"}
    assert not {f"u{user_no}@example.org" for user_no in too_late} & set(server.bodies())


def test_two_runs_and_two_workers_do_not_pass_the_cap(
    database: sa.Engine, slow: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, PEOPLE)
    for run_no in (1, 2):
        add_run(database, run_no, now, people=range(PEOPLE))
    server = SmtpServer()
    smtp = relay(stack, server)

    def work(run_no: int) -> int:
        return send(slow, smtp, now, run_nos=(run_no,), connections=4, cap=(1, 7 * DAY)).sent

    with ThreadPoolExecutor() as threads:
        sent = list(threads.map(work, (1, 2)))
    assert sum(sent) == PEOPLE
    assert sorted(len(bodies) for bodies in server.bodies().values()) == [1] * PEOPLE
    stands = zip(standing(database, 1), standing(database, 2), strict=True)
    assert all(sorted(pair) == ["sent", "skipped: cap"] for pair in stands)
