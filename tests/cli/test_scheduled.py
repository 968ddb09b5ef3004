"""A campaign with a schedule is planned ahead, and goes out when each person's own clock shows the time."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import AT, read_json, recmail

TUESDAY = """subject: Your courses
audience: last_seen within 90d
template: new-releases
blocks:
  - popular: 3
schedule:
  when: every tuesday 09:00
  timezone: recipient
  unknown_timezone: Asia/Kolkata
  if_late: 3h
"""
FIRST, LAST = "2026-11-09T19:00:00+00:00", "2026-11-10T21:00:00+00:00"  # of what may be: UTC+14 to UTC-12
IN_TIME = "2026-11-10T04:00:00+00:00"  # 09:30 in India, 13:00 in Japan, evening in America
DAY = timedelta(days=1)


@pytest.fixture
def scheduled(project: Path) -> Path:
    """The demo project with a campaign for every Tuesday; AT is a Monday."""
    (project / "campaigns" / "tuesday.yaml").write_text(TUESDAY)
    return project


def write(project: Path, name: str, schedule: str) -> None:
    text = TUESDAY[: TUESDAY.index("schedule")] + schedule
    (project / "campaigns" / f"{name}.yaml").write_text(text)


def plan(project: Path, *options: str, campaign: str = "tuesday", now: str = AT) -> dict[str, Any]:
    return read_json(recmail("plan", campaign, *options, "--now", now, "--json", project=project))


def query(project: Path, statement: str) -> list[Any]:
    with sqlite3.connect(project / "recmail.db") as connection:
        return connection.execute(statement).fetchall()


def test_a_plan_says_when_and_for_how_many_where(scheduled: Path) -> None:
    planned = plan(scheduled, "--for", "2026-11-10 09:00")
    due = planned["due"]
    zones = {place["zone"]: place for place in due["zones"]}
    assert sum(place["people"] for place in due["zones"]) == planned["waiting"] > 40
    assert zones["Asia/Kolkata"]["due_at"] == "2026-11-10T03:30:00+00:00" == zones[None]["due_at"]
    assert FIRST <= due["first"] < due["last"] <= LAST
    assert (due["local"], due["as_of"], due["if_late_s"]) == ("2026-11-10T09:00", AT, 3 * 3600)
    shown = read_json(recmail("runs", planned["run"], "--json", project=scheduled))
    assert shown["due"] == due
    words = recmail("runs", planned["run"], project=scheduled).stdout
    assert "Due at 2026-11-10 09:00 by each person's own clock: from 2026-11-" in words
    assert "not known, taken for Asia/Kolkata" in words
    good_until = query(scheduled, "SELECT shelf_until, due_instant FROM runs")[0]
    assert good_until[0] - good_until[1] == (7 * DAY + timedelta(hours=26)) / timedelta(microseconds=1)


def test_emails_leave_at_each_persons_time_and_not_later_than_the_schedule_lets_them(scheduled: Path) -> None:
    run = plan(scheduled, "--for", "2026-11-10 09:00")["run"]
    recmail("approve", run, "--now", AT, project=scheduled)
    waiting = read_json(recmail("runs", run, "--json", project=scheduled))["waiting"]
    go = ("send", run, "--yes", "--expect", waiting)

    early = recmail(*go, "--now", "2026-11-05T09:00:00+00:00", project=scheduled)
    assert "the first is due at 2026-11-" in early.stderr
    assert f"{waiting} still wait" in early.stderr
    sent = read_json(recmail(*go, "--now", IN_TIME, "--json", project=scheduled))
    now, three_hours = datetime.fromisoformat(IN_TIME), timedelta(hours=3)
    times = _due(scheduled, run)
    too_late = sent["account"]["reasons"]["skipped"]["too_late"]
    assert sent["mailed"] == sum(now - three_hours < at <= now for at in times) > 10
    assert too_late == sum(at <= now - three_hours for at in times) > 0
    assert sent["waiting"] == sum(at > now for at in times) > 0
    assert sent["next_due"] == min(at for at in times if at > now).isoformat()

    dates = {_date_of(path) for path in (scheduled / "outbox" / "new").iterdir()}
    assert dates == {at for at in times if now - three_hours < at <= now}, (
        "dated when they are due, not approved"
    )
    over = read_json(recmail(*go, "--now", "2026-11-11T09:00:00+00:00", "--json", project=scheduled))
    assert (over["state"], over["mailed"], over["waiting"]) == ("finished", 0, 0)
    assert over["account"]["adds_up"]


def _due(project: Path, run: int) -> list[datetime]:
    places = read_json(recmail("runs", run, "--json", project=project))["due"]["zones"]
    return [datetime.fromisoformat(place["due_at"]) for place in places for _ in range(place["people"])]


def _date_of(path: Path) -> datetime:
    return parsedate_to_datetime(message_from_bytes(path.read_bytes())["Date"])


def test_who_is_due_at_another_hour_is_another_plan(scheduled: Path) -> None:
    """The time is in the row's hash: moved afterwards, the run is not what was planned."""
    run = plan(scheduled)["run"]
    with sqlite3.connect(scheduled / "recmail.db") as connection:
        connection.execute("UPDATE ledger SET due_at = due_at + 3600000000 WHERE state = 'planned'")
    refused = recmail("approve", run, "--now", AT, project=scheduled, code=4)
    assert "not what was planned" in refused.stderr


