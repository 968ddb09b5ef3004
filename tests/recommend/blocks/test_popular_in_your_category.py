"""The block popular_in_your_category: the person's first category, then the next."""

from __future__ import annotations

import numpy as np

from recmail.recommend.blocks.popular_in_your_category import PopularInYourCategory
from tests.contracts import BlockContract
from tests.shards import make_catalogue, make_shard

CATALOGUE = make_catalogue(
    7,
    category_no=[0, 0, 0, 1, 1, 2, -1],
    category=["Data", "data ", "Data", "Art", "Art", "Law", None],
    enrolled=[5, 9, 0, 7, 8, 50, 90],
    enrolled_90d=[1, 0, 0, 1204, 8, 50, 90],
)


class TestPopularInYourCategory(BlockContract):
    block = PopularInYourCategory


def test_the_category_with_the_highest_grades_comes_first() -> None:
    """Art 3 + 1, Data 3; nothing of Law; course 2 has nobody, course 6 no category."""
    offer = PopularInYourCategory().offer(make_shard([[0, 0, 3, 3, 1, 0, 0]]), CATALOGUE, {})
    ranked = [int(course) for course in np.argsort(-offer.score[0]) if offer.score[0, course] > -np.inf]
    assert ranked == [3, 4, 0, 1]


def test_at_most_three_categories() -> None:
    catalogue = make_catalogue(4, category_no=[0, 1, 2, 3], category=list("abcd"), enrolled=[9] * 4)
    offer = PopularInYourCategory().offer(make_shard([[4, 1, 3, 2]]), catalogue, {})
    assert (offer.score[0] > -np.inf).tolist() == [True, False, True, True]


def test_the_reason_names_the_category_and_the_count() -> None:
    offer = PopularInYourCategory().offer(make_shard([[3] * 7]), CATALOGUE, {})
    assert offer.reasons(np.zeros(3, dtype=int), np.array([0, 1, 3])) == [
        "Popular in Data: 1 learner joined in 90 days",
        "Popular in Data: 9 learners joined so far",
        "Popular in Art: 1,204 learners joined in 90 days",
    ]
