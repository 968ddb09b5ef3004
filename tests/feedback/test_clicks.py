"""Clicks are recorded of people who agreed, once, and those of machines are marked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.tables import events, users
from recmail.feedback.clicks import record_click, record_opening
from recmail.feedback.tracked_links import Place, TrackedLink
from tests.ledgers import DAY, add_people, add_run, set_rows

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
PLACE = Place("top_picks", 17, 2, is_fallback=False)


def agree(engine: sa.Engine, user_no: int, at: datetime, *, granted: bool = True) -> None:
    with writing(engine) as connection:
        record_consent(connection, [Consent(user_no, "tracking", granted, at, "page")])


@pytest.fixture
def engine(database: sa.Engine, now: datetime) -> sa.Engine:
    """Run 1 was sent to u0, who agreed to tracking, and to u1, who was never asked, an hour before now."""
    add_people(database, now, 2)
    add_run(database, 1, now, people=[0, 1])
    set_rows(database, 1, state="sent", intent_at=now - HOUR, sent_at=now - HOUR)
    agree(database, 0, now - DAY)
    return database


def link(number: int, *, user_no: int = 0, place: Place | None = None) -> TrackedLink:
    return TrackedLink(1, user_no, number, f"https://acme.example/{number}", place)


def click(engine: sa.Engine, number: int, at: datetime, **other: Any) -> bool:
    return record_click(engine, link(number, **other), by_machine=False, now=at)


def rows(engine: sa.Engine, *columns: str) -> list[tuple[Any, ...]]:
    wanted = [events.c[name] for name in columns]
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.select(*wanted).order_by(events.c.event_no))]


def machines(engine: sa.Engine) -> list[tuple[str, bool]]:
    """The number of each link that was clicked, and whether a machine did."""
    return [(url[-1], by_machine) for url, by_machine in rows(engine, "url", "by_machine")]


def test_a_click_is_kept_with_where_it_was(engine: sa.Engine, now: datetime) -> None:
    assert click(engine, 3, now, place=PLACE)
    columns = ("provider", "kind", "at", "run_no", "user_no", "by_machine", "url")
    where = ("block", "course_no", "position", "is_fallback")
    assert rows(engine, *columns, *where) == [
        ("recmail", "clicked", now, 1, 0, False, "https://acme.example/3", "top_picks", 17, 2, False)
    ]


def test_nothing_is_recorded_of_who_was_never_asked_or_took_it_back(engine: sa.Engine, now: datetime) -> None:
    assert not click(engine, 3, now, user_no=1)
    assert not record_opening(engine, 1, 1, by_machine=False, now=now)
    agree(engine, 0, now, granted=False)
    assert not click(engine, 3, now + SECOND)
    assert not record_opening(engine, 1, 0, by_machine=False, now=now + SECOND)
    assert rows(engine, "url") == []


def test_nothing_is_recorded_of_a_message_that_never_left_or_somebody_erased(
    engine: sa.Engine, now: datetime
) -> None:
    assert not record_click(
        engine, TrackedLink(9, 0, 1, "https://x.example", None), by_machine=False, now=now
    )
    set_rows(engine, 1, state="skipped")
    assert not click(engine, 3, now)
    set_rows(engine, 1, state="sent")
    with writing(engine) as connection:
        connection.execute(sa.update(users).where(users.c.user_no == 0).values(erased_at=now))
    assert not click(engine, 3, now)
    assert rows(engine, "url") == []


def test_the_same_link_counts_once_a_minute(engine: sa.Engine, now: datetime) -> None:
    for at in (now, now + SECOND, now + 59 * SECOND, now + 60 * SECOND):
        assert click(engine, 3, at)
    assert rows(engine, "at") == [(now,), (now + 60 * SECOND,)]


def test_a_program_that_came_first_takes_no_click_away(engine: sa.Engine, now: datetime) -> None:
    record_click(engine, link(3), by_machine=True, now=now)
    click(engine, 3, now + SECOND)
    assert machines(engine) == [("3", True), ("3", False)]


def test_a_click_within_seconds_of_the_sending_is_a_machines(engine: sa.Engine, now: datetime) -> None:
    click(engine, 1, now - HOUR + 20 * SECOND)
    click(engine, 2, now - HOUR + 22 * SECOND)
    assert machines(engine) == [("1", True), ("2", False)]


def test_a_click_within_seconds_of_the_delivery_is_too(engine: sa.Engine, now: datetime) -> None:
    with writing(engine) as connection:
        values = {"provider": "ses", "event_key": "1", "kind": "delivered", "at": now, "received_at": now}
        connection.execute(events.insert().values(**values, run_no=1, user_no=0, raw=""))
    assert record_opening(engine, 1, 0, by_machine=False, now=now + 20 * SECOND)
    assert rows(engine, "kind", "by_machine") == [("delivered", False), ("opened", True)]


def test_two_links_within_a_second_are_a_machines_the_first_one_too(engine: sa.Engine, now: datetime) -> None:
    click(engine, 1, now)
    click(engine, 2, now + 2 * SECOND)
    assert machines(engine) == [("1", False), ("2", False)]
    click(engine, 3, now + 3 * SECOND)
    assert machines(engine) == [("1", True), ("2", True), ("3", True)]  # three within ten seconds as well


def test_two_tabs_that_a_person_opens_are_clicks(engine: sa.Engine, now: datetime) -> None:
    for number, seconds in enumerate((0, 2, 13, 26)):
        click(engine, number, now + seconds * SECOND)
    assert [by_machine for _, by_machine in machines(engine)] == [False] * 4


def test_other_peoples_clicks_are_no_burst(engine: sa.Engine, now: datetime) -> None:
    agree(engine, 1, now - DAY)
    for user_no in (0, 1):
        click(engine, user_no, now, user_no=user_no)
    assert [by_machine for _, by_machine in machines(engine)] == [False, False]
