"""Ages as people write them; what is none is refused with examples."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recmail.settings.ages import age


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("30d", 30),
        ("1 day", 1),
        ("10w", 70),
        ("13 months", 396),
        ("1 month", 30),
        ("3y", 1096),
        ("1 year", 365),
    ],
)
def test_an_age_is_read(text: str, days: int) -> None:
    assert age(text) == timedelta(days=days)


def test_without_an_age_data_stay() -> None:
    assert age("") is None


@pytest.mark.parametrize("text", ["0d", "3", "for ever", "-1d", "3m", "1.5y"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected an age such as 30d, 13 months or 3y"):
        age(text)
