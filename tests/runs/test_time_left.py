"""Rates and the time that is left, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from recmail.runs.time_left import Pace, in_words, rate_since_start, ready_at

NINE = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def pace(*looks: tuple[float, int]) -> Pace:
    found = Pace()
    for at_s, to_come in looks:
        found.note(at_s, to_come)
    return found


def test_one_look_has_no_rate() -> None:
    assert Pace().rate is None
    assert pace((0, 100)).rate is None
    assert pace((5, 100), (5, 90)).rate is None


def test_the_rate_is_what_became_less_over_the_time_between() -> None:
    assert pace((0, 100), (1, 90), (4, 60)).rate == 10
    assert pace((0, 100), (8, 100)).rate == 0


def test_only_the_last_minute_counts() -> None:
    """Ten a second until 100 s, then one a second: of the last minute, 60 messages in 60 s."""
    looks = [(float(s), 2000 - 10 * min(s, 100) - max(s - 100, 0)) for s in range(161)]
    assert pace(*looks).rate == 1
    assert pace(*looks).seconds == 60
    assert pace((0, 600), (300, 300)).rate == 1  # two looks far apart are all there is


def test_a_retry_begins_anew() -> None:
    assert pace((0, 100), (10, 0), (11, 50), (13, 40)).rate == 5


def test_a_rate_is_reckoned_with_after_ten_seconds() -> None:
    assert not pace((0, 100), (9, 10)).is_long_enough
    assert pace((0, 100), (10, 0)).is_long_enough


def test_the_rate_since_the_start_leaves_pauses_out() -> None:
    """Sent from 9:00 to 9:10 and from 9:40 to 9:50: 1,200 messages in 20 minutes are one a second."""
    audit = [("planned", at(-60)), ("approved", at(-9)), ("sending", at(0)), ("paused", at(10))]
    audit += [("sending", at(40))]
    assert rate_since_start(1200, audit, at(50)) == 1
    assert rate_since_start(1200, [*audit, ("finished", at(50))], at(50)) == 1
    assert rate_since_start(1200, [*audit, ("sending", at(45)), ("retry", at(46))], at(50)) == 1


def test_there_is_no_rate_before_the_start_and_without_messages() -> None:
    assert rate_since_start(0, [("approved", at(0))], at(1)) is None
    assert rate_since_start(5, [("sending", at(0))], None) is None
    assert rate_since_start(0, [("sending", at(0))], at(1)) is None
    assert rate_since_start(5, [("sending", at(0))], at(-1)) is None


def test_the_end_is_when_the_rate_says_so_and_not_before_the_last_is_due() -> None:
    assert ready_at(120, 2.0, last_due=at(-5), now=NINE) == at(1)
    assert ready_at(120, 2.0, last_due=at(30), now=NINE) == at(30)
    assert ready_at(0, None, last_due=None, now=NINE) == NINE


@pytest.mark.parametrize("rate", [None, 0.0, -1.0, 1e-300])
def test_what_does_not_move_has_no_end(rate: float | None) -> None:
    assert ready_at(5, rate, last_due=at(1), now=NINE) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (250, "4 min 10 s"),
        (7500, "2 h 5 min"),
        (7200 + 59, "2 h"),
        (86_400, "1 day"),
        (3 * 86_400 + 7200, "3 days 2 h"),
    ],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
