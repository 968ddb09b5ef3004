"""The survey counts people, courses and events, and finds what looks wrong in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import aliases, pending_events, users
from recmail.errors import DataError
from recmail.history.freshness import Source, survey
from recmail.history.strangers import Unidentified
from tests.history.imported import NOW, Import


def test_an_empty_database_is_surveyed(database: sa.Engine) -> None:
    with reading(database) as connection:
        found = survey(connection, NOW)
    assert (found.people, found.courses, found.interactions, found.sources, found.findings) == (
        0,
        0,
        0,
        [],
        [],
    )
    assert (found.newest_change, found.newest_interaction) == (None, None)


def test_people_are_mailable_or_not_for_a_reason(database: sa.Engine, bring: Import) -> None:
    bring(
        "users",
        "user_id,email,email_consent\n"
        "a,a@example.org,yes\nb,b@example.org,no\nc,c@example.org,\nd,,yes\ne,e@example.org,yes\n"
        "f,f@example.org,yes\n",
    )
    bring("suppressions", "email,reason\ne@example.org,manual\nx@example.org,\n")
    with writing(database) as connection:
        connection.execute(users.update().where(users.c.user_id == "f").values(erased_at=NOW))
    with reading(database) as connection:
        found = survey(connection, NOW)
    assert (found.people, found.erased, found.mailable, found.suppressions) == (5, 1, 1, 2)
    assert found.not_mailable == {"no_address": 1, "no_consent": 1, "opted_out": 1, "suppressed": 1}
    assert found.newest_change == NOW


def test_courses_are_counted_and_inspected(database: sa.Engine, bring: Import) -> None:
    bring("courses", "course_id,title,level,active\na,A,all,yes\nb,B,,no\n")
    with reading(database) as connection:
        found = survey(connection, NOW)
    assert (found.courses, found.active_courses) == (2, 1)
    assert [one.code for one in found.findings] == ["url_missing", "image_missing", "category_missing"]


EVENTS = "user_id,course_id,kind,at\na,sql,viewed,2026-10-01\na,sql,viewed,never\n"


def sources(engine: sa.Engine, now: datetime = NOW) -> dict[tuple[str, str], Source]:
    with reading(engine) as connection:
        return {(one.source, one.kind): one for one in survey(connection, now).sources}


def test_the_last_import_of_each_source_is_told(database: sa.Engine, filled: Import) -> None:
    filled("interactions", EVENTS, source="app")
    later = NOW + timedelta(days=2)
    filled("interactions", EVENTS + "a,py,viewed,2026-11-03\n", source="app", now=later)
    with reading(database) as connection:
        found = survey(connection, NOW)
        assert survey(connection, later).newest_interaction == datetime(2026, 11, 3, tzinfo=UTC)
    assert (found.interactions, found.newest_interaction) == (2, datetime(2026, 10, 1, tzinfo=UTC))
    last = sources(database, later)
    assert list(last) == [("csv", "users"), ("csv", "courses"), ("app", "interactions")]
    app = last["app", "interactions"]
    assert (app.rows, app.newest, app.state) == (2, datetime(2026, 11, 3, tzinfo=UTC), "fresh")
    assert (app.rejects, app.files) == ({"at: bad time": 1}, ["interactions.csv"])
    assert (app.counts["added"], app.counts["unchanged"], app.counts["rejected"]) == (1, 1, 1)
    assert app.last_import is not None
    assert app.last_import >= later
    assert (last["csv", "users"].rows, last["csv", "courses"].rows) == (2, 2)


def test_files_that_were_read_together_are_added_up(database: sa.Engine, filled: Import) -> None:
    filled("interactions", EVENTS, source="app")
    filled("interactions", EVENTS + "a,py,viewed,never\na,py,viewed,2026-10-02\n", source="app")
    app = sources(database)["app", "interactions"]
    assert (len(app.files), app.rejects, app.counts["rows"]) == (2, {"at: bad time": 3}, 6)


def test_an_import_that_stopped_half_way_is_told(database: sa.Engine, filled: Import) -> None:
    filled("interactions", EVENTS, source="shop")
    with pytest.raises(DataError):
        filled(
            "interactions",
            'user_id,course_id,kind,at\na,sql,viewed,"2026',
            source="shop",
            now=NOW + timedelta(days=1),
        )
    shop = sources(database)["shop", "interactions"]
    assert shop.state == "unfinished"
    assert shop.last_import is not None
    assert NOW <= shop.last_import < NOW + timedelta(hours=1)


@pytest.mark.parametrize(("days", "state"), [(1, "fresh"), (3, "fresh"), (4, "old")])
def test_a_daily_source_is_old_after_three_days(
    database: sa.Engine, filled: Import, days: int, state: str
) -> None:
    text = "user_id,course_id,kind,at\na,sql,viewed,{}\n"
    for day in range(-3, 1):
        at = NOW + timedelta(days=day)
        filled("interactions", text.format(at.isoformat()), source="app", now=at)
        filled("interactions", text.format(at.isoformat()), source="app", now=at + timedelta(minutes=9))
    app = sources(database, NOW + timedelta(days=days))["app", "interactions"]
    assert (app.usual_gap, app.state) == (timedelta(days=1), state)


def test_the_events_make_a_source_old_and_not_its_imports(database: sa.Engine, filled: Import) -> None:
    assert filled("interactions", EVENTS, source="app").newest == datetime(2026, 10, 1, tzinfo=UTC)
    app = sources(database)["app", "interactions"]
    assert (app.usual_gap, app.state) == (None, "old")


def test_a_source_of_unknown_rhythm_is_old_after_a_week(database: sa.Engine, filled: Import) -> None:
    filled("suppressions", "x@example.org\n")
    for days, state in ((7, "fresh"), (8, "old")):
        found = sources(database, NOW + timedelta(days=days))
        assert found["csv", "users"].state == found["csv", "courses"].state == state
        assert found["csv", "suppressions"].state == "fresh"  # an old tool gives its list once


def test_ids_and_events_of_people_not_known_yet_are_counted(database: sa.Engine, filled: Import) -> None:
    waiting = [
        {
            "event_key": str(day),
            "source": "app",
            "other_id": "x",
            "at": NOW - timedelta(days=day),
            "payload": {},
        }
        for day in (1, 2)
    ]
    with writing(database) as connection:
        connection.execute(aliases.insert(), {"source": "web", "other_id": "anon-1", "user_no": 0})
        connection.execute(pending_events.insert(), waiting)
    with reading(database) as connection:
        found = survey(connection, NOW).unidentified
    assert found == [
        Unidentified("app", 0, 2, 0, NOW - timedelta(days=2)),
        Unidentified("web", 1, 0, 0, None),
    ]


def test_the_survey_is_plain_json(database: sa.Engine, filled: Import) -> None:
    with reading(database) as connection:
        found = survey(connection, NOW).to_json()
    assert json.loads(json.dumps(found)) == found
    assert found["sources"][0]["newest"].startswith("2026-11-02T09:00:0")
