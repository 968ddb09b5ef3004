"""The filter opted_out: no personalization means nothing chosen from one's history, and nothing else."""

from __future__ import annotations

from recmail.filters.opted_out import OptedOut
from tests.contracts import FilterContract, filtered
from tests.shards import make_catalogue, make_shard


class TestOptedOut(FilterContract):
    filter = OptedOut


def test_a_personal_offer_is_dropped_for_who_switched_it_off() -> None:
    shard = make_shard([[0] * 6] * 2, personalization=[True, False])
    assert filtered(OptedOut, shard, make_catalogue(6)).tolist() == [[True], [False]]


def test_an_offer_that_is_the_same_for_all_stays() -> None:
    shard = make_shard([[0] * 6] * 2, personalization=[True, False])
    assert filtered(OptedOut, shard, make_catalogue(6), personal=False).tolist() == [[True], [True]]
