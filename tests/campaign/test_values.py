"""What schedules, rates, shares and times may say, and what is proposed instead of what they may not."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from recmail.campaign.values import (
    Approval,
    Approved,
    Cron,
    Day,
    Duration,
    Lead,
    MessageRate,
    Once,
    Rate,
    Repeatedly,
    Share,
    When,
)

NAMES = {"When": When, "Rate": MessageRate, "Duration": Duration, "Lead": Lead, "Day": Day}
NAMES |= {"Approved": Approved, "Share": Share}
ONCE = "once, while people change by at most 10 % and checks stay clean"


def read(name: str, value: object) -> Any:
    return TypeAdapter(NAMES[name]).validate_python(value, strict=True)


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("When", "every tuesday 09:00", Repeatedly((1,), time(9))),
        ("When", "every day 00:00", Repeatedly(tuple(range(7)), time(0))),
        ("When", "every weekday 23:59", Repeatedly((0, 1, 2, 3, 4), time(23, 59))),
        ("When", "2026-12-01 09:00", Once(datetime.fromisoformat("2026-12-01 09:00"))),
        ("When", "0  9 * * 2", Cron("0 9 * * 2")),
        ("Rate", "5000 per hour", Rate(5000, timedelta(hours=1))),
        ("Rate", "1 per day", Rate(1, timedelta(days=1))),
        ("Duration", "2w", timedelta(weeks=2)),
        ("Lead", "36h before", timedelta(hours=36)),
        ("Day", "2028-02-29", date(2028, 2, 29)),
        ("Approved", "every time", Approval(None)),
        ("Approved", ONCE, Approval(0.1)),
        ("Share", "0.25%", 0.0025),
        ("Share", "100 %", 1.0),
    ],
)
def test_a_value_is_read_as_it_is_used(name: str, written: str, meant: object) -> None:
    assert read(name, written) == meant


@pytest.mark.parametrize(
    ("name", "written", "advice"),
    [
        ("When", "Tuesdays at 9am", "write every tuesday 09:00"),
        ("When", "every tue 9.30", "write every tuesday 09:30"),
        ("When", "every tuesday at 9 pm", "write every tuesday 21:00"),
        ("When", "daily 12 am", "write every day 00:00"),
        ("When", "every thursdy 09:00", "write every thursday 09:00"),
        ("When", "every friday", "add the time: every friday 09:00"),
        ("When", "2026-12-01", "add the time: 2026-12-01 09:00"),
        ("When", "2026-12-01T09:00:00", "write 2026-12-01 09:00"),
        ("When", "now", "leave schedule out and send by hand"),
        ("When", "2026-02-30 09:00", "there is no such day"),
        ("When", "9999-12-31 09:00", "there is no such day"),
        ("When", "@weekly", "write every sunday 00:00"),
        ("Rate", "5,000/h", "write 5000 per hour"),
        ("Rate", "100 per min", "write 100 per minute"),
        ("Duration", "3 hours", "write 3h"),
        ("Lead", "36 hours", "write 36h before"),
        ("Day", "1.3.2027", "write 2027-03-01"),
        ("Share", 5, "write 5%"),
    ],
)
def test_what_was_probably_meant_is_proposed(name: str, written: object, advice: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(name, written)
    assert str(caught.value.errors()[0]["ctx"]["error"]).endswith(f"; {advice}")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("When", "every day 24:00"),
        ("When", "every month 09:00"),
        ("When", "every monday and friday 09:00"),  # two days: to propose one would be wrong
        ("When", "soon"),
        ("When", "0 24 * * *"),
        ("When", None),
        ("Rate", "0 per hour"),
        ("Rate", "a lot"),
        ("Rate", 5000),
        ("Duration", 3),
        ("Duration", "0h"),
        ("Lead", True),
        ("Lead", "31d before"),
        ("Duration", "999999w"),  # would end beyond the calendar
        ("Day", "2027-02-29"),
        ("Day", "20270301"),
        ("Approved", "once"),
        ("Approved", "once, while people change by at most 101% and checks stay clean"),
        ("Share", "100.5%"),
        ("Share", "-5%"),
        ("Share", 0.5),
        ("Share", "٥%"),
    ],
)
def test_what_leaves_a_doubt_is_refused_without_a_proposal(name: str, written: object) -> None:
    with pytest.raises(ValidationError) as caught:
        read(name, written)
    message = str(caught.value.errors()[0]["ctx"]["error"])
    assert message.startswith("found ")
    assert "expected" in message
    assert "write" not in message
