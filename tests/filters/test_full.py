"""The filter full: as many people as seats."""

from __future__ import annotations

import pytest

from recmail.filters.full import Full
from recmail.history.frozen import freeze_catalogue, thaw_catalogue
from tests.contracts import FilterContract, filtered
from tests.shards import make_catalogue, make_shard


class TestFull(FilterContract):
    filter = Full


def test_a_course_with_all_seats_taken_is_full() -> None:
    catalogue = make_catalogue(5, seats=[30, 30, 30, None, 0], enrolled=[29, 30, 31, 10_000, 0])
    allowed = filtered(Full, make_shard([[0] * 5]), catalogue)
    assert allowed.tolist() == [[True, False, False, True, False]]


@pytest.mark.parametrize("seats", [[None, None], [2, None], [None, 2]])
def test_a_catalogue_that_a_run_froze_is_read_alike(seats: list[int | None]) -> None:
    catalogue = make_catalogue(2, seats=seats, enrolled=[5, 5])
    thawed = thaw_catalogue(freeze_catalogue(catalogue))
    assert filtered(Full, make_shard([[0, 0]]), thawed).tolist() == [[one is None for one in seats]]
