"""The block similar_to_recently_viewed: alike by what is written, the newest view first."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from recmail.recommend.blocks.similar_to_recently_viewed import SimilarToRecentlyViewed
from tests.contracts import BlockContract
from tests.shards import NOW, make_catalogue, make_shard

DAY = timedelta(days=1)
# 0, 1, 2 are of one category; 1 shares a tag with 0; 3 is of another and shares both tags with 0; 4 nothing.
CATALOGUE = make_catalogue(
    5,
    category_no=[0, 0, 0, 1, 1],
    tags=[["sql", "joins"], ["SQL"], ["charts"], ["sql", "joins"], ["charts"]],
    level=["beginner", "beginner", None, "advanced", "all"],
)


class TestSimilarToRecentlyViewed(BlockContract):
    block = SimilarToRecentlyViewed


def viewed(*views: tuple[int, int], taken: tuple[int, ...] = ()) -> list[dict[str, object]]:
    """One person's views: course and days ago."""
    return [
        {"person": 0, "course_no": course, "viewed_at": NOW - days * DAY}
        | ({"taken_at": NOW} if course in taken else {})
        for course, days in sorted(views)
    ]


def scores(*views: tuple[int, int], taken: tuple[int, ...] = ()) -> list[float]:
    shard = make_shard([[0] * 5], pairs=viewed(*views, taken=taken))
    found = SimilarToRecentlyViewed().offer(shard, CATALOGUE, {}).score[0]
    return [round(float(score), 2) for score in found]


def test_the_same_category_and_the_same_labels_count_half_each() -> None:
    """To course 0: 1 has (1 + 1/sqrt 2) / 2 and its level, 2 has 1/2, 3 has (0 + 1) / 2 two levels away.

    Popularity adds 0.05 x (5, 4, 3, 2, 1) / 5 by course_no. Course 4 has neither category nor labels.
    """
    assert scores((0, 1)) == [-np.inf, 0.99, 0.63, 0.52, -np.inf]


def test_only_courses_that_were_not_taken_and_only_lately() -> None:
    assert scores((0, 1), taken=(0,)) == [-np.inf] * 5
    assert scores((0, 61)) == [-np.inf] * 5


def test_the_newest_view_counts_most_and_each_course_names_the_view_it_is_like() -> None:
    """Course 2 is like 0, seen yesterday, by its category; like 4, seen before, by its label."""
    shard = make_shard([[0] * 5], pairs=viewed((0, 1), (4, 2)))
    offer = SimilarToRecentlyViewed().offer(shard, CATALOGUE, {})
    assert offer.reasons(np.array([0, 0]), np.array([2, 3])) == [
        "Similar to Course 0, which you looked at",
        "Similar to Course 4, which you looked at",
    ]


def test_a_catalogue_without_categories_and_labels_has_nothing_alike() -> None:
    shard = make_shard([[0] * 5], pairs=viewed((0, 1)))
    offer = SimilarToRecentlyViewed().offer(shard, make_catalogue(5, category_no=[-1] * 5), {})
    assert np.isneginf(offer.score).all()
