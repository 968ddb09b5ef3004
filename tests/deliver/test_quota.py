"""Quotas hold in every window, for several workers and over restarts, whatever they do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.db.connect import connect, reading, writing
from recmail.db.tables import quotas
from recmail.deliver.quota import Quota
from recmail.deliver.spans import Span, Warming, Within
from recmail.deliver.warm_up import WarmUp
from recmail.settings.rates import read_rate

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """One table for all examples of a property; each empties it."""
    path: Path = tmp_path_factory.mktemp("quotas") / "quotas.db"
    engine = connect(f"sqlite:///{path}")
    quotas.create(engine)
    yield engine
    engine.dispose()


def send(engine: sa.Engine, quota: Quota, now: datetime, wanted: int) -> int:
    """Send as many of these as may leave."""
    if quota.needs(now, wanted):
        with writing(engine) as connection:
            take = quota.refill(connection, now, wanted)
        take()
    count = int(min(wanted, quota.available(now)))
    quota.take(count)
    return count


def used(engine: sa.Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(quotas.c.used), 0))) or 0)


# A worker that sends, one that is killed and begins again, one that ends well and begins again.
steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["send", "send", "send", "kill", "end"]),
        st.integers(1, 30),
        st.integers(0, 1_500),
    ),
    min_size=5,
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps, most=st.integers(1, 40), unit=st.sampled_from(["minute", "hour"]))
def test_no_window_has_more_than_the_limit(
    shared: sa.Engine, steps: list[tuple[int, str, int, int]], most: int, unit: str
) -> None:
    span = Within("provider relay", read_rate(f"{most} per {unit}"))
    with writing(shared) as connection:
        connection.execute(sa.delete(quotas))
    workers = [Quota(span), Quota(span)]
    now, sent = NOON, []
    for who, what, wanted, seconds in steps:
        if what == "send":
            sent += [now] * send(shared, workers[who], now, wanted)
        else:
            if what == "end":
                with writing(shared) as connection:
                    workers[who].give_back(connection)
            workers[who] = Quota(span)
        now += timedelta(seconds=seconds)
    # Windows are half open: what left exactly an hour ago does not count any more.
    windows = (sum(start <= at < start + span.rate.per for at in sent) for start in sent)
    assert max(windows, default=0) <= most


def test_a_quota_is_used_up_at_once_and_free_again_when_its_time_has_passed(database: sa.Engine) -> None:
    quota = Quota(Within("provider relay", read_rate("60 per hour")))
    assert send(database, quota, NOON, 100) == 60
    free_at = quota.free_at(NOON)
    assert free_at == NOON + HOUR + timedelta(minutes=1)  # the end of its slot, an hour later
    assert (
        quota.room(
            NOON,
        )
        == 0
    )
    assert send(database, quota, free_at - timedelta(seconds=1), 5) == 0
    assert send(database, quota, free_at, 5) == 5


def test_two_workers_share_and_what_one_does_not_use_the_other_gets(database: sa.Engine) -> None:
    span = Within("provider relay", read_rate("100 per day"))
    one, other = Quota(span), Quota(span)
    assert (send(database, one, NOON, 60), send(database, other, NOON, 60)) == (60, 40)
    third = Quota(span)
    assert send(database, third, NOON, 1) == 0
    assert used(database) == 100


def test_a_portion_grows_and_what_is_left_of_it_is_given_back(database: sa.Engine) -> None:
    quota = Quota(Within("provider relay", read_rate("10000 per hour")))
    for _ in range(8):
        assert send(database, quota, NOON, 10) == 10
    assert used(database) > 80
    with writing(database) as connection:
        quota.give_back(connection)
    assert used(database) == 80


def test_what_was_rolled_back_is_nobodys(database: sa.Engine) -> None:
    quota = Quota(Within("provider relay", read_rate("100 per day")))
    with database.connect() as connection:
        quota.refill(connection, NOON, 100)
        connection.rollback()
    assert (quota.available(NOON), used(database)) == (0, 0)
    assert send(database, quota, NOON, 100) == 100


def test_somebody_elses_future_does_not_count(database: sa.Engine) -> None:
    span = Within("provider relay", read_rate("10 per day"))
    assert send(database, Quota(span), NOON + timedelta(days=400), 10) == 10
    assert send(database, Quota(span), NOON, 10) == 10


@pytest.mark.parametrize(
    ("at", "sent"),
    [
        (datetime(2026, 12, 1, 22, 59, tzinfo=UTC), 500),
        (datetime(2026, 12, 1, 23, 0, tzinfo=UTC), 1_000),  # midnight in Berlin
        (datetime(2026, 12, 3, 12, 0, tzinfo=UTC), 5_000),  # more than up_to: no limit
    ],
)
def test_a_warm_up_allows_more_each_day(database: sa.Engine, at: datetime, sent: int) -> None:
    ramp = WarmUp.model_validate({"from": date(2026, 12, 1), "start": 500, "up_to": 1_500})
    span: Span = Warming("provider relay", ramp, ZoneInfo("Europe/Berlin"))
    assert send(database, Quota(span), NOON, 5_000) == 500
    again = 0 if sent == 500 else sent
    assert send(database, Quota(span), at, 5_000) == again


def test_a_warm_up_says_when_there_is_more(database: sa.Engine) -> None:
    ramp = WarmUp.model_validate({"from": date(2026, 12, 1), "start": 2})
    quota = Quota(Warming("provider relay", ramp, ZoneInfo("Europe/Berlin")))
    assert send(database, quota, NOON, 3) == 2
    assert quota.free_at(NOON) == datetime(2026, 12, 1, 23, tzinfo=UTC)
