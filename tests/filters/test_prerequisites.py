"""The filter prerequisites: first what a course builds on."""

from __future__ import annotations

from recmail.filters.prerequisites import Prerequisites
from tests.contracts import FilterContract, filtered
from tests.shards import make_catalogue, make_shard

CATALOGUE = make_catalogue(4, prerequisites=[[], ["c0"], ["c0", "c1"], ["gone"]])


class TestPrerequisites(FilterContract):
    filter = Prerequisites
    catalogue = make_catalogue(6, prerequisites=[["c1"], [], ["c0", "c3"], [], ["c4"], []])


def test_all_that_a_course_needs_must_be_taken() -> None:
    """Nobody can take what is not in the catalogue, so `gone` is not asked for."""
    shard = make_shard([[0] * 4] * 3, taken=[[False] * 4, [True] + [False] * 3, [True, True, False, False]])
    assert filtered(Prerequisites, shard, CATALOGUE).tolist() == [
        [True, False, False, True],
        [True, True, False, True],
        [True, True, True, True],
    ]


def test_to_look_at_a_course_is_not_to_take_it() -> None:
    shard = make_shard([[1, 0, 0, 0]])
    assert filtered(Prerequisites, shard, CATALOGUE).tolist() == [[True, False, False, True]]
