"""The business clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from recmail.deliver.clock import Clock


def test_without_a_start_it_is_the_machines_time() -> None:
    clock = Clock()
    assert not clock.is_set
    before = datetime.now(UTC)
    assert before <= clock.now() < before + timedelta(seconds=10)


def test_it_starts_where_it_is_told_and_runs_on(now: datetime) -> None:
    clock = Clock(now)
    assert clock.is_set
    first, second = clock.now(), clock.now()
    assert now <= first <= second < now + timedelta(seconds=10)
