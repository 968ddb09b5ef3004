"""A pause and a limit of one's own bind when planning, and in the statement that commits an intent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.eligibility import Eligibility, skip_reasons
from recmail.db.preferences import Pace, read_pace, wishes, write_pace
from recmail.db.tables import users
from tests.ledgers import (
    DAY,
    TOPIC,
    add_people,
    add_run,
    claim,
    intents,
    rules,
    set_rows,
    settle,
    standing,
)

SECOND = timedelta(seconds=1)
WEEKLY, MONTHLY = Pace(at_most=1, within_days=7), Pace(at_most=1, within_days=30)


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    """Three people with consent; the last two share an address."""
    add_people(database, now, 3)
    with writing(database) as connection:
        shared = {"email": "u1@example.org", "email_key": "u1@example.org"}
        same = sa.update(users).where(users.c.user_no == 2)
        connection.execute(same.values(**shared, email_hash="hash of u1@example.org"))
    return database


@contextmanager
def asks(engine: sa.Engine, now: datetime, user_no: int, pace: Pace) -> Iterator[sa.Connection]:
    """Somebody asked for a pace, in a transaction that is committed."""
    with writing(engine) as connection:
        write_pace(connection, user_no, pace, at=now)
    with reading(engine) as connection:
        yield connection


def planned(connection: sa.Connection, now: datetime, **more: object) -> dict[int, str | None]:
    found = Eligibility(lambda _: sa.true(), TOPIC, now, cap=None, **more)  # type: ignore[arg-type]
    return skip_reasons(connection, sa.select(users.c.user_no), found)


def test_what_is_asked_for_is_said_of_each_account_of_the_address(people: sa.Engine, now: datetime) -> None:
    with asks(people, now, 2, Pace(datetime(2027, 1, 1, tzinfo=UTC), 2, 30)) as connection:
        limit = "wants at most 2 emails in 30 days"
        assert wishes(connection, 1, now=now) == ["asked for a pause until 2027-01-01", limit]
        assert wishes(connection, 1, now=datetime(2027, 1, 1, tzinfo=UTC)) == [limit]
        assert wishes(connection, 0, now=now) == []


def test_a_pause_of_one_account_is_a_pause_of_the_address(people: sa.Engine, now: datetime) -> None:
    with asks(people, now, 2, Pace(paused_until=now + SECOND)) as connection:
        assert read_pace(connection, 1) == Pace(paused_until=now + SECOND)
        assert planned(connection, now) == {0: None, 1: "asked_for_pause", 2: "asked_for_pause"}
        over = planned(connection, now, due=now + SECOND)
        assert over == {0: None, 1: None, 2: "duplicate_address"}
    add_run(people, 1, now, people=[0, 1])
    settle(people, intents(claim(people, now)), rules(now))
    assert standing(people) == ["sending", "skipped: asked_for_pause"]


def test_a_pause_is_over_when_it_is_over(people: sa.Engine, now: datetime) -> None:
    with asks(people, now, 0, Pace(paused_until=now)):
        add_run(people, 1, now, people=[0])
    settle(people, intents(claim(people, now)), rules(now))
    assert standing(people) == ["sending"]


def test_whoever_takes_an_address_on_takes_its_pause_on(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[1])
    with asks(people, now, 0, Pace(paused_until=now + DAY)):
        pass
    with writing(people) as connection:
        moved = {"email": "u0@example.org", "email_key": "u0@example.org"}
        change = sa.update(users).where(users.c.user_no == 1)
        connection.execute(change.values(**moved, email_hash="hash of u0@example.org"))
    settle(people, intents(claim(people, now)), rules(now))
    assert standing(people) == ["skipped: asked_for_pause"]


@pytest.mark.parametrize(
    ("pace", "ago", "stands"),
    [
        (WEEKLY, 6 * DAY, "skipped: cap"),
        (WEEKLY, 7 * DAY - timedelta(hours=12) + SECOND, "sending"),  # "once a week" is every Tuesday
        (MONTHLY, 29 * DAY, "skipped: cap"),
        (MONTHLY, 30 * DAY, "sending"),
        (Pace(at_most=2, within_days=7), DAY, "sending"),
        (Pace(), DAY, "sending"),
    ],
)
def test_a_limit_of_ones_own_counts_what_left_for_the_address(
    people: sa.Engine, now: datetime, pace: Pace, ago: timedelta, stands: str
) -> None:
    add_run(people, 1, now, people=[2])
    set_rows(people, 1, state="sent", intent_at=now - ago)
    add_run(people, 2, now, people=[0, 1])
    with asks(people, now, 1, pace) as connection:
        reasons = planned(connection, now, run_no=2)
    assert (reasons[1] == "cap", reasons[0]) == (stands == "skipped: cap", None)
    settle(people, intents(claim(people, now, run_nos=[2])), rules(now))
    assert standing(people, 2) == ["sending", stands]


def test_planning_counts_what_waits_in_approved_runs(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    with asks(people, now, 0, WEEKLY) as connection:
        assert planned(connection, now)[0] == "cap"
        assert planned(connection, now, run_no=1)[0] is None
        assert planned(connection, now, due=now + 7 * DAY)[0] is None


def test_the_newest_wish_replaces_the_one_of_before(people: sa.Engine, now: datetime) -> None:
    with asks(people, now, 0, Pace(paused_until=now + DAY)):
        pass
    with asks(people, now, 0, WEEKLY) as connection:
        assert read_pace(connection, 0) == WEEKLY
        assert planned(connection, now)[0] is None


def test_emails_are_counted_in_weeks_and_months_only(people: sa.Engine, now: datetime) -> None:
    with pytest.raises(ValueError, match="not counted in 9 days"), writing(people) as connection:
        write_pace(connection, 0, Pace(at_most=1, within_days=9), at=now)
