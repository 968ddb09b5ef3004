"""What looks wrong in active courses is found, counted, shown with courses and mended by the advice."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import courses
from recmail.history.metadata import inspect_courses
from tests.history.imported import NOW, Import

GOOD = {
    "level": "all",
    "category": "Art",
    "url": "https://example.org/a",
    "image_url": "a.png",
    "price": "10",
    "currency": "EUR",
}


def catalogue(*given: dict[str, str]) -> str:
    """Courses a, b, c, ... that have nothing wrong but what is given."""
    names = [
        "course_id",
        "title",
        *GOOD,
        "topics",
        "tags",
        "prerequisites",
        "published_at",
        "closes_at",
        "active",
    ]
    rows = [
        {"course_id": letter, "title": f"Course {letter}"} | GOOD | course
        for letter, course in zip("abcdefgh", given, strict=False)
    ]
    return "\n".join([",".join(names), *(",".join(row.get(name, "") for name in names) for row in rows)])


def findings(engine: sa.Engine, now: datetime = NOW) -> dict[str, tuple[int, list[str]]]:
    with reading(engine) as connection:
        return {one.code: (one.count, one.examples) for one in inspect_courses(connection, now)}


def test_nothing_is_wrong_in_good_courses(database: sa.Engine, bring: Import) -> None:
    assert findings(database) == {}
    bring("courses", catalogue({"tags": "sql"}, {"tags": "sql;python"}, {"published_at": "2020-01-01"}))
    assert findings(database) == {}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"url": ""}, "url_missing"),
        ({"image_url": ""}, "image_missing"),
        ({"level": "expert"}, "level_missing"),
        ({"category": ""}, "category_missing"),
        ({"published_at": "2026-11-03"}, "not_yet_published"),
        ({"closes_at": "2026-11-02T09:00:00Z"}, "closed"),
    ],
)
def test_what_a_course_lacks_is_counted_with_the_first_three(
    database: sa.Engine, bring: Import, wrong: dict[str, str], code: str
) -> None:
    bring("courses", catalogue(wrong, {}, wrong, wrong, {"active": "no"} | wrong, wrong))
    assert findings(database) == {code: (4, ["a", "c", "d"])}


def test_a_price_without_a_currency_is_found(database: sa.Engine, bring: Import) -> None:
    bring("courses", catalogue({}, {}))
    with writing(database) as connection:  # an import refuses it
        connection.execute(courses.update().where(courses.c.course_id == "b").values(currency=None))
    assert findings(database) == {"currency_missing": (1, ["b"])}


def test_several_currencies_are_told(database: sa.Engine, bring: Import) -> None:
    bring(
        "courses", catalogue({}, {"currency": "USD"}, {"currency": "USD"}, {"price": "0", "currency": "INR"})
    )
    assert findings(database) == {"several_currencies": (2, ["USD (2)", "EUR (1)"])}


def test_titles_of_several_courses_are_told(database: sa.Engine, bring: Import) -> None:
    bring("courses", catalogue({"title": "SQL basics"}, {"title": "SQL Basics"}, {"title": "SQL"}))
    assert findings(database) == {"same_title": (1, ["a = b"])}


def test_prerequisites_are_courses_active_or_not(database: sa.Engine, bring: Import) -> None:
    bring("courses", catalogue({"prerequisites": "b;SQL basics"}, {"active": "no"}, {"prerequisites": "a"}))
    assert findings(database) == {"prerequisite_unknown": (1, ["SQL basics (of a)"])}


def test_one_category_in_two_spellings_is_not_two_that_are_alike(database: sa.Engine, bring: Import) -> None:
    names = ("Data Science", "data  science", "Data Science", "Web design", "web-design", "Cooking")
    bring("courses", catalogue(*({"category": name} for name in names)))
    assert findings(database) == {
        "category_spellings": (1, ["Data Science (2) = data  science (1)"]),
        "categories_alike": (1, ["Web design (1) = web-design (1)"]),
    }


def test_tags_and_topics_much_alike_are_told(database: sa.Engine, bring: Import) -> None:
    bring(
        "courses",
        catalogue(
            {"tags": "machine learning;sql", "topics": "Graphs"},
            {"tags": "machine-learning;Machine Learning", "topics": "Graph"},
        ),
    )
    assert findings(database) == {
        "topics_alike": (1, ["Graph (1) = Graphs (1)"]),
        "tags_alike": (1, ["Machine Learning (1) = machine learning (1) = machine-learning (1)"]),
    }
