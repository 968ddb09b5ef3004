"""Quiet hours and weekdays as recmail.toml has them, and what is said of mistakes."""

from __future__ import annotations

import pytest

from recmail.settings.hours import quiet_hours, weekdays


@pytest.mark.parametrize(
    ("text", "written"),
    [("21:00-08:00", "21:00-08:00"), ("21:00 to 08:00", "21:00-08:00"), ("", "None")],
)
def test_quiet_hours_are_read(text: str, written: str) -> None:
    assert str(quiet_hours(text)) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("monday-wednesday", "monday, tuesday, wednesday"),
        ("Saturday - Monday", "monday, saturday, sunday"),
        ("monday, thursday-friday", "monday, thursday, friday"),
        ("tuesday", "tuesday"),
        ("", "None"),
    ],
)
def test_weekdays_are_read(text: str, written: str) -> None:
    assert str(weekdays(text)) == written


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("9pm-8am", "found '9pm-8am'; expected hours such as 21:00-08:00"),
        ("08:00-08:00", "nothing could ever be sent"),
        (21, "found 21; expected hours"),
    ],
)
def test_wrong_hours_are_said(value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        quiet_hours(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("mon-fri", "found 'mon'; expected days such as monday-friday; did you mean monday?"),
        ("mondey", "did you mean monday?"),
        (5, "found 5; expected days"),
    ],
)
def test_wrong_days_are_said(value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        weekdays(value)
