"""What webhooks of all providers have in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.deliver.esp.webhooks import (
    LARGEST_BYTES,
    address,
    check_age,
    check_size,
    event_key,
    find_status,
    is_dead,
    is_robot,
    raw,
    read_json,
    read_seconds,
    read_time,
    words,
)
from recmail.errors import DataError, RefusedError

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (["smtp; 550 5.1.1 <jane@example.com>... User unknown"], "5.1.1"),
        (["550-5.1.10 RESOLVER.ADR.RecipientNotFound; see 192.5.1.1"], "5.1.10"),
        (["5.0.0", "smtp;550 #5.7.1 blocked."], "5.7.1"),
        (["550 5.2.1. Postfix 3.4.14.1 says no"], "5.2.1"),
        (["550 user unknown", None, 7], ""),
        (["5.1.0"], "5.1.0"),
    ],
)
def test_the_most_telling_status_is_found(said: list[object], status: str) -> None:
    assert find_status(*said) == status


@pytest.mark.parametrize("status", ["5.1.1", "5.1.10", "5.2.1"])
def test_these_addresses_are_dead_whatever_the_provider_calls_it(status: str) -> None:
    assert is_dead(status, provider_says_so=False)


@pytest.mark.parametrize("status", ["5.7.1", "5.7.26", "5.2.2", "5.4.4", "4.0.0", "5.3.4"])
def test_these_are_not(status: str) -> None:
    assert not is_dead(status, provider_says_so=True)


@pytest.mark.parametrize("status", ["", "5.0.0", "5.1.0"])
def test_the_provider_decides_where_the_status_tells_nothing(status: str) -> None:
    assert is_dead(status, provider_says_so=True)
    assert not is_dead(status, provider_says_so=False)


def test_a_replay_and_a_message_of_the_future_are_refused() -> None:
    check_age(NOW - timedelta(minutes=5), NOW, most=timedelta(minutes=5))
    with pytest.raises(RefusedError, match="replay"):
        check_age(NOW - timedelta(minutes=6), NOW, most=timedelta(minutes=5))
    with pytest.raises(RefusedError, match="clock"):
        check_age(NOW + timedelta(minutes=6), NOW, most=timedelta(minutes=5))


def test_a_body_that_is_too_large_is_refused() -> None:
    check_size(b"x" * LARGEST_BYTES)
    with pytest.raises(RefusedError, match="2,000,001 bytes"):
        check_size(b"x" * (LARGEST_BYTES + 1))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000, b"1" * 5_000])
def test_what_is_not_json_is_an_error_and_no_crash(body: bytes) -> None:
    with pytest.raises(DataError):
        read_json(body)


def test_times_are_utc() -> None:
    assert read_time("2016-04-27T16:28:50.3963933-04:00") == datetime(
        2016, 4, 27, 20, 28, 50, 396393, tzinfo=UTC
    )
    assert read_time("2026-11-02T09:00:00") == NOW
    assert read_seconds("1793610000") == read_seconds(1793610000) == NOW


@given(ANYTHING)
def test_no_value_breaks_a_reader(value: object) -> None:
    for at in (read_time(value), read_seconds(value)):
        assert at is None or at.tzinfo is UTC
    found = [words(value), address(value) or "", event_key(value, value), raw(value)]
    for text in found:
        assert "\0" not in text
        text.encode()


def test_an_event_without_an_id_is_known_by_what_it_says() -> None:
    one, other = {"a": 1, "b": 2}, {"a": 1, "b": 3}
    assert event_key(None, one) == event_key("", {"b": 2, "a": 1})
    assert event_key(None, one) != event_key(None, other)
    assert event_key("id-7", one) == event_key("id-7", other) == "id-7"


def test_a_robot_says_so() -> None:
    assert is_robot("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
    assert is_robot("Mozilla/5.0")
    assert not is_robot("Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 20) AppleWebKit/537.36")
    assert not is_robot(
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    )
    assert not is_robot(None)
