"""The demo's courses: the hand-written titles, and when each was published, closes and fills up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from recmail.history.demo.planted import COURSES, TWO_SPELLINGS

DAY = 86_400
CURRENCY = "INR"
APPEAL_EXPONENT = 1.28
COLUMNS = [
    "course_id",
    "title",
    "subtitle",
    "category",
    "level",
    "topics",
    "tags",
    "prerequisites",
    "language",
    "price",
    "currency",
    "published_at",
    "closes_at",
    "seats",
    "duration_min",
    "image_url",
    "url",
    "staff_pick",
    "active",
]
"""The columns of courses.csv."""


def read_titles(courses: int) -> pd.DataFrame:
    """The first `courses` titles, going round the categories, in the catalogue's own order.

    Returns:
        The columns of catalogue.csv, all str but price and duration_min (int).

    Raises:
        ValueError: fewer courses than the planted cases need, or more than were written.
    """
    whole = pd.read_csv(
        Path(__file__).with_name("catalogue.csv"),
        dtype=str,
        keep_default_na=False,
        encoding="utf-8",
    )
    least = 2 * whole["category"].nunique()
    if not least <= courses <= len(whole):
        raise ValueError(f"courses={courses}: the demo can have {least} to {len(whole)} courses")
    place_in_category = whole.groupby("category").cumcount()
    kept = place_in_category.sort_values(kind="stable").index[:courses].sort_values()
    titles = whole.loc[kept].reset_index(drop=True)
    known = frozenset(titles["course_id"])
    titles["prerequisites"] = [
        ";".join(course for course in ids.split(";") if course in known) for ids in titles["prerequisites"]
    ]
    return titles.astype({"price": "int64", "duration_min": "int64"})


def known_tags() -> frozenset[str]:
    """The 80 tags that a course may carry."""
    return frozenset(Path(__file__).with_name("tags.txt").read_text(encoding="utf-8").split())


def publication_times(titles: pd.DataFrame, now_s: int, rng: np.random.Generator) -> np.ndarray:
    """When each course was published, in seconds since 1970; one of them lies after now.

    Seven in ten are older than the 540 days of history, the new ones are three to 27 days old.
    """
    count = len(titles)
    old = rng.random(count) < 0.7
    days = np.where(old, rng.integers(560, 1600, count), rng.integers(45, 530, count))
    days = np.where(titles["new"].eq("yes"), rng.integers(4, 28, count), days)
    days[titles["course_id"].eq(COURSES["course that is not published yet"])] = -14
    # Published at ten in the morning in Bengaluru.
    return (now_s // DAY - days) * DAY + 16_200


def appeal(titles: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """How much each course draws within its category; the sum over a category is 1.

    A power of the rank, so that every seed is as concentrated as the next: with this exponent the top tenth
    of all courses takes about 30 % of the enrolments.
    """
    liking = rng.normal(size=len(titles))
    liking += 0.6 * titles["level"].eq("beginner") + 0.6 * titles["staff_pick"].eq("yes")
    liking -= 0.8 * titles["level"].eq("advanced")
    categories = titles["category"]
    rank = pd.Series(liking).groupby(categories.to_numpy()).rank(ascending=False, method="first")
    draw = (rank + 1.0) ** -APPEAL_EXPONENT
    return np.asarray(draw / draw.groupby(categories.to_numpy()).transform("sum"))


def category_slug(category: str) -> str:
    """`photography-and-film` for `Photography and Film`: the name of its picture."""
    return category.lower().replace(" ", "-")


def courses_table(
    titles: pd.DataFrame, published: np.ndarray, enrolled: np.ndarray, *, now_s: int
) -> pd.DataFrame:
    """The courses with all COLUMNS, the planted cases in place.

    Args:
        titles: as `read_titles` gives them.
        published: seconds since 1970.
        enrolled: people enrolled in each course; decides what is full.
        now_s: seconds since 1970.
    """
    table = titles.copy()
    ids = table["course_id"]
    planted = {case: ids.eq(course) for case, course in COURSES.items()}
    table["currency"] = CURRENCY
    table["published_at"] = moments(published)
    table["url"] = "https://courses.acme.example/" + ids
    table["image_url"] = "images/" + table["category"].map(category_slug) + ".png"
    table["active"] = "yes"
    live = table["tags"].str.split(";").map(lambda tags: "live" in tags)
    seats = np.maximum(20, np.ceil(enrolled * 0.16) * 10)
    table["seats"] = pd.Series(np.where(live, seats, np.nan)).astype("Int64")
    closing = now_s + DAY * (20 + 9 * live.cumsum().to_numpy())
    closing[planted["course that closes in twelve hours"]] = now_s + DAY // 2
    table["closes_at"] = moments(closing).where(live)

    table.loc[planted["full course"], "seats"] = int(enrolled[planted["full course"]][0])
    table.loc[planted["full course"], "closes_at"] = pd.NaT
    table.loc[planted["course without image"], "image_url"] = ""
    table.loc[planted["course without level"], "level"] = ""
    table.loc[planted["course in the second spelling of its category"], "category"] = TWO_SPELLINGS[1]
    table.loc[planted["course that is no longer active"], "active"] = "no"
    return table[COLUMNS]


def moments(seconds: np.ndarray) -> pd.Series:
    """Seconds since 1970 as aware UTC times."""
    return pd.Series(seconds.astype("datetime64[s]")).dt.tz_localize("UTC")
