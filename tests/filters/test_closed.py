"""The filter closed: inactive, or over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd

from recmail.filters.closed import Closed
from recmail.history.frozen import freeze_catalogue, thaw_catalogue
from recmail.records import Catalogue
from tests.contracts import FilterContract, filtered
from tests.shards import NOW, make_catalogue, make_shard

SECOND = timedelta(seconds=1)


class TestClosed(FilterContract):
    filter = Closed


def allowed(catalogue: Catalogue) -> list[list[bool]]:
    found: list[list[bool]] = filtered(Closed, make_shard([[0] * len(catalogue)]), catalogue).tolist()
    return found


def test_an_inactive_course_is_dropped() -> None:
    assert allowed(make_catalogue(2, active=[True, False])) == [[True, False]]


def test_a_course_is_over_at_its_closing_time() -> None:
    times = [NOW - SECOND, NOW, NOW + SECOND, pd.NaT]
    assert allowed(make_catalogue(4, closes_at=times)) == [[False, False, True, True]]


def test_a_catalogue_that_a_run_froze_is_read_alike() -> None:
    catalogue = make_catalogue(3, closes_at=[NOW, pd.NaT, pd.NaT], active=[True, True, False])
    assert allowed(thaw_catalogue(freeze_catalogue(catalogue))) == [[False, True, False]]


def test_a_course_that_closes_before_the_last_email_is_due_is_over() -> None:
    """Planned at NOW, an hour ahead."""
    catalogue = make_catalogue(
        3, closes_at=[NOW + 60 * 59 * SECOND, NOW + 3600 * SECOND, NOW + 3601 * SECOND]
    )
    shard = replace(make_shard([[0, 0, 0]]), due=NOW + 3600 * SECOND)
    assert filtered(Closed, shard, catalogue).tolist() == [[False, False, True]]
