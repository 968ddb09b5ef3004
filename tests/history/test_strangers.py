"""Events whose user_ids are not those of the people are said aloud, when they come in and afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.history.freshness import DataSurvey, survey
from recmail.history.importing import ImportResult
from recmail.history.strangers import Recognised, Strangers, are_strange
from tests.history.imported import NOW, USERS, Import

HEAD = "user_id,other_id,course_id,kind,at\n"


def events(*ids: str, other: str = "") -> str:
    rows = (
        f"{one},{other},sql,viewed,2026-10-01 {number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}\n"
        for number, one in enumerate(ids)
    )
    return HEAD + "".join(rows)


def surveyed(engine: sa.Engine) -> DataSurvey:
    with reading(engine) as connection:
        return survey(connection, NOW)


def bring_web(filled: Import, text: str) -> ImportResult:
    return filled("interactions", text, source="web", section="sources.web")


def test_both_sides_ids_are_shown(database: sa.Engine, filled: Import) -> None:
    result = bring_web(filled, events(*[f"u-{number}" for number in range(200)]))
    assert result.recognised == Recognised(200, 0, ("u-0", "u-1", "u-2"), ("a", "b"))
    (found,) = surveyed(database).strangers
    theirs = ("u-199", "u-198", "u-197")
    assert found == Strangers("web", 0, 200, theirs, ("a", "b"))
    filled("users", USERS + "".join(f"u-{number},,yes\n" for number in range(200)))
    assert surveyed(database).strangers == []


@pytest.mark.parametrize(("known", "strange"), [(4, True), (5, False), (100, False)])
def test_few_known_people_are_a_sign_of_other_ids(
    database: sa.Engine, filled: Import, known: int, strange: bool
) -> None:
    result = bring_web(filled, events(*(["a"] * known), *(["stranger"] * (100 - known))))
    found = result.recognised
    assert found is not None
    assert are_strange(found.events, found.known) is strange
    assert [one.source for one in surveyed(database).strangers] == (["web"] if strange else [])


def test_visitors_who_never_log_in_are_no_sign(database: sa.Engine, filled: Import) -> None:
    result = bring_web(filled, events("a", *([""] * 300), other="browser"))
    assert result.recognised == Recognised(1, 1)
    assert surveyed(database).strangers == []


def test_few_events_are_no_sign_unless_nothing_came_in(database: sa.Engine, filled: Import) -> None:
    bring_web(filled, events("z"))
    assert [one.waiting for one in surveyed(database).strangers] == [1]
    bring_web(filled, events("z", "a"))
    assert surveyed(database).strangers == []


def test_only_the_first_events_of_a_long_file_are_looked_at(filled: Import) -> None:
    result = bring_web(filled, events(*(["a"] * 20_001)))
    assert replace(result.recognised or Recognised(0, 0)) == Recognised(20_000, 20_000)
