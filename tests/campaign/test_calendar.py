"""When schedules go out: clocks that jump, clocks that show a time twice, and both ends of the world."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.campaign.calendar import Occurrence, due_at, due_times, occurrence_at, occurrences
from recmail.campaign.options import Schedule

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
ZONES = sorted(available_timezones())


def at(text: str) -> datetime:
    """A naive time, or an instant when it ends with Z."""
    return datetime.fromisoformat(text)


def first(count: int, schedule: Schedule, *, zone: str = "UTC", after: datetime = NOW) -> list[Occurrence]:
    return list(islice(occurrences(schedule, zone, after=after), count))


def instants(count: int, schedule: Schedule, *, zone: str = "UTC", after: datetime = NOW) -> list[datetime]:
    return [one.first_due for one in first(count, schedule, zone=zone, after=after)]


@pytest.mark.parametrize(
    ("zone", "wall", "instant", "shown"),
    [
        # Clocks that go forward at midnight: there is no 00:00 on that day.
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04 03:00Z", "2018-11-04 01:00"),
        ("Africa/Cairo", "2026-04-24 00:00", "2026-04-23 22:00Z", "2026-04-24 01:00"),
        ("Asia/Beirut", "2026-03-29 00:30", "2026-03-28 22:30Z", "2026-03-29 01:30"),
        ("America/Santiago", "2026-09-06 00:00", "2026-09-06 04:00Z", "2026-09-06 01:00"),
        ("America/Asuncion", "2023-10-01 00:59", "2023-10-01 04:59Z", "2023-10-01 01:59"),
        ("Atlantic/Azores", "2026-03-29 00:00", "2026-03-29 01:00Z", "2026-03-29 01:00"),
        ("America/Havana", "2026-03-08 00:00", "2026-03-08 05:00Z", "2026-03-08 01:00"),
        # At two, by an hour and by half an hour; and Samoa, which left a whole day out.
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:30Z", "2026-03-29 03:30"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:45Z", "2026-10-04 02:45"),
        ("Pacific/Apia", "2011-12-30 09:00", "2011-12-30 19:00Z", "2011-12-31 09:00"),
        # Clocks that show a time twice: the first.
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30Z", "2026-10-25 02:30"),
        ("Africa/Cairo", "2026-10-29 23:30", "2026-10-29 20:30Z", "2026-10-29 23:30"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45Z", "2026-04-05 01:45"),
        # Not whole hours, and both ends of the world.
        ("Asia/Kolkata", "2026-12-01 09:00", "2026-12-01 03:30Z", "2026-12-01 09:00"),
        ("Asia/Kathmandu", "2026-12-01 09:00", "2026-12-01 03:15Z", "2026-12-01 09:00"),
        ("Pacific/Chatham", "2026-12-01 09:00", "2026-11-30 19:15Z", "2026-12-01 09:00"),
        ("Pacific/Kiritimati", "2026-12-01 09:00", "2026-11-30 19:00Z", "2026-12-01 09:00"),
        ("Etc/GMT+12", "2026-12-01 09:00", "2026-12-01 21:00Z", "2026-12-01 09:00"),  # Baker Island
    ],
)
def test_a_time_on_the_wall_is_one_instant(zone: str, wall: str, instant: str, shown: str) -> None:
    found = due_at(at(wall), zone)
    assert found == at(instant)
    assert found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == at(shown)


def instant_by_looking(wall: datetime, zone: str) -> datetime:
    """Look at the clock every quarter of an hour until it shows the time, or has jumped over it."""
    clock, looked = ZoneInfo(zone), wall.replace(tzinfo=UTC) - timedelta(hours=40)
    while (shown := looked.astimezone(clock).replace(tzinfo=None)) < wall:
        looked, before, seen_before = looked + QUARTER, looked, shown
    # As long after the last look as it would have been if the clock had not jumped.
    return looked if shown == wall else before + (wall - seen_before)


# Since Liberia's 44 minutes and 30 seconds ended in 1972, all offsets are whole quarters of an hour.
_QUARTERS = st.integers(0, 130 * 365 * 96).map(lambda quarters: at("1973-01-01 00:00") + quarters * QUARTER)


@given(wall=_QUARTERS, zone=st.sampled_from(ZONES))
@settings(deadline=None, max_examples=100)
def test_any_time_in_any_zone_is_when_its_clock_first_shows_it(wall: datetime, zone: str) -> None:
    assert due_at(wall, zone) == instant_by_looking(wall, zone)


@given(data=st.data())
@settings(deadline=None, max_examples=50)
def test_around_a_jump_a_time_is_when_the_clock_first_shows_it(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(["Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Beirut"]))
    year = data.draw(st.integers(2024, 2035))
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(365 * 24)]
    shown = [hour.astimezone(ZoneInfo(zone)) for hour in hours]
    jumps = [after for before, after in pairwise(shown) if before.utcoffset() != after.utcoffset()]
    near = data.draw(st.sampled_from(jumps)).replace(tzinfo=None, minute=0)
    wall = near + data.draw(st.integers(-12, 12)) * QUARTER
    assert due_at(wall, zone) == instant_by_looking(wall, zone)


def test_the_last_and_the_first_clock_bound_everybody() -> None:
    for wall in (at("2026-12-01 09:00"), at("2026-07-01 00:00")):
        found = [due_at(wall, zone) for zone in ZONES]
        (one,) = first(
            1, Schedule(when=f"{wall:%Y-%m-%d %H:%M}", timezone="recipient"), after=at("2026-01-01 00:00Z")
        )
        assert (min(found), max(found)) == (one.first_due, one.last_due)
        assert one.last_due - one.first_due == timedelta(hours=26)


def test_people_without_a_known_zone_have_the_zone_for_them() -> None:
    zones = ["Asia/Kolkata", None, "Mars/Olympus", "Europe", "../etc", "", "Asia/Kolkata"]
    found = due_times(at("2026-12-01 09:00"), zones, unknown="Europe/Berlin")
    kolkata, berlin = at("2026-12-01 03:30Z"), at("2026-12-01 08:00Z")
    assert found.tolist() == [kolkata, *[berlin] * 5, kolkata]
    assert due_times(at("2026-12-01 09:00"), [], unknown="UTC").tolist() == []


@given(zones=st.lists(st.sampled_from([*ZONES, None, "no zone"]), max_size=30), wall=_QUARTERS)
@settings(deadline=None, max_examples=30)
def test_many_people_are_due_when_each_of_them_is(zones: list[str | None], wall: datetime) -> None:
    found = due_times(wall, zones, unknown="Asia/Kolkata")
    known = [zone if zone in available_timezones() else "Asia/Kolkata" for zone in zones]
    assert found.tolist() == [due_at(wall, zone) for zone in known]
    assert found.dtype == np.dtype(object)


def test_every_tuesday_is_a_week_apart_on_the_wall() -> None:
    schedule = Schedule(when="every tuesday 09:00", timezone="Europe/Berlin")
    found = first(2, schedule, after=at("2027-03-20 00:00Z"))
    assert found[0] == Occurrence(
        wall=at("2027-03-23 09:00"),
        first_due=at("2027-03-23 08:00Z"),
        last_due=at("2027-03-23 08:00Z"),
        prepare_at=at("2027-03-23 07:00Z"),
    )
    assert found[1].first_due == at("2027-03-30 07:00Z")  # summer time began


def test_each_persons_own_time_spans_26_hours_and_is_prepared_before_the_first() -> None:
    (one,) = first(1, Schedule(when="every tuesday 09:00", timezone="recipient"))
    assert one == Occurrence(
        wall=at("2026-12-01 09:00"),
        first_due=at("2026-11-30 19:00Z"),
        last_due=at("2026-12-01 21:00Z"),
        prepare_at=at("2026-11-29 07:00Z"),
    )
    (one,) = first(1, Schedule(when="every tuesday 09:00", timezone="recipient", prepare="3h before"))
    assert one.prepare_at == at("2026-11-30 16:00Z")


def test_no_time_is_given_twice_or_left_out_when_the_clock_jumps() -> None:
    daily = Schedule(when="every day 02:30", timezone="Europe/Berlin")
    spring = instants(3, daily, after=at("2026-03-28 00:00Z"))
    assert spring == [at("2026-03-28 01:30Z"), at("2026-03-29 01:30Z"), at("2026-03-30 00:30Z")]
    autumn = instants(3, daily, after=at("2026-10-24 00:00Z"))
    assert autumn == [at("2026-10-24 00:30Z"), at("2026-10-25 00:30Z"), at("2026-10-26 01:30Z")]


@given(
    start=st.integers(0, 24 * 365), zone=st.sampled_from(["Europe/Berlin", "Africa/Cairo", "Pacific/Apia"])
)
@settings(deadline=None, max_examples=30)
def test_going_on_from_any_instant_gives_the_same_times(start: int, zone: str) -> None:
    hourly = Schedule(when="30 * * * *", timezone=zone)
    year = 2011 if zone == "Pacific/Apia" else 2026
    after = datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=start)
    found = first(30, hourly, after=after)
    assert all(before.first_due < later.first_due for before, later in pairwise(found))
    assert first(29, hourly, after=found[0].first_due) == found[1:]


def test_the_zone_is_the_projects_when_none_is_named() -> None:
    schedule = Schedule(when="2026-12-01 09:00")
    assert instants(2, schedule, zone="Asia/Kolkata") == [at("2026-12-01 03:30Z")]


def test_nothing_goes_out_twice_for_a_time_that_has_come() -> None:
    once = Schedule(when="2026-12-01 09:00", timezone="UTC")
    assert instants(1, once, after=at("2026-12-01 09:00Z")) == []
    daily = Schedule(when="every day 09:00", timezone="UTC")
    assert instants(1, daily, after=at("2026-12-01 09:00Z")) == [at("2026-12-02 09:00Z")]


def test_until_is_the_last_day_on_the_wall() -> None:
    """Kiritimati's first of April comes while it is March in London; it is the local day that counts."""
    schedule = Schedule(when="every day 23:30", timezone="America/Los_Angeles", until="2026-12-01")
    found = instants(5, schedule, after=at("2026-11-30 08:00Z"))
    assert found == [at("2026-12-01 07:30Z"), at("2026-12-02 07:30Z")]
    theirs = Schedule(when="every day 00:30", timezone="recipient", until=date(2026, 12, 1).isoformat())
    assert [one.wall for one in first(5, theirs)] == [
        at(f"2026-{day} 00:30") for day in ("11-29", "11-30", "12-01")
    ]


