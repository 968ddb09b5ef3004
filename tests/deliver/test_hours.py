"""Nobody is written to in their quiet hours or on a day that is left out, whatever their clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.deliver.hours import Hours
from recmail.settings.hours import QuietHours, Weekdays, quiet_hours, weekdays

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
NIGHT = quiet_hours("21:00-08:00")
WORKING = weekdays("monday-friday")


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def hours(quiet: QuietHours | None = NIGHT, days: Weekdays | None = None) -> Hours:
    return Hours(quiet, days, "Asia/Kolkata")


@pytest.mark.parametrize(
    ("zone", "now", "until"),
    [
        # 2026-12-01 is a Tuesday.
        ("Europe/Berlin", at("2026-12-01 08:00", "Europe/Berlin"), None),  # the end is not quiet any more
        ("Europe/Berlin", at("2026-12-01 20:59:59", "Europe/Berlin"), None),
        (
            "Europe/Berlin",
            at("2026-12-01 21:00", "Europe/Berlin"),
            at("2026-12-02 08:00", "Europe/Berlin"),
        ),
        (
            "Europe/Berlin",
            at("2026-12-01 03:00", "Europe/Berlin"),
            at("2026-12-01 08:00", "Europe/Berlin"),
        ),
        # Unknown or misspelt zones are the project's.
        (None, at("2026-12-01 07:30", "Asia/Kolkata"), at("2026-12-01 08:00", "Asia/Kolkata")),
        ("Nowhere/City", at("2026-12-01 07:30", "Asia/Kolkata"), at("2026-12-01 08:00", "Asia/Kolkata")),
    ],
)
def test_quiet_hours_end_in_the_morning(zone: str | None, now: datetime, until: datetime | None) -> None:
    assert hours().until(zone, now.astimezone(UTC)) == until


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (NIGHT, "2026-12-04 21:00", "2026-12-07 08:00"),  # Friday evening to Monday morning
        (NIGHT, "2026-12-05 12:00", "2026-12-07 08:00"),
        (None, "2026-12-05 12:00", "2026-12-07 00:00"),
        (quiet_hours("12:00-14:00"), "2026-12-04 13:00", "2026-12-04 14:00"),
        (quiet_hours("12:00-14:00"), "2026-12-05 13:00", "2026-12-07 00:00"),
    ],
)
def test_days_that_are_left_out_are_waited_for(quiet: QuietHours | None, now: str, until: str) -> None:
    found = hours(quiet, WORKING).until("America/Lima", at(now, "America/Lima").astimezone(UTC))
    assert found == at(until, "America/Lima")


def test_an_end_that_the_clocks_jump_over_comes_when_they_have_jumped() -> None:
    # On 2026-03-29 Berlin's clocks go from 02:00 to 03:00: 02:30 is never shown.
    early = hours(quiet_hours("22:00-02:30"))
    found = early.until("Europe/Berlin", at("2026-03-29 01:00", "Europe/Berlin").astimezone(UTC))
    assert found is not None
    local = found.astimezone(ZoneInfo("Europe/Berlin"))
    assert local.time() >= time(3)
    assert early.until("Europe/Berlin", found) is None


clock = st.integers(0, 23).map(time)


@given(
    now=st.integers(0, 2 * 366 * 24 * 60).map(lambda minutes: NEW_YEAR + timedelta(minutes=minutes)),
    zone=st.sampled_from(
        ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Cairo", "America/Asuncion", "Australia/Lord_Howe"]
    ),
    begin=clock,
    end=clock,
    days=st.sets(st.integers(0, 6), min_size=1),
)
def test_the_next_time_is_allowed_and_the_first(
    now: datetime, zone: str, begin: time, end: time, days: set[int]
) -> None:
    if begin == end:
        return
    allowed = hours(QuietHours(begin, end), Weekdays(tuple(sorted(days))))
    until = allowed.until(zone, now)
    if until is None:
        return
    assert now < until <= now + timedelta(days=15)
    assert allowed.until(zone, until) is None
    step = (until - now) / 7
    assert all(allowed.until(zone, now + step * part) is not None for part in range(7))


def test_all_waits_names_the_zones_where_it_is_night() -> None:
    waits, others = hours().all_waits(at("2026-12-01 12:00"))
    assert "Europe/Berlin" not in waits
    assert waits["Asia/Tokyo"] == at("2026-12-02 08:00", "Asia/Tokyo")  # it is 21:00 there
    assert others is None  # 17:30 in Kolkata


def test_a_day_whose_only_hour_the_clocks_jump_over_is_waited_out() -> None:
    allowed = hours(QuietHours(time(3), time(2)), Weekdays((6,)))
    monday = at("2027-03-22 12:00", "Europe/Berlin")
    assert allowed.until("Europe/Berlin", monday) == at("2027-04-04 02:00", "Europe/Berlin")
