"""The survey counts people, courses and events, and finds what looks wrong in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import users
from recmail.errors import DataError
from recmail.history.freshness import survey
from tests.history.imported import NOW, Import


def test_an_empty_database_is_surveyed(database: sa.Engine) -> None:
    with reading(database) as connection:
        found = survey(connection, NOW)
    assert (found.people, found.courses, found.interactions, found.imports) == (0, 0, 0, [])
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


def test_what_looks_wrong_in_courses_is_found(database: sa.Engine, bring: Import) -> None:
    bring(
        "courses",
        "course_id,title,category,level,url,image_url,active\n"
        "a,A,Data Science,all,https://example.org/a,a.png,yes\n"
        "b,B,data  science,expert,,b.png,yes\n"
        "c,C,Art,,https://example.org/c,,no\n"
        "d,D,,all,https://example.org/d,d.png,yes\n",
    )
    with reading(database) as connection:
        found = survey(connection, NOW)
    assert (found.courses, found.active_courses) == (4, 3)
    assert found.categories_alike == [["Data Science", "data  science"]]
    missing = (found.courses_without_url, found.courses_without_image)
    assert (*missing, found.courses_without_level, found.courses_without_category) == (1, 1, 2, 1)


def test_the_last_import_of_each_source_is_told(database: sa.Engine, filled: Import) -> None:
    text = "user_id,course_id,kind,at\na,sql,viewed,2026-10-01\na,sql,viewed,never\n"
    filled("interactions", text, source="app")
    later = NOW + timedelta(days=2)
    filled("interactions", text + "a,py,viewed,2026-11-03\n", source="app", now=later)
    with pytest.raises(DataError):
        filled("interactions", 'user_id,course_id,kind,at\na,sql,viewed,"2026', source="shop")
    with reading(database) as connection:
        found = survey(connection, NOW)
        assert survey(connection, later).newest_interaction == datetime(2026, 11, 3, tzinfo=UTC)
    last = {(one.source, one.kind): one for one in found.imports}
    assert list(last) == [
        ("csv", "users"),
        ("csv", "courses"),
        ("app", "interactions"),
        ("shop", "interactions"),
    ]
    app = last["app", "interactions"]
    assert (app.started_at, app.rejects, app.watermark) == (
        later,
        {"at: bad time": 1},
        "2026-11-03T00:00:00+00:00",
    )
    assert (app.counts["added"], app.counts["unchanged"], app.counts["rejected"]) == (1, 1, 1)
    assert last["shop", "interactions"].finished_at is None
    assert (found.interactions, found.newest_interaction) == (2, datetime(2026, 10, 1, tzinfo=UTC))


def test_the_survey_is_plain_json(database: sa.Engine, filled: Import) -> None:
    with reading(database) as connection:
        found = survey(connection, NOW).to_json()
    assert json.loads(json.dumps(found)) == found
    assert found["imports"][0]["started_at"] == "2026-11-02T09:00:00+00:00"