def test_cron_texts_name_days_that_words_cannot() -> None:
    last_weekday = Schedule(when="0 9 LW * *", timezone="UTC")
    assert instants(3, last_weekday) == [
        at(f"{day} 09:00Z") for day in ("2026-11-30", "2026-12-31", "2027-01-29")
    ]
    second_tuesday = Schedule(when="0 9 * * TUE#2", timezone="UTC")
    assert instants(2, second_tuesday) == [at(f"{day} 09:00Z") for day in ("2026-12-08", "2027-01-12")]


def test_words_and_cron_texts_agree() -> None:
    for words, cron in (("every sunday 09:05", "5 9 * * 0"), ("every weekday 23:59", "59 23 * * MON-FRI")):
        assert instants(12, Schedule(when=words)) == instants(12, Schedule(when=cron))


def test_a_time_is_found_by_what_the_clock_shows() -> None:
    schedule = Schedule(when="every tuesday 09:00", timezone="recipient", until="2026-12-20")
    (one,) = first(1, schedule)
    assert occurrence_at(schedule, "UTC", at("2026-12-01 09:00")) == one
    assert occurrence_at(schedule, "UTC", at("2026-12-02 09:00")) is None
    assert occurrence_at(schedule, "UTC", at("2026-12-22 09:00")) is None
