"""The block trending_now: more than usual, by more than chance, and what usual was."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from recmail.recommend.blocks.trending_now import TrendingNow
from recmail.records import Offer
from tests.contracts import BlockContract
from tests.shards import NOW, make_catalogue, make_shard

DAY = timedelta(days=1)


class TestTrendingNow(BlockContract):
    block = TrendingNow


def offer(**columns: object) -> Offer:
    lately = columns["enrolled_14d"]
    catalogue = make_catalogue(len(lately), **columns)  # type: ignore[arg-type]
    return TrendingNow().offer(make_shard([[0] * len(catalogue)]), catalogue, {})


def test_ranks_by_the_rise_against_the_weeks_before() -> None:
    """76 days before: 76, 76 and 760 people, so 14, 14 and 140 in 14 days; lately 20, 40 and 170.

    The rises are 6 / sqrt 15 = 1.55, 26 / sqrt 15 = 6.71 and 30 / sqrt 141 = 2.53.
    """
    found = offer(enrolled_14d=[20, 40, 170], enrolled_90d=[96, 116, 930])
    assert [round(float(rise), 2) for rise in found.score[0]] == [1.55, 6.71, 2.53]
    assert not found.personal


def test_a_fall_a_few_people_and_a_rise_by_chance_are_no_trend() -> None:
    """38 in 76 days are 7 in 14: 6 is a fall, 8 a rise of 1 / sqrt 8. Two people are too few."""
    found = offer(enrolled_14d=[6, 8, 2], enrolled_90d=[44, 46, 2])
    assert np.isneginf(found.score).all()


def test_a_young_course_is_compared_with_its_own_weeks_or_not_at_all() -> None:
    """28 days old: 14 people in the 14 days before; 27 days old: no usual."""
    published = [NOW - 28 * DAY, NOW - 27 * DAY]
    found = offer(enrolled_14d=[30, 30], enrolled_90d=[44, 44], published_at=published)
    assert [round(float(rise), 2) for rise in found.score[0]] == [4.13, -np.inf]


def test_the_reason_says_both_counts() -> None:
    found = offer(enrolled_14d=[20, 5, 1204], enrolled_90d=[96, 6, 1280], published_at=[pd.NaT] * 3)
    assert found.reasons(np.zeros(3, dtype=int), np.arange(3)) == [
        "20 learners joined in 14 days, usually about 14",
        "5 learners joined in 14 days, hardly any before",
        "1,204 learners joined in 14 days, usually about 14",
    ]
