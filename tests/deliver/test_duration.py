"""How long sending takes at least, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from recmail.deliver.duration import Estimate, duration
from recmail.deliver.warm_up import WarmUp
from recmail.settings.rates import read_rate

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")  # where it is 13:00 then


def estimate(messages: int, *limits: str, evenly: str = "", warm_up: WarmUp | None = None) -> Estimate:
    return duration(
        messages,
        [("provider ses", read_rate(limit)) for limit in limits],
        now=NOON,
        zone=BERLIN,
        warm_up=warm_up,
        evenly=[("this campaign", read_rate(evenly))] if evenly else [],
    )


@pytest.mark.parametrize(
    ("messages", "limits", "takes"),
    [
        (100_000, [], timedelta()),
        (0, ["1 per day"], timedelta()),
        (50_000, ["50000 per day"], timedelta()),  # a quota may be used up at once
        (50_001, ["50000 per day"], timedelta(days=1)),
        (120_000, ["50000 per day"], timedelta(days=2)),
        (1_401, ["14 per second"], timedelta(seconds=100)),
        (50_001, ["14 per second", "50000 per day"], timedelta(days=1)),  # the first 50,000 take 1 hour
    ],
)
def test_the_slowest_limit_counts(messages: int, limits: list[str], takes: timedelta) -> None:
    assert estimate(messages, *limits).takes == takes


def test_a_campaign_is_spread_over_the_time() -> None:
    assert estimate(10_001, evenly="5000 per hour").takes == timedelta(hours=2)


def test_a_warm_up_waits_for_midnights() -> None:
    ramp = WarmUp.model_validate({"from": date(2026, 12, 1), "start": 500})
    # 500 on 1 December, 1,000 on the 2nd, 2,000 on the 3rd; midnight in Berlin is 23:00 UTC.
    midnights = [timedelta(), timedelta(hours=11), timedelta(hours=35), timedelta(hours=59)]
    found = [estimate(messages, warm_up=ramp).takes for messages in (500, 1_500, 3_500, 3_501)]
    assert found == midnights


def test_after_the_warm_up_only_the_quota_is_left() -> None:
    ramp = WarmUp.model_validate({"from": date(2026, 12, 1), "start": 500, "up_to": 1_000})
    # 500 today; from tomorrow's midnight, 11 hours away, 2,000 within any 24 hours.
    assert estimate(2_000, "2000 per day", warm_up=ramp).takes == timedelta(hours=11)
    assert estimate(2_500, "2000 per day", warm_up=ramp).takes == timedelta(days=1)
    assert estimate(2_501, "2000 per day", warm_up=ramp).takes == timedelta(days=1, hours=11)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (estimate(120_000, "50000 per day"), "at least 2 days, because of 50,000 per day (provider ses)"),
        (estimate(14, "1 per minute"), "at least 13 minutes, because of 1 per minute (provider ses)"),
        (estimate(2, "14 per second"), "at least 1 minute, because of 14 per second (provider ses)"),
        (
            estimate(16_001, evenly="10000 per hour"),
            "at least 1 hour 36 minutes, because of 10,000 per hour (this campaign)",
        ),
        (estimate(5), ""),
    ],
)
def test_in_words(found: Estimate, words: str) -> None:
    assert found.in_words() == words


@pytest.mark.parametrize(
    ("day", "allowed"),
    [
        (date(2026, 11, 20), 500),
        (date(2026, 12, 1), 500),
        (date(2026, 12, 3), 2_000),
        (date(2026, 12, 7), 32_000),
        (date(2026, 12, 8), None),  # 64,000: past up_to
        (date(9999, 1, 1), None),
    ],
)
def test_a_warm_up_doubles_by_day_and_ends(day: date, allowed: int | None) -> None:
    ramp = WarmUp.model_validate({"from": date(2026, 12, 1), "start": 500, "up_to": 50_000})
    assert ramp.allowed(day) == allowed
