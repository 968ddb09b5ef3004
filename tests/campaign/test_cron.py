"""Cron texts: which are right, and what is said of those that are not."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.campaign.cron import check_cron, cron_times, looks_like_cron


@pytest.mark.parametrize(
    "text",
    [
        "0 9 * * 2",
        "30 18 1,15 * *",
        "0 9 L * *",
        "0 9 lw * *",
        "0 9 * 1-6 mon-fri",
        "0 */6 * * *",
        "0 9 29 2 *",
    ],
)
def test_five_fields_are_a_cron_text(text: str) -> None:
    check_cron(text)
    assert looks_like_cron(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("* 9 * * 2", "goes out more than once an hour; expected one minute, such as 0 9 * * 2"),
        ("*/5 * * * *", "goes out more than once an hour; expected one minute, such as 0 * * * *"),
        ("60 9 * * 2", "minute 60: expected a minute from 0 to 59"),
        ("0 25 * * 2", "hour 25: expected hours from 0 to 23"),
        (
            "0 9 0 * *",
            "day of month 0: expected days from 1 to 31, L for the last one or LW for the last weekday",
        ),
        ("0 9 * 13 *", "month 13: expected months from 1 to 12, or JAN to DEC"),
        (
            "0 9 * * tuesday",
            "day of week tuesday: expected days of the week from 0 to 7 (0 and 7 are Sunday), or SUN to SAT",
        ),
        ("0 9 * *", "has 4 fields; expected five: minute, hour, day of month, month, day of week"),
        ("0 0 9 * * 2", "has 6 fields; expected five: minute, hour, day of month, month, day of week"),
        ("0 9 31 2 *", "there is no such day"),
        ("0 9 30 2 *", "there is no such day"),
        ("@daily", "is not known here; write every day 00:00"),
        ("@reboot", "has 1 field; expected five: minute, hour, day of month, month, day of week"),
        (f"0 {','.join(['9'] * 50)} * * *", "expected five short fields with spaces between them"),
    ],
)
def test_a_mistake_is_said_with_what_was_expected(text: str, said: str) -> None:
    assert looks_like_cron(text)
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        check_cron(text)


def test_a_day_of_the_month_and_one_of_the_week_mean_either() -> None:
    """As in every cron since Version 7; the next dates that `check` shows tell whoever meant both."""
    found = islice(cron_times("0 9 1 * 2", datetime.fromisoformat("2026-11-27")), 4)
    assert [f"{one:%a %d}" for one in found] == ["Tue 01", "Tue 08", "Tue 15", "Tue 22"]


_FIELD = st.text("0123456789*/,-LW#MONjan?", min_size=1, max_size=6)


@given(fields=st.lists(_FIELD, min_size=4, max_size=6))
@settings(deadline=None, max_examples=200)
def test_whatever_is_written_is_taken_or_refused_in_words(fields: list[str]) -> None:
    text = " ".join(["0", *fields])
    with suppress(ValueError):  # and nothing else
        check_cron(text)
        assert next(cron_times(text, datetime.fromisoformat("2026-11-27")))