def test_a_plan_that_nobody_approved_gives_way_to_another_for_the_same_time(scheduled: Path) -> None:
    first = plan(scheduled)["run"]
    again = recmail("plan", "tuesday", "--now", AT, project=scheduled)
    assert f"run {first}, which was planned for the same time, is cancelled" in again.stderr
    assert query(scheduled, "SELECT state FROM runs ORDER BY run_no") == [("cancelled",), ("planned",)]
    recmail("approve", first + 1, "--now", AT, project=scheduled)
    refused = recmail("plan", "tuesday", "--now", AT, project=scheduled, code=4)
    assert f"which is approved; cancel it first: recmail run cancel {first + 1}" in refused.stderr
    recmail("run", "cancel", first + 1, "--yes", "--now", AT, project=scheduled)
    assert plan(scheduled)["run"] == first + 2


def test_a_schedule_can_be_overruled_by_hand(scheduled: Path) -> None:
    assert plan(scheduled)["due"]["local"] == "2026-11-03T09:00"
    assert plan(scheduled, "--for", "2026-11-17T09:00")["due"]["local"] == "2026-11-17T09:00"
    assert plan(scheduled, "--at-once")["due"] is None
    begun = "2026-11-02T20:00:00+00:00"  # it is past nine in Kiritimati
    assert plan(scheduled, now=begun)["due"]["local"] == "2026-11-10T09:00"
    assert plan(scheduled, "--for", "2026-11-03 09:00", now=begun)["waiting"] > 40
    for when, said in (
        ("2026-11-11 09:00", "it does: 2026-11-03 09:00, 2026-11-10 09:00, 2026-11-17 09:00"),
        ("2026-10-27 09:00", "2026-10-27 09:00 has passed for everybody"),
    ):
        refused = recmail("plan", "tuesday", "--for", when, "--now", AT, project=scheduled, code=4)
        assert said in refused.stderr


def test_how_long_sending_takes_is_said_where_it_is_longer_than_the_people_are_apart(scheduled: Path) -> None:
    file = scheduled / "campaigns" / "tuesday.yaml"
    text, said = file.read_text("utf-8"), []
    for speed in ("50000 per hour", "10 per day"):
        file.write_text(f"{text}\nspeed: {speed}\n", "utf-8")
        shown = recmail("plan", "tuesday", "--for", "2026-11-10 09:00", "--now", AT, project=scheduled)
        said.append("Sending takes at least" in shown.stdout)
    assert said == [False, True]


def test_who_plans_to_send_at_once_is_told_what_goes_out_besides(scheduled: Path) -> None:
    first = plan(scheduled)["run"]
    said = recmail("plan", "tuesday", "--at-once", "--now", AT, project=scheduled).stderr
    assert f"run {first} of it is planned, too, due 2026-11-02 19:00 UTC: who is in both gets both" in said


