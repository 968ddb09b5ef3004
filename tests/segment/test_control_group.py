"""The control group: the same people in every run, more of them when the group grows, others elsewhere."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recmail.segment.control_group import in_control_group

PEOPLE = [f"u{number:05}" for number in range(20_000)]
SHARES = st.floats(0, 1, allow_nan=False)


def test_it_is_the_share_of_the_people_within_chance() -> None:
    assert abs(int(in_control_group(PEOPLE, "weekly", 0.05).sum()) - 1_000) < 150  # the deviation is 31


def test_it_never_changes() -> None:
    """Golden: another hash would put other people into the group of a campaign that is being measured."""
    inside = in_control_group(PEOPLE[:200], "weekly-picks", 0.05)
    assert np.flatnonzero(inside).tolist() == [10, 15, 38, 85, 108, 137, 173, 176]


@given(st.lists(st.text(max_size=12), max_size=30), st.text(max_size=12), SHARES, SHARES)
def test_a_larger_group_contains_the_smaller(
    people: list[str], campaign: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    smaller, larger = (in_control_group(people, campaign, share) for share in (low, high))
    assert not (smaller & ~larger).any()


@given(st.lists(st.text(max_size=12), max_size=30), st.text(max_size=12), SHARES, st.randoms())
def test_nobody_is_in_it_because_of_others(
    people: list[str], campaign: str, share: float, random: np.random.Generator
) -> None:
    whole = dict(zip(people, in_control_group(people, campaign, share).tolist(), strict=True))
    for person, inside in whole.items():
        assert in_control_group([person], campaign, share).tolist() == [inside]


def test_the_ends() -> None:
    assert not in_control_group(PEOPLE, "weekly", None).any()
    assert not in_control_group(PEOPLE, "weekly", 0.0).any()
    assert in_control_group(PEOPLE, "weekly", 1.0).all()


def test_another_campaign_holds_out_others() -> None:
    both = in_control_group(PEOPLE, "weekly", 0.1) & in_control_group(PEOPLE, "monthly", 0.1)
    assert abs(int(both.sum()) - 200) < 75  # chance alone: 200, the deviation is 14
