"""The block continue_learning: begun, not finished, and how far."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from recmail.filters.slate import fill
from recmail.recommend.blocks import offers_what_was_taken
from recmail.recommend.blocks.continue_learning import ContinueLearning
from recmail.records import Offer
from tests.contracts import BlockContract
from tests.shards import NOW, make_catalogue, make_shard

DAY = timedelta(days=1)


class TestContinueLearning(BlockContract):
    block = ContinueLearning


def pair(course_no: int, days: float = 1, **known: Any) -> dict[str, Any]:
    return {"person": 0, "course_no": course_no, "taken_at": NOW - days * DAY, **known}


def offer(*pairs: dict[str, Any]) -> Offer:
    return ContinueLearning().offer(make_shard([[0] * 6], pairs=pairs), make_catalogue(6), {})


def test_what_they_did_last_comes_first() -> None:
    looked_at = {"person": 0, "course_no": 2, "viewed_at": NOW}
    score = offer(pair(0, 3), pair(1, 2), looked_at).score[0]
    assert score[1] > score[0] > -np.inf
    assert np.isneginf(score[2:]).all()


def test_finished_courses_and_those_of_long_ago_are_left_out() -> None:
    found = offer(pair(0, completed_at=NOW - 40 * DAY), pair(1, progress=1.0), pair(2, 180), pair(3, 179.9))
    assert np.flatnonzero(found.score[0] > -np.inf).tolist() == [3]


@pytest.mark.parametrize(
    ("progress", "sentence"),
    [
        (0.4, "You are 40% through"),
        (0.29, "You are 29% through"),
        (0.999, "You are 99% through"),
        (0.01, "You are 1% through"),
        (0.0, "Waiting for you since 1 November 2026"),
        (np.nan, "Waiting for you since 1 November 2026"),
    ],
)
def test_the_reason_says_how_far_they_are(progress: float, sentence: str) -> None:
    found = offer(pair(2, progress=progress))
    assert found.reasons(np.array([0]), np.array([2])) == [sentence]


def test_is_shown_although_taken_full_and_in_another_language_unless_it_closed() -> None:
    catalogue = make_catalogue(
        2,
        seats=[1, 1],
        enrolled=[1, 1],
        language=["es", "es"],
        active=[True, False],
        prerequisites=[["c1"], []],
    )
    shard = make_shard([[0, 0]], taken=[[True, True]], pairs=[pair(0), pair(1)], languages=["en"])
    slate = fill(shard, catalogue, [ContinueLearning(show=2)], {})
    assert slate.slots["course_no"].tolist() == [0]


def test_is_the_one_block_that_offers_what_was_taken() -> None:
    assert offers_what_was_taken() == {"continue_learning"}
