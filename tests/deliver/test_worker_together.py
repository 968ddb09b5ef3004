"""Lanes, limits of domains and runs, quotas and hours, all in one worker: what waits is in line again."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import ledger, quotas, users
from recmail.deliver.hours import Hours
from recmail.deliver.pace import PaceOptions
from recmail.deliver.spans import Limits, spread
from recmail.deliver.spans import quotas as limits_of
from recmail.deliver.worker import WorkSummary
from recmail.settings.hours import quiet_hours
from recmail.settings.rates import read_rate
from tests.ledgers import add_people, add_run, standing
from tests.servers import SmtpServer
from tests.workers import relay, send

NOW = datetime(2026, 12, 1, 14, tzinfo=UTC)  # 23:00 in Tokyo
PEOPLE = 60


def prepare(engine: sa.Engine) -> None:
    """Two runs; every third person at each of three domains, every fifth in Tokyo."""
    add_people(engine, NOW, PEOPLE)
    with writing(engine) as connection:
        for user_no in range(PEOPLE):
            address = f"u{user_no}@{('narrow', 'slow', 'free')[user_no % 3]}.example"
            values = dict.fromkeys(("email", "email_key", "email_hash"), address)
            values["timezone"] = "Asia/Tokyo" if user_no % 5 == 0 else "UTC"
            connection.execute(sa.update(users).where(users.c.user_no == user_no).values(values))
    for run_no in (1, 2):
        add_run(engine, run_no, NOW, people=range(PEOPLE))


def pace() -> PaceOptions:
    everybody = limits_of("provider relay", [read_rate("1000 per second"), read_rate("70 per day")])
    domains = {"slow.example": limits_of("provider relay to slow.example", [read_rate("6 per hour")])}
    runs = {2: Limits(spans=spread("campaign second", read_rate("20 per day")).spans)}
    return PaceOptions(everybody, domains, runs, Hours(quiet_hours("21:00-08:00"), None, "UTC"))


def used(engine: sa.Engine, scope: str) -> int:
    with reading(engine) as connection:
        total = sa.select(sa.func.sum(quotas.c.used)).where(quotas.c.scope == scope)
        return int(connection.scalar(total) or 0)


@pytest.mark.parametrize("stops_after", [None, 12])
def test_all_limits_hold_together_and_nothing_stays_claimed(
    database: sa.Engine, stack: ExitStack, stops_after: int | None
) -> None:
    prepare(database)
    server, stop = SmtpServer(), threading.Event()
    smtp = relay(stack, server)

    def look(summary: WorkSummary) -> None:
        if stops_after is not None and summary.sent >= stops_after:
            stop.set()

    found = send(
        database,
        smtp,
        NOW,
        run_nos=(1, 2),
        pace=pace(),
        at_once={"narrow.example": 1},
        connections=6,
        stop=stop,
        on_progress=look,
        patience=timedelta(minutes=1),  # who only waits for a place of their domain
    )
    with reading(database) as connection:
        held = sa.select(sa.func.count()).where(ledger.c.state.in_(["claimed", "sending"]))
        assert connection.scalar(held) == 0
    states = [*standing(database, 1), *standing(database, 2)]
    assert set(states) <= {"planned", "sent"}
    assert (
        found.sent == len(server.received) == states.count("sent") == used(database, "provider relay per day")
    )
    assert used(database, "provider relay to slow.example per hour") <= 6
    assert used(database, "campaign second per day") == standing(database, 2).count("sent") <= 20
    assert all(
        states[run * PEOPLE + user_no] == "planned" for run in (0, 1) for user_no in range(0, PEOPLE, 5)
    )
    if stops_after is None:
        # 16 of the narrow domain and of the free one are awake, and 6 may go to the slow one.
        assert standing(database, 2).count("sent") == 20
        assert used(database, "provider relay to slow.example per hour") == 6
        assert standing(database, 1).count("sent") >= 32