def test_what_is_looked_at_is_what_the_next_plan_freezes(scheduled: Path) -> None:
    """The next Tuesday is on another day than now for everybody."""
    subject = "subject: Your courses on {{ date }}"
    (scheduled / "campaigns" / "tuesday.yaml").write_text(TUESDAY.replace("subject: Your courses", subject))
    run = plan(scheduled)["run"]
    [user] = query(scheduled, f"SELECT min(user_no) FROM ledger WHERE run_no = {run} AND state = 'planned'")
    [name] = query(scheduled, f"SELECT user_id FROM users WHERE user_no = {user[0]}")
    shown = recmail("preview", "tuesday", "--user", name[0], "--now", AT, project=scheduled)
    said = "the emails are written for 2026-11-03 09:00 by each person's own clock, the next time of the"
    assert said in shown.stderr
    [page] = [path for path in (scheduled / "preview" / "tuesday").glob("*.html") if path.stem != "index"]
    assert "Your courses on 2026-11-03" in page.read_text("utf-8")
    everybody = read_json(recmail("check", "tuesday", "--all", "--now", AT, "--json", project=scheduled))
    assert said in everybody["campaigns"][0]["everybody"]["written_for"]


def test_what_makes_no_sense_for_a_schedule_is_refused(scheduled: Path) -> None:
    recmail("plan", "tuesday", "--for", "2026-11-10 09:00", "--at-once", project=scheduled, code=2)
    for what in ("tuesday", "2026-11-10 09:00+01:00", "0001-01-01 00:00", "9999-12-31 23:59"):
        said = recmail("plan", "tuesday", "--for", what, project=scheduled, code=2).stderr
        assert f"found '{what}'; expected a day and time such as '2026-12-01 09:00'" in said
    none = recmail("plan", "weekly-picks", "--for", "2026-11-10 09:00", project=scheduled, code=4)
    assert "has no schedule" in none.stderr


def test_check_says_when_it_next_goes_out(scheduled: Path) -> None:
    write(scheduled, "last", "schedule: 30 9 L * *\n")
    write(scheduled, "ended", "schedule: {when: every day 09:00, until: 2026-11-01}\n")
    write(scheduled, "past", "schedule: 2026-11-01 09:00\n")
    said = recmail("check", "tuesday", "--now", AT, project=scheduled).stdout
    assert "goes out Tue 2026-11-03 09:00 by each person's own clock; then Tue 2026-11-10 09:00, " in said
    assert "planned from Sun 2026-11-01 07:00 UTC" in said
    last = read_json(recmail("check", "last", "--now", AT, "--json", project=scheduled))["campaigns"][0]
    assert last["goes_out"] == {
        "timezone": "Asia/Kolkata",
        "times": [
            {
                "local": f"{day}T09:30",
                "first_due": f"{day}T04:00:00+00:00",
                "last_due": f"{day}T04:00:00+00:00",
                "prepare_at": f"{day}T03:00:00+00:00",
            }
            for day in ("2026-11-30", "2026-12-31", "2027-01-31")
        ],
    }
    for name, place in (("ended", "6:42: schedule.until"), ("past", "6:11: schedule")):
        over = recmail("check", name, "--now", AT, project=scheduled)
        assert f"warning: campaigns/{name}.yaml:{place}: no time is left at which it goes out" in over.stderr
        assert "its schedule has ended" in over.stdout
        refused = recmail("plan", name, "--now", AT, project=scheduled, code=4)
        assert f"recmail plan {name} --at-once" in refused.stderr
        recmail("plan", name, "--dry-run", "--at-once", "--now", AT, project=scheduled)


def test_the_date_that_is_printed_is_each_persons_own(scheduled: Path) -> None:
    """09:00 in India on the 3rd is the evening of the 2nd in most of America."""
    write(scheduled, "indian", "schedule: {when: 2026-11-03 09:00, timezone: Asia/Kolkata}\n")
    plan(scheduled, campaign="indian")
    date = "coalesce(json_extract(context, '$.date'), '2026-11-03')"
    found = query(
        scheduled, f"SELECT DISTINCT timezone, {date} FROM ledger_context JOIN users USING (user_no)"
    )
    due = datetime.fromisoformat("2026-11-03T03:30:00+00:00")
    for zone, day in found:
        assert day == due.astimezone(ZoneInfo(zone or "Asia/Kolkata")).date().isoformat(), zone
    assert {day for _, day in found} == {"2026-11-02", "2026-11-03"}
