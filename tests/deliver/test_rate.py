"""The token bucket: an even rate, no burst after a pause, and an honest look ahead."""

from __future__ import annotations

import math

import pytest

from recmail.deliver.rate import TokenBucket


class Watch:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_without_a_limit_there_is_always_enough() -> None:
    bucket = TokenBucket(None)
    bucket.take(10_000)
    assert (bucket.available(), bucket.within(30), bucket.wait_s()) == (math.inf, math.inf, 0)


def test_tokens_come_at_an_even_rate() -> None:
    watch = Watch()
    bucket = TokenBucket(4, watch)
    taken = []
    for _ in range(9):
        bucket.take(1)
        taken.append(watch.now_s)
        watch.now_s += bucket.wait_s()
        assert bucket.available() == 1
    assert taken == [100 + 0.25 * number for number in range(9)]


def test_a_pause_makes_no_burst_longer_than_a_second() -> None:
    watch = Watch()
    bucket = TokenBucket(4, watch)
    watch.now_s += 3_600
    assert bucket.available() == 4
    bucket.take(4)
    assert bucket.available() == 0
    assert bucket.wait_s() == 0.25


def test_what_there_will_be_within_half_a_minute() -> None:
    watch = Watch()
    assert TokenBucket(4, watch).within(30) == 121
    slow = TokenBucket(0.01, watch)  # one message in 100 s
    assert slow.within(30) == 1
    slow.take(1)
    assert (slow.within(30), slow.wait_s()) == (0, 100)
    watch.now_s += 80
    assert (slow.available(), slow.within(30)) == (0, 0)
    watch.now_s += 20
    assert slow.within(30) == 1


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_is_more_than_nothing(rate: float) -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        TokenBucket(rate)
