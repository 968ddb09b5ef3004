"""When the emails of a run are due, and for how many people where: most people first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.campaign.due import Due
from recmail.db.connect import reading, writing
from recmail.db.people import time_zones
from recmail.db.tables import ledger, users
from recmail.records import MessageState
from recmail.runs.due import DueReport, Place, read_due
from tests.ledgers import add_people, add_run

NINE = datetime.fromisoformat("2026-12-01 09:00")
INDIA = datetime(2026, 12, 1, 3, 30, tzinfo=UTC)
JAPAN = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
ZONES = ["Asia/Tokyo", "Asia/Kolkata", None, "Asia/Kolkata", "Asia/Tokyo", "Asia/Tokyo"]


def run_of(due: Due | None, now: datetime) -> dict[str, Any]:
    settings = {"printed": {"timezone": "UTC"}} | ({"due": due.to_json()} if due else {})
    return {"run_no": 1, "due_instant": now, "as_of": now, "settings": settings}


def scheduled() -> Due:
    return Due(
        INDIA - timedelta(hours=9), INDIA + timedelta(hours=18), "Asia/Kolkata", NINE, timedelta(hours=3)
    )


def report(places: Sequence[Place]) -> DueReport:
    return DueReport(JAPAN, INDIA, NINE, "Asia/Kolkata", INDIA, None, places)


def test_people_are_counted_by_time_and_zone(database: sa.Engine, now: datetime) -> None:
    add_people(database, now, 6)
    add_run(database, 1, now, people=range(5))
    add_run(database, 2, now, people=[5])  # another run's
    with writing(database) as connection:
        for user_no, zone in enumerate(ZONES):
            connection.execute(sa.update(users).where(users.c.user_no == user_no).values(timezone=zone))
            due_at = JAPAN if zone == "Asia/Tokyo" else INDIA
            connection.execute(sa.update(ledger).where(ledger.c.user_no == user_no).values(due_at=due_at))
        skipped = {"state": MessageState.SKIPPED.value, "message_id": None}
        connection.execute(sa.update(ledger).where(ledger.c.user_no == 4).values(**skipped))
    with reading(database) as connection:
        found = read_due(connection, run_of(scheduled(), now))
        zones = time_zones(connection, 1, 4)
    assert zones == {1: "Asia/Kolkata", 2: None, 3: "Asia/Kolkata"}
    assert found == DueReport(
        first=JAPAN,
        last=INDIA,
        wall=NINE,
        unknown="Asia/Kolkata",
        as_of=now,
        if_late_s=3 * 3600,
        places=[Place("Asia/Kolkata", INDIA, 2), Place("Asia/Tokyo", JAPAN, 1), Place(None, INDIA, 1)],
    )


def test_a_run_that_goes_out_at_once_has_nothing_to_say(database: sa.Engine, now: datetime) -> None:
    with reading(database) as connection:
        assert read_due(connection, run_of(None, now)) is None


def test_a_run_that_mails_nobody_is_due_when_it_could_have_been(database: sa.Engine, now: datetime) -> None:
    due = scheduled()
    with reading(database) as connection:
        found = read_due(connection, run_of(due, now))
    assert found is not None
    assert (found.first, found.last, found.places) == (due.first, due.last, [])


def test_the_largest_zones_have_a_row_and_the_others_share_one() -> None:
    places = [Place("Asia/Kolkata", INDIA, 90), Place(None, INDIA, 30)]
    places += [Place(f"zone {number}", JAPAN, 20 - number) for number in range(9)]
    rows = report(places).as_rows()
    assert rows[0] == (90, "2026-12-01 03:30 UTC", "Asia/Kolkata")
    assert rows[1] == (30, "2026-12-01 03:30 UTC", "not known, taken for Asia/Kolkata")
    assert len(rows) == 9
    assert rows[-1] == (14 + 13 + 12, "", "and 3 others")
    assert sum(int(str(people)) for people, _, _ in rows) == sum(place.people for place in places)
    assert report(places[:9]).as_rows()[-1] == (14, "", "and 1 other")
    assert len(report(places[:8]).as_rows()) == 8


def test_one_instant_for_everybody_is_one_line() -> None:
    found = DueReport(INDIA, INDIA, None, "UTC", INDIA, None, [Place("Asia/Kolkata", INDIA, 90)])
    assert (found.headline, found.as_rows()) == ("Due at 2026-12-01 03:30 UTC", [])
