"""Intervals: they hold the mean, they repeat, and they tell a difference from chance."""

from __future__ import annotations

import numpy as np
import pytest

from recmail.evaluate.intervals import interval, intervals


def test_is_about_two_standard_errors_each_way() -> None:
    """400 values of 0 and 1, half each: standard error .5 / 20 = .025."""
    found = interval(np.tile([0.0, 1.0], 200), seed=1)
    assert found.mean == 0.5
    assert found.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.006)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.006)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).random(50)
    assert interval(values, seed=3) == interval(values, seed=3)
    assert interval(values, seed=3) != interval(values, seed=4)


def test_columns_share_their_resamples() -> None:
    values = np.random.default_rng(0).random((60, 1))
    one, twice = intervals(np.hstack([values, 2 * values]), seed=1)
    assert twice.to_json() == pytest.approx([2 * value for value in one.to_json()])


def test_tells_a_difference_from_chance() -> None:
    """Every person gains .01: sure, however much people differ. Gains of -1 and 1 in turn: chance."""
    base = np.random.default_rng(0).random(100)
    assert interval((base + 0.01) - base, seed=1).above_zero
    assert not interval(np.tile([-1.0, 1.0], 50), seed=1).above_zero


def test_holds_the_true_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    found = [interval(random.normal(0.3, 1, 80), seed=run) for run in range(60)]
    assert 51 <= sum(one.low <= 0.3 <= one.high for one in found) <= 60


def test_of_nobody_is_zero() -> None:
    assert interval(np.empty(0), seed=1).to_json() == [0, 0, 0]
