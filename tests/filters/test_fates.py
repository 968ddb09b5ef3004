"""What became of every candidate, by hand on small catalogues."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recmail.filters.fates import Asked, Fate, fates
from recmail.filters.settling import Settled
from recmail.filters.slate import fill
from recmail.recommend.blocks import Variety
from recmail.records import Catalogue, Shard
from tests.contracts import make_catalogue, make_shard, rows_of
from tests.filters.test_allocating import settle
from tests.filters.test_slate import NONE, Ranked, quota


def told(shard: Shard, catalogue: Catalogue, blocks: Sequence[object]) -> list[Fate]:
    asked: list[Asked] = []
    slate = fill(shard, catalogue, blocks, {}, asked=asked)
    return fates(asked, slate, catalogue, np.zeros(len(catalogue), dtype=bool))


def outcomes(found: Sequence[Fate], block: int = 0) -> dict[int, str]:
    return {fate.course_no: fate.outcome for fate in found if fate.block == block and not fate.is_fallback}


def test_shown_reserved_dropped_ranked_too_low_and_not_offered() -> None:
    """Course 1 is taken; 5 places are there with the two reserves, one of them shown."""
    shard = make_shard([[0, 3, 0, 0, 0, 0]])
    found = told(shard, make_catalogue(6), [Ranked.of([[6, 5, 4, 3, 2, NONE]], show=1)])
    assert outcomes(found) == {
        0: "shown",
        1: "filter",
        2: "reserve",
        3: "reserve",
        4: "rank",
        5: "not_offered",
    }
    shown, taken = found[0], found[1]
    assert (shown.position, shown.reason, shown.score) == (0, "Course 0 fits", 6.0)
    assert (taken.filters, taken.score) == (["already_taken"], 5.0)
    assert [fate.score for fate in found][-1] is None


def test_what_a_block_above_shows_is_said_in_those_below() -> None:
    blocks = [Ranked.of([3, 2, 1], show=1), Ranked.of([3, 2, 1], show=1)]
    found = told(make_shard([[0] * 3]), make_catalogue(3), blocks)
    assert outcomes(found, 1) == {0: "above", 1: "shown", 2: "reserve"}


def test_the_quota_displaces_what_ranks_above_the_last_one_shown() -> None:
    """One of a category: course 1 is of the same as 0; course 3 too, and ranks below what is shown anyway."""
    catalogue = make_catalogue(4, category_no=[0, 0, 1, 0])
    found = told(make_shard([[0] * 4]), catalogue, [Ranked.of([4, 3, 2, 1], variety=quota(1))])
    assert outcomes(found) == {0: "shown", 1: "quota", 2: "shown", 3: "rank"}


def test_variety_lets_a_lesser_one_in() -> None:
    """A course of an untried category is asked for: the second best of the usual one gives way."""
    catalogue = make_catalogue(4, category_no=[0, 0, 0, 1])
    shard = make_shard([[0, 0, 3, 0]])
    block = Ranked.of([[4, 3, NONE, 1]], show=2, variety=Variety(outside_usual=1))
    found = told(shard, catalogue, [block])
    assert outcomes(found) == {0: "shown", 1: "variety", 2: "not_offered", 3: "shown"}


def test_a_limit_reached_by_others_is_said_of_who_was_refused() -> None:
    """Person 0 would be shown course 0, which is person 1's."""
    shard, catalogue = make_shard([[0] * 3] * 2), make_catalogue(3)
    block = Ranked.of([[2, 1, 0], [3, 1, 0]], show=1)
    allocation = settle(shard, catalogue, [block], [1, 2, 2])
    asked: list[Asked] = []
    settled = Settled.of(allocation.places, 0, 1, allocation.closed)
    slate = fill(rows_of(shard, slice(0, 1)), catalogue, [block], {}, settled=settled, asked=asked)
    found = fates(asked, slate, catalogue, allocation.closed)
    assert outcomes(found) == {0: "exposure", 1: "shown", 2: "reserve"}


def test_a_limit_that_the_person_reached_in_a_block_below_displaced_nothing() -> None:
    """Course 1 gives way to the quota; the block below shows it, and so it reaches its limit of one."""
    shard, catalogue = make_shard([[0] * 3]), make_catalogue(3, category_no=[0, 0, 1])
    blocks = [Ranked.of([3, 2, 1], variety=quota(1)), Ranked.of([3, 2, 1], show=1)]
    allocation = settle(shard, catalogue, blocks, 1)
    assert allocation.closed[1]
    asked: list[Asked] = []
    settled = Settled.of(allocation.places, 0, 1, allocation.closed)
    slate = fill(shard, catalogue, blocks, {}, settled=settled, asked=asked)
    found = fates(asked, slate, catalogue, allocation.closed)
    assert outcomes(found) == {0: "shown", 1: "quota", 2: "shown"}
    assert outcomes(found, 1) == {0: "above", 1: "shown", 2: "above"}
