"""Words of reasons."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from recmail.recommend.words import day, learners, shortened


def test_a_long_title_is_cut_between_words() -> None:
    assert shortened("SQL from Zero to Useful") == "SQL from Zero to Useful"
    assert shortened("Window Functions, Finally", 18) == "Window Functions…"
    assert shortened("Window Functions, Finally", 17) == "Window…"
    assert shortened("Donaudampfschifffahrt", 10) == "Donaudamp…"


@given(st.text(), st.integers(2, 60))
def test_it_is_never_longer_than_asked(title: str, at_most: int) -> None:
    assert len(shortened(title, at_most)) <= at_most


def test_days_and_counts() -> None:
    assert day(datetime(2026, 3, 3, tzinfo=UTC)) == "3 March 2026"
    assert (learners(1), learners(1204)) == ("1 learner", "1,204 learners")
