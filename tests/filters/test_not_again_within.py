"""The filter not_again_within: what was emailed lately waits its turn."""

from __future__ import annotations

from datetime import timedelta

from recmail.filters.not_again_within import NotAgainWithin
from tests.contracts import FilterContract, filtered
from tests.shards import NOW, make_catalogue, make_shard

DAY = timedelta(days=1)
SHARD = make_shard(
    [[0] * 4] * 2,
    emailed=[(0, 0, NOW - DAY), (0, 1, NOW - 30 * DAY), (0, 2, NOW - 29 * DAY), (1, 3, NOW + DAY)],
    personalization=[True, False],
)


class TestNotAgainWithin(FilterContract):
    filter = NotAgainWithin


def test_what_was_emailed_within_the_time_is_dropped_and_what_waits() -> None:
    """Person 0: a day, exactly 30 and 29 days ago; person 1: due tomorrow."""
    allowed = filtered(NotAgainWithin, SHARD, make_catalogue(4), not_again_within="30d")
    assert allowed.tolist() == [[False, True, False, True], [True, True, True, False]]


def test_each_block_has_its_own_time() -> None:
    allowed = filtered(NotAgainWithin, SHARD, make_catalogue(4), not_again_within="2d")
    assert allowed.tolist() == [[False, True, True, True], [True, True, True, False]]


def test_nothing_is_dropped_when_the_block_does_not_ask() -> None:
    assert filtered(NotAgainWithin, SHARD, make_catalogue(4)).all()
