"""Which times of a schedule are prepared, missed, or lie ahead: worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from recmail.campaign.calendar import occurrences
from recmail.campaign.options import Schedule
from recmail.runs.agenda import GRACE, Agenda, last_chance, occurrence_due, read_agenda

HOUR = timedelta(hours=1)


def schedule(**keys: str) -> Schedule:
    return Schedule.model_validate({"timezone": "Europe/Berlin", **keys})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def agenda(of: Schedule, *, after: str, now: str) -> Agenda:
    return read_agenda(of, occurrences(of, "UTC", after=at(after)), at(now))


def walls(found: Agenda) -> tuple[list[str], list[str], str | None]:
    missed, due = ([f"{one.wall:%d %H:%M}" for one in part] for part in (found.missed, found.due))
    return missed, due, f"{found.ahead.wall:%d %H:%M}" if found.ahead else None


DAILY = schedule(when="every day 09:00")  # 08:00 UTC in winter


@pytest.mark.parametrize(
    ("now", "missed", "due", "ahead"),
    [
        ("2026-12-01 06:59", [], [], "01 09:00"),
        ("2026-12-01 07:00", [], ["01 09:00"], "02 09:00"),  # an hour before
        ("2026-12-01 20:00", [], ["01 09:00"], "02 09:00"),  # twelve hours late
        ("2026-12-01 20:01", ["01 09:00"], [], "02 09:00"),
        ("2026-12-03 07:30", ["01 09:00", "02 09:00"], ["03 09:00"], "04 09:00"),
        ("2026-12-03 10:00", ["01 09:00", "02 09:00"], ["03 09:00"], "04 09:00"),  # the newest only
    ],
)
def test_the_newest_goes_out_and_the_others_are_missed(
    now: str, missed: list[str], due: list[str], ahead: str
) -> None:
    assert walls(agenda(DAILY, after="2026-11-30 12:00", now=now)) == (missed, due, ahead)


def test_if_late_says_how_late_it_may_begin() -> None:
    late = schedule(when="every day 09:00", if_late="3h")
    assert walls(agenda(late, after="2026-11-30 12:00", now="2026-12-01 11:01"))[0] == ["01 09:00"]
    assert walls(agenda(late, after="2026-11-30 12:00", now="2026-12-01 11:00"))[1] == ["01 09:00"]


def test_on_everybodys_clock_it_may_begin_as_long_as_it_is_in_time_for_the_last() -> None:
    everybody = schedule(when="2026-12-01 09:00", timezone="recipient", if_late="3h")
    [one] = occurrences(everybody, "UTC", after=at("2026-11-01 00:00"))
    assert last_chance(everybody, one) == at("2026-12-01 21:00") + 3 * HOUR  # Baker Island, UTC-12
    found = agenda(everybody, after="2026-11-01 00:00", now="2026-12-01 12:00")
    assert walls(found) == ([], ["01 09:00"], None)
    assert found.first == one


def test_recipients_next_days_are_both_prepared() -> None:
    everybody = schedule(
        when="every day 09:00", timezone="recipient"
    )  # 36 h before 19:00 UTC of the day before
    found = agenda(everybody, after="2026-11-30 19:30", now="2026-12-01 08:00")
    assert walls(found) == ([], ["02 09:00", "03 09:00"], "04 09:00")


@pytest.mark.parametrize(
    ("day", "wall"),
    [("2026-10-25", "02:30"), ("2026-03-29", "02:30"), ("2026-10-25", "03:00"), ("2026-03-29", "02:00")],
)
def test_a_day_on_which_clocks_change_has_its_time_once(day: str, wall: str) -> None:
    daily = schedule(when=f"every day {wall}")
    settled = at(day) - 14 * HOUR
    made: list[datetime] = []
    for minutes in range(0, 60 * 24 * 2, 10):  # a look every ten minutes, from noon before for two days
        now = at(day) - 12 * HOUR + timedelta(minutes=minutes)
        found = read_agenda(daily, occurrences(daily, "UTC", after=settled), now)
        assert not found.missed
        for one in found.due:
            made.append(one.first_due)
            settled = one.first_due
    assert len(made) == 2
    assert 23 * HOUR <= made[1] - made[0] <= 25 * HOUR


def test_the_time_of_a_run_is_found_by_its_due_instant() -> None:
    found = occurrence_due(DAILY, "UTC", at("2026-12-01 08:00"))
    assert found is not None
    assert found.wall == datetime(2026, 12, 1, 9)  # noqa: DTZ001 - what the clock shows
    assert occurrence_due(DAILY, "UTC", at("2026-12-01 08:01")) is None
    assert last_chance(DAILY, found) == at("2026-12-01 08:00") + GRACE
