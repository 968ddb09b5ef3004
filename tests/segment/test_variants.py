"""Variants: everybody has one, each exactly its share of the people, in whatever order they are planned."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recmail.segment.variants import Allotment, apportioned, numbers_of

HUNDREDTHS = st.integers(1, 6).flatmap(
    lambda count: st.lists(st.integers(0, 10_000), min_size=count - 1, max_size=count - 1)
)


def shares_of(cuts: list[int]) -> list[tuple[str, float]]:
    """Shares in hundredths of a percent, as a campaign may write them."""
    ends = [0, *sorted(cuts), 10_000]
    return [(f"v{number}", (high - low) / 10_000) for number, (low, high) in enumerate(pairwise(ends))]


@given(HUNDREDTHS, st.integers(0, 3_000))
def test_the_shares_come_out_exact_to_one_person(cuts: list[int], people: int) -> None:
    shares, user_ids = shares_of(cuts), [f"u{number}" for number in range(people)]
    allotment = Allotment.of_people("7", shares, numbers_of(user_ids, "7"))
    counts = np.bincount(allotment.of(user_ids), minlength=len(shares))
    assert counts.sum() == people
    for count, (_, share) in zip(counts.tolist(), shares, strict=True):
        assert abs(count - share * people) < 1
    assert counts.tolist() == apportioned(people, [share for _, share in shares]).tolist()


@given(HUNDREDTHS, st.permutations(list(range(40))))
def test_the_order_of_people_is_nothing(cuts: list[int], order: list[int]) -> None:
    shares, user_ids = shares_of(cuts), np.array([f"u{number}" for number in range(40)], dtype=object)
    allotment = Allotment.of_people("7", shares, numbers_of(user_ids, "7"))
    again = Allotment.of_people("7", shares, numbers_of(user_ids[order], "7"))
    assert again == allotment
    assert [allotment.of([one])[0] for one in user_ids[order]] == allotment.of(user_ids)[order].tolist()


def test_largest_remainders_worked_out_by_hand() -> None:
    # 10 x 29 %, 29 %, 42 % = 2.9, 2.9, 4.2: two are left over, for the two of .9
    assert apportioned(10, [0.29, 0.29, 0.42]).tolist() == [3, 3, 4]
    # 7 x a third each = 2.33: one is left over, and the first of equals has it
    assert apportioned(7, [1 / 3, 1 / 3, 1 / 3]).tolist() == [3, 2, 2]
    # 100 x 0.29 is 28.999999999999996 to a machine
    assert apportioned(100, [0.29, 0.71]).tolist() == [29, 71]
    assert apportioned(0, [0.5, 0.5]).tolist() == [0, 0]


def test_another_run_draws_anew() -> None:
    user_ids, shares = [f"u{number}" for number in range(2_000)], shares_of([5_000])
    first, second = (
        Allotment.of_people(run, shares, numbers_of(user_ids, run)).of(user_ids) for run in ("1", "2")
    )
    assert abs(int((first == second).sum()) - 1_000) < 150  # chance alone: 1,000, the deviation is 22


def test_who_comes_later_has_a_variant_too() -> None:
    """Imported between the counting and the planning: nobody else's variant changes."""
    user_ids, shares = [f"u{number}" for number in range(100)], shares_of([3_000])
    allotment = Allotment.of_people("7", shares, numbers_of(user_ids, "7"))
    later = [f"late{number}" for number in range(1_000)]
    assert abs(int((allotment.of(later) == 0).sum()) - 300) < 200


def test_a_variant_of_no_share_is_nobodys() -> None:
    user_ids = [f"u{number}" for number in range(50)]
    for cuts in ([0], [10_000], [4_000, 4_000]):
        shares = shares_of(cuts)
        allotment = Allotment.of_people("7", shares, numbers_of(user_ids, "7"))
        counts = np.bincount(allotment.of(user_ids), minlength=len(shares)).tolist()
        assert [count for count, (_, share) in zip(counts, shares, strict=True) if share == 0] == [0]


def test_before_anybody_counts_the_shares_are_those_of_chance() -> None:
    user_ids = [f"u{number}" for number in range(20_000)]
    allotment = Allotment.of_shares("7", [("a", 0.1), ("b", 0.9)])
    assert abs(int((allotment.of(user_ids) == 0).sum()) - 2_000) < 200  # the deviation is 42
    assert allotment.names[allotment.of(["u1"])[0]] == allotment.name_of("u1")
    assert set(Allotment.all_to("b").of(user_ids).tolist()) == {0}
