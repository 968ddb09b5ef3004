"""The filter unpublished: nothing before it is out."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from recmail.filters.unpublished import Unpublished
from tests.contracts import FilterContract, filtered
from tests.shards import NOW, make_catalogue, make_shard

SECOND = timedelta(seconds=1)


class TestUnpublished(FilterContract):
    filter = Unpublished


def test_a_course_is_out_at_its_publishing_time() -> None:
    catalogue = make_catalogue(4, published_at=[NOW - SECOND, NOW, NOW + SECOND, pd.NaT])
    assert filtered(Unpublished, make_shard([[0] * 4]), catalogue).tolist() == [[True, True, False, True]]
