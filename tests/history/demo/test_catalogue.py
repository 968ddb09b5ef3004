"""The demo's catalogue has its proportions, and every awkward course is in it."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from recmail.history.demo import DemoData, demo, planted
from recmail.history.demo.catalogue import known_tags, read_titles


def with_id(data: DemoData, case: str) -> pd.Series:
    return data.courses.set_index("course_id").loc[planted()[case]]


def enrolments_of(data: DemoData, **who: str) -> pd.DataFrame:
    ((column, value),) = who.items()
    rows = data.interactions[data.interactions["kind"].eq("enrolled")]
    return rows[rows[column].eq(value)]


def test_twelve_categories_of_twenty_titles_in_four_subtopics() -> None:
    titles = read_titles(240)
    assert titles["category"].value_counts().to_dict() == dict.fromkeys(titles["category"].unique(), 20)
    assert titles["category"].nunique() == 12
    assert set(titles.groupby(["category", "subtopic"]).size()) == {5}
    for column in ("course_id", "title", "subtitle"):
        assert titles[column].is_unique
    assert titles["course_id"].str.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*").all()
    assert {"SQL from Zero to Useful", "Spoken Kannada for Newcomers"} <= set(titles["title"])


def test_proportions_of_the_written_catalogue() -> None:
    titles = read_titles(240)
    assert titles["level"].value_counts().to_dict() == {"beginner": 120, "intermediate": 84, "advanced": 36}
    assert titles["price"].eq(0).sum() == 29  # 12 %
    assert titles.loc[titles["price"].gt(0), "price"].between(499, 7999).all()
    assert titles["language"].ne("en").sum() == 19  # 8 %
    assert titles["staff_pick"].eq("yes").sum() == 14
    assert titles["new"].eq("yes").sum() == 20


def test_tags_come_from_the_list_of_80_and_each_is_used() -> None:
    used = {tag for tags in read_titles(240)["tags"] for tag in tags.split(";")}
    assert used == known_tags()
    assert len(used) == 80


@pytest.mark.parametrize("courses", [24, 100, 240])
def test_prerequisites_are_other_courses_that_are_there(courses: int) -> None:
    titles = read_titles(courses)
    asked = titles.set_index("course_id")["prerequisites"].str.split(";").explode()
    asked = asked[asked.ne("")]
    assert len(asked) > 0
    assert set(asked) <= set(titles["course_id"])
    assert (asked != asked.index).all()


def test_new_courses_are_at_most_four_weeks_old(data: DemoData, now: datetime) -> None:
    age = pd.Timestamp(now) - data.courses["published_at"]
    assert (age.between(pd.Timedelta(0), pd.Timedelta(days=28))).sum() == 20


def test_the_full_course_has_no_seat_left_and_the_other_live_ones_have(data: DemoData) -> None:
    taken = data.interactions[data.interactions["kind"].eq("enrolled")]["course_id"].value_counts()
    with_seats = data.courses[data.courses["seats"].notna()].set_index("course_id")
    left = with_seats["seats"] - taken[with_seats.index]
    full = planted()["full course"]
    assert left[full] == 0
    assert taken[full] > 0
    assert (left.drop(full) > 0).all()
    assert len(left) == 6


def test_awkward_courses_are_there(data: DemoData, now: datetime) -> None:
    closing = with_id(data, "course that closes in twelve hours")["closes_at"]
    assert closing == pd.Timestamp(now) + pd.Timedelta(hours=12)
    unpublished = with_id(data, "course that is not published yet")
    assert unpublished["published_at"] > pd.Timestamp(now)
    assert enrolments_of(data, course_id=unpublished.name).empty
    assert with_id(data, "course without image")["image_url"] == ""
    assert with_id(data, "course without level")["level"] == ""
    retired = with_id(data, "course that is no longer active")
    assert retired["active"] == "no"
    assert not enrolments_of(data, course_id=retired.name).empty
    assert data.courses["image_url"].eq("").sum() == 1
    assert data.courses["level"].eq("").sum() == 1
    assert data.courses["active"].eq("no").sum() == 1


def test_one_category_has_two_spellings(data: DemoData) -> None:
    assert with_id(data, "course in the second spelling of its category")["category"] == "data science"
    assert data.courses["category"].eq("Data Science").sum() == 19
    assert data.courses["category"].nunique() == 13


def test_somebody_completed_a_whole_category_and_nothing_else(data: DemoData) -> None:
    rows = data.interactions[data.interactions["user_id"].eq(planted()["completed a whole category"])]
    film = set(data.courses.loc[data.courses["category"].eq("Photography and Film"), "course_id"])
    assert len(film) == 20
    assert set(rows.loc[rows["kind"].eq("completed"), "course_id"]) == film
    assert set(rows.loc[rows["kind"].eq("enrolled"), "course_id"]) == film


def test_somebody_took_everything_that_is_published(data: DemoData) -> None:
    taken = set(enrolments_of(data, user_id=planted()["enrolled in everything"])["course_id"])
    assert set(data.courses["course_id"]) - taken == {planted()["course that is not published yet"]}


@pytest.mark.parametrize("courses", [23, 241])
def test_sizes_that_were_not_written_are_refused(now: datetime, courses: int) -> None:
    with pytest.raises(ValueError, match=f"courses={courses}: the demo can have 24 to 240"):
        demo(now, 1, courses=courses)
