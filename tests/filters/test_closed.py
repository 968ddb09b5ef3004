"""The filter closed: inactive, over, not out yet, or full."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from recmail.filters.closed import Closed
from recmail.history.frozen import freeze_catalogue, thaw_catalogue
from recmail.records import Catalogue
from tests.contracts import NOW, FilterContract, make_catalogue, make_shard

SECOND = timedelta(seconds=1)


class TestClosed(FilterContract):
    filter = Closed


def allowed(catalogue: Catalogue) -> list[bool]:
    table = Closed().allowed(
        make_shard([[0] * len(catalogue)]), catalogue, FilterContract().offer(personal=False)
    )
    assert table.shape == (1, len(catalogue))
    found: list[bool] = table[0].tolist()
    return found


def test_an_inactive_course_is_dropped() -> None:
    assert allowed(make_catalogue(2, active=[True, False])) == [True, False]


def test_a_course_is_over_at_its_closing_time() -> None:
    times = [NOW - SECOND, NOW, NOW + SECOND, pd.NaT]
    assert allowed(make_catalogue(4, closes_at=times)) == [False, False, True, True]


def test_a_course_is_out_at_its_publishing_time() -> None:
    times = [NOW - SECOND, NOW, NOW + SECOND, pd.NaT]
    assert allowed(make_catalogue(4, published_at=times)) == [True, True, False, True]


def test_a_course_with_all_seats_taken_is_full() -> None:
    catalogue = make_catalogue(5, seats=[30, 30, 30, None, 0], enrolled=[29, 30, 31, 10_000, 0])
    assert allowed(catalogue) == [True, False, False, True, False]


@pytest.mark.parametrize("seats", [[None, None], [2, None], [None, 2]])
def test_a_catalogue_that_a_run_froze_is_read_alike(seats: list[int | None]) -> None:
    catalogue = make_catalogue(2, seats=seats, enrolled=[5, 5], closes_at=[NOW, pd.NaT], active=[True, True])
    assert (
        allowed(thaw_catalogue(freeze_catalogue(catalogue)))
        == allowed(catalogue)
        == [False, seats[1] is None]
    )
