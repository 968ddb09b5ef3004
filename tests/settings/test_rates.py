"""Rates as people write them, one or several together."""

from __future__ import annotations

import pytest

from recmail.settings.rates import read_rate, read_rates


def test_rates_are_sorted_by_their_time_and_written_as_they_were() -> None:
    found = read_rates(["50000 per day", "14 per second"])
    assert [str(rate) for rate in found] == ["14 per second", "50000 per day"]
    assert read_rates("5000 per hour") == (read_rate("5000 per hour"),)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["1 per day", "2 per day"], "says twice how many per day"),
        (["14/s"], "write 14 per second"),
        (14, "found 14; expected a rate such as 5000 per hour"),
    ],
)
def test_a_mistake_is_said(value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_rates(value)
