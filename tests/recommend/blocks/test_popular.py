"""The block popular: counts of enrolments, and a sentence that states them."""

from __future__ import annotations

import numpy as np

from recmail.recommend.blocks.popular import Popular
from tests.contracts import BlockContract
from tests.shards import make_catalogue, make_shard

CATALOGUE = make_catalogue(6, enrolled_90d=[3, 1204, 0, 3, 0, 1], enrolled=[50, 9000, 312, 60, 0, 1])


class TestPopular(BlockContract):
    block = Popular


def test_ranks_by_90_days_then_ever_then_course_no() -> None:
    """1204, then the two 3s by 60 before 50, then 1, then no one lately: 312 before 0."""
    offer = Popular().offer(make_shard(np.zeros((1, 6))), CATALOGUE, {})
    assert np.argsort(-offer.score[0]).tolist() == [1, 3, 0, 5, 2, 4]
    assert not offer.personal


def test_equals_are_ranked_by_course_no() -> None:
    offer = Popular().offer(make_shard(np.zeros((1, 4))), make_catalogue(4), {})
    assert offer.score[0].tolist() == [4, 3, 2, 1]


def test_the_reason_is_the_count_and_nothing_when_there_is_none() -> None:
    offer = Popular().offer(make_shard(np.zeros((2, 6))), CATALOGUE, {})
    assert offer.reasons(np.zeros(6, dtype=int), np.arange(6)) == [
        "3 learners joined in 90 days",
        "1,204 learners joined in 90 days",
        "312 learners joined so far",
        "3 learners joined in 90 days",
        "",
        "1 learner joined in 90 days",
    ]


def test_one_learner_ever_is_one_learner() -> None:
    offer = Popular().offer(make_shard(np.zeros((1, 1))), make_catalogue(1, enrolled=[1]), {})
    assert offer.reasons(np.array([0]), np.array([0])) == ["1 learner joined so far"]


def test_is_left_out_by_default_when_there_is_nothing_to_show() -> None:
    assert Popular().at_least == 0
    assert Popular().title == "Popular right now"
    assert not Popular().needs_model


def test_needs_a_model_when_it_falls_back_on_one() -> None:
    assert Popular(fallback=["top_picks"]).needs_model
