"""How sure a mean is: bootstrap intervals over people, and paired differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RESAMPLES = 1_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over people and the interval that holds it in 95 of 100 cases."""

    mean: float
    low: float
    high: float

    def to_json(self) -> list[float]:
        """Mean, low, high."""
        return [self.mean, self.low, self.high]

    @property
    def above_zero(self) -> bool:
        """The whole interval is: a difference that is not chance."""
        return self.low > 0


def interval(values: np.ndarray, *, seed: int) -> Interval:
    """Return the mean over people with its bootstrap interval (Efron 1979, percentile).

    Args:
        values: one for each person; for a paired difference the differences of the same people.
    """
    return intervals(values[:, np.newaxis], seed=seed)[0]


def intervals(values: np.ndarray, *, seed: int) -> list[Interval]:
    """Return an interval for each column, all from the same resamples.

    Args:
        values: people x columns.
    """
    people, columns = values.shape
    if not people:
        return [Interval(0.0, 0.0, 0.0)] * columns
    random = np.random.default_rng(seed)
    means = np.empty((RESAMPLES, columns))
    for row in range(RESAMPLES):
        drawn = np.bincount(random.integers(0, people, people), minlength=people)
        means[row] = drawn @ values / people
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (outside, 1 - outside), axis=0)
    middle = values.mean(axis=0)
    return [Interval(*map(float, column)) for column in zip(middle, low, high, strict=True)]
