"""Half as fast at once when a provider asks for it, and faster again little by little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.deliver.slower import AT_ONCE_S, BACK_AGAIN_S, FLOOR_PER_S, Slower
from tests.deliver.test_rate import Watch


def test_a_limit_is_halved_once_for_all_that_was_on_its_way() -> None:
    watch = Watch()
    slower = Slower(14, watch)
    assert (slower.per_second, slower.slowed) == (14, None)
    for _ in range(8):
        slower.throttled()
    assert slower.slowed == slower.per_second == 7
    assert slower.wait_s == 1
    watch.now_s += AT_ONCE_S
    slower.throttled()
    assert slower.slowed == pytest.approx((7 + 14 * AT_ONCE_S / BACK_AGAIN_S) / 2)
    assert slower.in_vain == 2


def test_it_comes_back_and_then_the_limit_is_ours_again() -> None:
    watch = Watch()
    slower = Slower(14, watch)
    slower.throttled()
    watch.now_s += BACK_AGAIN_S / 4
    assert slower.slowed == pytest.approx(10.5)
    watch.now_s += BACK_AGAIN_S / 4
    assert (slower.slowed, slower.per_second) == (None, 14)


def test_without_a_limit_it_is_half_of_what_has_left() -> None:
    watch = Watch()
    slower = Slower(None, watch)
    for _ in range(10):  # 40 a second
        watch.now_s += 1
        slower.left(40)
    slower.throttled()
    assert slower.slowed == pytest.approx(24, abs=5)  # both ends of the five seconds count
    watch.now_s += BACK_AGAIN_S
    assert slower.per_second is None


def test_nothing_leaves_for_longer_and_longer_until_something_is_accepted() -> None:
    watch = Watch()
    slower = Slower(1, watch)
    waits = []
    for _ in range(8):
        slower.throttled()
        waits.append(slower.wait_s)
        watch.now_s += max(AT_ONCE_S, slower.wait_s)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert slower.per_second is not None
    assert slower.per_second >= FLOOR_PER_S
    slower.accepted()
    slower.throttled()
    assert (slower.wait_s, slower.in_vain) == (1, 1)


def test_what_the_provider_asks_for_is_kept() -> None:
    watch = Watch()
    slower = Slower(1, watch)
    slower.throttled(retry_after_s=30)
    assert slower.wait_s == 30
    watch.now_s += 5
    slower.throttled(retry_after_s=40)  # it asks again, while it is halved already
    assert (slower.wait_s, slower.in_vain) == (40, 1)


@given(
    limit=st.none() | st.floats(0.1, 1_000),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 50), st.floats(0, 100)), max_size=40),
)
def test_it_never_stops_and_never_passes_our_limit(
    limit: float | None, steps: list[tuple[bool, int, float]]
) -> None:
    watch = Watch()
    slower = Slower(limit, watch)
    for throttled, count, seconds in steps:
        slower.left(count)
        if throttled:
            slower.throttled()
        watch.now_s += seconds
        assert slower.per_second is None or slower.per_second >= FLOOR_PER_S
        assert limit is None or (slower.per_second or 0) <= limit
        assert slower.wait_s <= 60
