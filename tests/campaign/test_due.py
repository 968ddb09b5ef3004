"""When the emails of a run are due, from the people's zones, and on which day of theirs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from recmail.campaign.calendar import Occurrence, occurrences
from recmail.campaign.due import Due
from recmail.campaign.options import Schedule

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ZONES = ["Asia/Kolkata", None, "Pacific/Kiritimati", "Pacific/Pago_Pago", "Mars/Olympus"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "Z")


def next_of(schedule: Schedule, zone: str) -> Occurrence:
    return next(occurrences(schedule, zone, after=NOW))


def due_of(zone: str = "America/New_York", **keys: str) -> Due:
    schedule = Schedule(when="every tuesday 09:00", **keys)
    return Due.of(next_of(schedule, zone), schedule, zone)


def frozen(due: Due) -> dict[str, Any]:
    settings = {"printed": {"timezone": "America/New_York"}, "due": due.to_json()}
    return {"due_instant": due.first, "settings": settings}


def test_everybody_is_due_by_their_own_clock() -> None:
    due = due_of(timezone="recipient", unknown_timezone="Europe/Berlin")
    assert due.times(ZONES) == [
        at("2026-12-01 03:30"),
        at("2026-12-01 08:00"),  # not known: Berlin's
        at("2026-11-30 19:00"),
        at("2026-12-01 20:00"),
        at("2026-12-01 08:00"),
    ]
    assert due.days(ZONES, due.times(ZONES)) == [date(2026, 12, 1)] * 5 == [due.day] * 5


def test_people_without_a_zone_live_where_the_project_is_unless_the_schedule_says() -> None:
    assert due_of(timezone="recipient").times([None]) == [at("2026-12-01 14:00")]


def test_one_zone_means_one_instant_and_each_person_their_own_day() -> None:
    """09:00 in Tokyo on Tuesday is Monday in New York and in Pago Pago, and Tuesday in Kiritimati."""
    due = due_of(timezone="Asia/Tokyo")
    times = due.times(ZONES)
    assert times == [at("2026-12-01 00:00")] * 5
    tuesday, monday = date(2026, 12, 1), date(2026, 11, 30)
    assert due.day == tuesday
    assert due.days(ZONES, times) == [tuesday, tuesday, tuesday, monday, tuesday]


def test_what_is_late_is_late_for_each_person() -> None:
    assert due_of().send_before(NOW) is None
    assert due_of(if_late="3h").send_before(NOW) == NOW + timedelta(hours=3)


def test_what_is_frozen_with_a_run_is_read_as_it_was() -> None:
    for keys in (
        {},
        {"timezone": "recipient", "if_late": "45m"},
        {"timezone": "Asia/Tokyo", "if_late": "2d"},
    ):
        due = due_of(**keys)
        assert Due.of_run(frozen(due)) == due


def test_a_run_without_a_schedule_was_due_at_once() -> None:
    run = {"due_instant": NOW, "settings": {"printed": {"timezone": "Asia/Tokyo"}}}
    due = Due.of_run(run)
    assert due == Due.at_once(NOW, "Asia/Tokyo")
    assert (due.first, due.last, due.day, due.send_before(NOW)) == (NOW, NOW, date(2026, 11, 27), None)
    assert due.times(ZONES) == [NOW] * 5
