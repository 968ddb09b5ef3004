"""The worker keeps every limit against a real SMTP server, and nobody is lost or mailed twice by it."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.ledger_results import Retries
from recmail.db.runs import find_run, record
from recmail.db.tables import events, ledger, quotas, users
from recmail.deliver.alarms import Shares
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.heard import Heard
from recmail.deliver.hours import Hours
from recmail.deliver.pace import PaceOptions
from recmail.deliver.slower import Slower
from recmail.deliver.spans import Limits, Warming, spread
from recmail.deliver.spans import quotas as limits_of
from recmail.deliver.warm_up import WarmUp
from recmail.deliver.worker import WorkSummary
from recmail.records import RunState
from recmail.settings.hours import quiet_hours, weekdays
from recmail.settings.rates import read_rate
from tests.ledgers import add_people, add_run, row_of, standing
from tests.servers import HOST, SmtpServer
from tests.workers import DAY, adds_up, relay, send

HOUR = timedelta(hours=1)


def limits(*rates: str) -> Limits:
    return limits_of("provider relay", [read_rate(rate) for rate in rates])


def paused(engine: sa.Engine, run_no: int = 1) -> str | None:
    with reading(engine) as connection:
        run = find_run(connection, run_no)
        return str(run["reason"]) if run["state"] == RunState.PAUSED else None


def used(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(quotas.c.used), 0))) or 0)


# --- quotas ---------------------------------------------------------------------------------------


def test_a_quota_holds_over_restarts_and_says_until_when(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 20)
    add_run(database, 1, now, people=range(20))
    server = SmtpServer()
    smtp = relay(stack, server)
    pace = PaceOptions(limits("7 per hour"))
    summary = send(database, smtp, now, pace=pace)
    assert summary.sent == 7
    assert summary.limit == "7 per hour of provider relay"
    assert summary.waiting_until is not None
    assert now + HOUR < summary.waiting_until <= now + HOUR + timedelta(minutes=2)
    assert standing(database).count("planned") == 13
    assert send(database, smtp, now + timedelta(minutes=30), pace=pace).sent == 0
    assert send(database, smtp, summary.waiting_until, pace=pace).sent == 7
    assert len(server.received) == 14
    assert adds_up(database)


def test_two_workers_together_keep_a_quota(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 60)
    add_run(database, 1, now, people=range(60))
    server = SmtpServer()
    smtp, pace = relay(stack, server), PaceOptions(limits("25 per day"))
    found: list[WorkSummary] = []
    threads = [
        threading.Thread(target=lambda: found.append(send(database, smtp, now, pace=pace))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = sum(summary.sent for summary in found)
    # What one gives back at its end the other may not see any more; a third worker gets it.
    assert sent == len(server.received) == used(database) <= 25
    send(database, smtp, now, pace=pace)
    assert len(server.received) == used(database) == 25


def test_what_is_not_used_is_given_back(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 5)
    add_run(database, 1, now, people=range(5))
    pace = PaceOptions(limits("1000 per second", "1000 per hour"))
    assert send(database, relay(stack, SmtpServer()), now, pace=pace).sent == 5
    with reading(database) as connection:
        left = connection.execute(
            sa.select(sa.func.sum(quotas.c.used)).where(quotas.c.scope == "provider relay per hour")
        )
        assert left.scalar_one() == 5


def test_a_warm_up_limits_the_day(database: sa.Engine, stack: ExitStack) -> None:
    now = datetime(2026, 12, 2, 9, tzinfo=UTC)
    add_people(database, now, 20)
    add_run(database, 1, now, people=range(20))
    ramp = WarmUp.model_validate({"from": date(2026, 12, 1), "start": 4})
    pace = PaceOptions(Limits(spans=(Warming("provider relay", ramp, ZoneInfo("Asia/Kolkata")),)))
    summary = send(database, relay(stack, SmtpServer()), now, pace=pace)
    assert summary.sent == 8  # the second day
    assert summary.waiting_until == datetime(2026, 12, 2, 18, 30, tzinfo=UTC)  # midnight in Kolkata


def test_two_runs_in_one_worker_have_each_their_own_limit(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 40)
    for run_no in (1, 2):
        add_run(database, run_no, now, people=range(40))
    slow = spread("campaign slow", read_rate("3 per day"))
    pace = PaceOptions(runs={1: Limits(spans=slow.spans)})
    summary = send(database, relay(stack, SmtpServer()), now, run_nos=(1, 2), pace=pace)
    assert standing(database, 1).count("sent") == 3
    assert standing(database, 2).count("sent") == 40
    assert summary.sent == 43


# --- domains --------------------------------------------------------------------------------------


def test_a_domain_at_its_limit_keeps_nobody_else(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 30)
    with writing(database) as connection:
        for user_no in range(30):
            domain = "slow.example" if user_no < 20 else "quick.example"
            address = f"u{user_no}@{domain}"
            connection.execute(
                sa.update(users)
                .where(users.c.user_no == user_no)
                .values(email=address, email_key=address, email_hash=address)
            )
    add_run(database, 1, now, people=range(30))
    server = SmtpServer()
    pace = PaceOptions(domains={"slow.example": limits("4 per hour")})
    summary = send(database, relay(stack, server), now, pace=pace, connections=1)
    got = Counter(one.recipient.rpartition("@")[2] for one in server.received)
    assert got == {"slow.example": 4, "quick.example": 10}
    assert standing(database).count("planned") == 16
    assert summary.waiting_until is not None
    assert all(row_of(database, user_no).attempts == 0 for user_no in range(30))
    # Each has a time of its own, so that they do not all come back at once.
    with reading(database) as connection:
        waiting = sa.select(ledger.c.next_at).where(ledger.c.state == "planned")
        assert len(set(connection.scalars(waiting))) > 1


# --- hours ----------------------------------------------------------------------------------------


def zoned(engine: sa.Engine, zones: dict[int, str | None]) -> None:
    with writing(engine) as connection:
        for user_no, zone in zones.items():
            connection.execute(sa.update(users).where(users.c.user_no == user_no).values(timezone=zone))


def test_who_sleeps_waits_for_their_morning_and_no_try_is_counted(
    database: sa.Engine, stack: ExitStack
) -> None:
    now = datetime(2026, 12, 1, 14, tzinfo=UTC)  # 15:00 in Berlin, 19:30 in Kolkata, 23:00 in Tokyo
    add_people(database, now, 40)
    add_run(database, 1, now, people=range(40))
    zoned(database, dict.fromkeys(range(30), "Asia/Tokyo"))
    zoned(database, {30: "Europe/Berlin", 31: "Nowhere/City", 32: None})
    server = SmtpServer()
    hours = Hours(quiet_hours("21:00-08:00"), None, "Asia/Kolkata")
    summary = send(database, relay(stack, server), now, pace=PaceOptions(hours=hours), connections=1)
    assert standing(database) == ["planned"] * 30 + ["sent"] * 10
    morning = datetime(2026, 12, 1, 23, tzinfo=UTC)
    assert {row_of(database, user_no).next_at for user_no in range(30)} == {morning}
    assert {row_of(database, user_no).attempts for user_no in range(30)} == {0}
    assert (summary.postponed, summary.waiting_until) == (30, morning)
    again = Smtp(host=HOST, port=server.port, tls="none")
    assert send(database, again, morning, pace=PaceOptions(hours=hours)).sent == 30


def test_too_late_is_too_late_in_the_night_as_well(database: sa.Engine, stack: ExitStack) -> None:
    now = datetime(2026, 12, 1, 14, tzinfo=UTC)
    add_people(database, now, 12)
    add_run(database, 1, now, people=range(12), send_before=now + 3 * HOUR)
    zoned(database, dict.fromkeys(range(12), "Asia/Tokyo"))
    smtp = relay(stack, SmtpServer())
    pace = PaceOptions(hours=Hours(quiet_hours("21:00-08:00"), None, "UTC"))
    assert send(database, smtp, now, pace=pace).waiting_until == now + 3 * HOUR
    send(database, smtp, now + 3 * HOUR, pace=pace)
    assert standing(database) == ["skipped: too_late"] * 12


def test_a_weekend_is_waited_for(database: sa.Engine, stack: ExitStack) -> None:
    now = datetime(2026, 12, 5, 12, tzinfo=UTC)  # a Saturday
    add_people(database, now, 3)
    add_run(database, 1, now, people=range(3))
    pace = PaceOptions(hours=Hours(None, weekdays("monday-friday"), "UTC"))
    summary = send(database, relay(stack, SmtpServer()), now, pace=pace)
    assert summary.waiting_until == datetime(2026, 12, 7, tzinfo=UTC)


# --- what the provider says -----------------------------------------------------------------------


def test_a_throttling_server_is_sent_to_more_slowly_and_everybody_gets_theirs(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 12)
    add_run(database, 1, now, people=range(12))
    server = SmtpServer(answers={"RCPT": ["", "", "421 4.7.0 too many messages, slow down", ""]})
    told: list[WorkSummary] = []
    quick = Retries(first=timedelta(milliseconds=1))
    send(
        database,
        relay(stack, server),
        now,
        pace=PaceOptions(limits("1000 per second")),
        retries=quick,
        patience=DAY,
        connections=1,
        on_progress=told.append,
    )
    assert standing(database) == ["sent"] * 12
    assert sum(row_of(database, user_no).attempts for user_no in range(12)) == 1
    slowed = [summary.slowed for summary in told if summary.slowed is not None]
    assert slowed
    assert 500 <= min(slowed) < 1_000


def test_how_slow_the_provider_wants_it_is_handed_to_the_next_worker(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 3)
    add_run(database, 1, now, people=range(3))
    heard, seconds = Heard(1_000), [0.0]
    heard.slower = Slower(1_000, lambda: seconds[0])
    heard.slower.throttled()
    seconds[0] = 12.0  # a tenth of the way back
    pace = PaceOptions(limits("1000 per second"))
    summary = send(database, relay(stack, SmtpServer()), now, pace=pace, heard=heard)
    assert (summary.sent, summary.slowed) == (3, 600)


@pytest.mark.parametrize("answer", ["451 4.3.0 try again later", "452 4.3.1 no space"])
def test_a_server_that_defers_everybody_pauses_the_run(
    database: sa.Engine, now: datetime, stack: ExitStack, answer: str
) -> None:
    add_people(database, now, 150)
    add_run(database, 1, now, people=range(150))
    server = SmtpServer(answers={"RCPT": [answer]})
    summary = send(database, relay(stack, server), now, connections=1)
    assert "the last 100 messages were all deferred" in (summary.paused or "")
    assert paused(database) == summary.paused
    assert standing(database) == ["planned"] * 150


def test_refusals_for_policy_suppress_nobody_and_pause_the_run(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 130)
    add_run(database, 1, now, people=range(130))
    server = SmtpServer(answers={"RCPT": [""] * 95 + ["550 5.7.1 your reputation is too low"]})
    smtp = relay(stack, server)
    summary = send(database, smtp, now, connections=1)
    # The sixth of 101 is more than 5 %.
    assert "6 of the last 101 messages were refused" in (summary.paused or "")
    assert standing(database).count("failed: refused_recipient") == 6
    with reading(database) as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM suppressions")) == 0


# --- pause_if -------------------------------------------------------------------------------------


def test_a_campaign_pauses_at_its_own_share_of_bounces_and_others_go_on(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 200)
    add_run(database, 1, now, people=range(150))
    add_run(database, 2, now, people=range(150, 200))
    gone = {f"u{user_no}@example.org": "550 5.1.1 no such user" for user_no in (60, 80, 100)}
    server = SmtpServer(recipients=gone)
    summary = send(
        database,
        relay(stack, server),
        now,
        run_nos=(1, 2),
        connections=1,
        pause_if={1: Shares(bounces=0.02), 2: Shares(bounces=0.02)},
    )
    reason = paused(database, 1)
    assert reason is not None
    assert "3 bounces of 1" in reason
    assert "the campaign pauses at 2.00%" in reason
    assert summary.paused is None
    assert standing(database, 2) == ["sent"] * 50
    assert standing(database, 1).count("planned") > 30
    assert adds_up(database)


def test_complaints_that_came_back_pause_the_run_until_a_person_has_seen_them(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 150)
    add_run(database, 1, now, people=range(120))
    server = SmtpServer()
    smtp = relay(stack, server)
    assert send(database, smtp, now).sent == 120
    complain(database, now, people=(3, 4, 5, 5))
    add_rows(database, now, people=range(120, 150))
    summary = send(database, smtp, now, pause_if={1: Shares(complaints=0.002)})
    assert summary.sent == 0
    assert "3 complaints of 120 messages are 2.50%" in (paused(database) or "")
    with writing(database) as connection:  # as `run resume` does
        connection.execute(sa.text("UPDATE runs SET state = 'sending'"))
        record(connection, RunState.SENDING, who="ana", now=now + HOUR, run_no=1)
    later = send(database, smtp, now + HOUR, pause_if={1: Shares(complaints=0.002)})
    assert (later.sent, paused(database)) == (30, None)


def complain(engine: sa.Engine, at: datetime, *, people: tuple[int, ...]) -> None:
    rows = [
        {
            "provider": "relay",
            "event_key": f"event {number}",
            "kind": "complained",
            "at": at,
            "received_at": at,
            "run_no": 1,
            "user_no": user_no,
            "raw": "",
        }
        for number, user_no in enumerate(people)
    ]
    with writing(engine) as connection:
        connection.execute(events.insert(), rows)


def add_rows(engine: sa.Engine, now: datetime, *, people: range) -> None:
    """More people of run 1, as if they had been due later."""
    add_run(engine, 9, now, people=people, run_state=RunState.PLANNED)
    with writing(engine) as connection:
        for table in ("ledger_context", "ledger"):
            connection.execute(sa.text(f"UPDATE {table} SET run_no = 1 WHERE run_no = 9"))
