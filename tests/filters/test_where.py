"""The filter where: the block's own condition."""

from __future__ import annotations

from recmail.filters.where import Where
from tests.contracts import FilterContract, filtered
from tests.shards import make_catalogue, make_shard

CATALOGUE = make_catalogue(4, level=["beginner", "advanced", None, "all"])


class TestWhere(FilterContract):
    filter = Where


def test_only_what_meets_the_condition() -> None:
    allowed = filtered(Where, make_shard([[0] * 4]), CATALOGUE, where='level != "advanced"')
    assert allowed.tolist() == [[True, False, True, True]]


def test_without_a_condition_everything() -> None:
    assert filtered(Where, make_shard([[0] * 4]), CATALOGUE).all()
