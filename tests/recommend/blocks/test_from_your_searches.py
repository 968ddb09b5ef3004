"""The block from_your_searches: what the last searches find, in the person's own words."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from recmail.recommend.blocks.from_your_searches import FromYourSearches
from recmail.records import Offer
from tests.contracts import BlockContract
from tests.shards import NOW, make_catalogue, make_shard

TITLES = ["Excel Pivot Tables", "Excel from Zero", "Pivot Your Start-up", "Bread and Butter"]
CATALOGUE = make_catalogue(4, title=TITLES, enrolled_90d=[1, 2, 3, 4])


class TestFromYourSearches(BlockContract):
    block = FromYourSearches


def offer(*searches: str) -> Offer:
    """What one person gets who searched for these, the newest first."""
    shard = make_shard([[0] * 4], searches=[(0, text) for text in searches])
    return FromYourSearches().offer(shard, CATALOGUE, {})


def ranked(offer: Offer) -> list[int]:
    score = offer.score[0]
    return [int(course) for course in np.argsort(-score, kind="stable") if score[course] > -np.inf]


def test_all_words_first_then_some_of_them() -> None:
    assert ranked(offer("excel pivot")) == [0, 2, 1]


def test_the_newest_search_counts_most() -> None:
    assert ranked(offer("bread", "excel pivot")) == [3, 0, 2, 1]
    assert ranked(offer("excel pivot", "bread")) == [0, 3, 2, 1]


def test_the_reason_is_the_search_that_found_the_course() -> None:
    found = offer("bread", 'excel "pivot"')
    assert found.reasons(np.array([0, 0]), np.array([3, 0])) == [
        'You searched for "bread"',
        "You searched for \"excel 'pivot'\"",
    ]


def test_what_finds_nothing_offers_nothing() -> None:
    assert ranked(offer("underwater basket weaving", "", "!?")) == []


def test_older_searches_do_not_count() -> None:
    shard = make_shard([[0] * 4], searches=[(0, "excel")])
    shard.searches["at"] = NOW - timedelta(days=60)
    assert np.isneginf(FromYourSearches().offer(shard, CATALOGUE, {}).score).all()


def test_no_option_asks_for_searches_that_are_not_read() -> None:
    with pytest.raises(ValidationError, match="found 91d; expected at most 90d"):
        FromYourSearches(within="91d")  # type: ignore[arg-type]
