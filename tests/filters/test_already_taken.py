"""The filter already_taken."""

from __future__ import annotations

from recmail.filters.already_taken import AlreadyTaken
from tests.contracts import FilterContract, filtered
from tests.shards import make_catalogue, make_shard


class TestAlreadyTaken(FilterContract):
    filter = AlreadyTaken


def test_only_what_the_person_took_is_dropped_whatever_the_grade() -> None:
    """The first person viewed A and took B; the second took nothing."""
    shard = make_shard([[1, 0, 0], [0, 0, 0]], taken=[[False, True, False], [False] * 3])
    assert filtered(AlreadyTaken, shard, make_catalogue(3)).tolist() == [
        [True, False, True],
        [True, True, True],
    ]


def test_holds_for_people_without_personalization() -> None:
    shard = make_shard([[0, 0]], taken=[[True, False]], personalization=[False])
    assert filtered(AlreadyTaken, shard, make_catalogue(2), personal=False).tolist() == [[False, True]]
