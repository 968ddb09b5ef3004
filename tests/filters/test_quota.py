"""The quota: counts of categories, worked out by hand."""

from __future__ import annotations

import numpy as np

from recmail.filters.quota import below_quota, full_categories

CHOSEN = np.array([[7, 7, -1], [7, 2, -1], [-1, -1, -1]])


def test_two_of_a_category_are_enough_when_the_quota_is_two() -> None:
    assert below_quota(CHOSEN, np.array([7, 7, 7]), 2).tolist() == [False, True, True]


def test_courses_without_a_category_are_not_limited() -> None:
    assert below_quota(CHOSEN, np.array([-1, -1, -1]), 1).tolist() == [True, True, True]


def test_without_a_quota_everything_fits() -> None:
    assert below_quota(CHOSEN, np.array([7, 7, 7]), None).tolist() == [True, True, True]


def test_full_categories_are_those_at_the_quota() -> None:
    full = full_categories(CHOSEN, 8, 2)
    assert np.argwhere(full).tolist() == [[0, 7]]
    assert full.shape == (3, 9)
    assert np.argwhere(full_categories(CHOSEN, 8, 1)).tolist() == [[0, 7], [1, 2], [1, 7]]
