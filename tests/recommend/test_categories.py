"""Which categories people deal with."""

from __future__ import annotations

import numpy as np

from recmail.recommend.categories import category_names, interest
from tests.shards import make_catalogue, make_shard

CATALOGUE = make_catalogue(4, category_no=[0, 1, 0, -1], category=["Data", "Art", " data", None])


def test_grades_add_up_by_category() -> None:
    found = interest(make_shard([[1, 0, 3, 5], [0, 0, 0, 0]]), CATALOGUE)
    assert found.tolist() == [[4, 0], [0, 0]]
    assert found.dtype == np.float32


def test_a_category_is_named_as_its_first_course_spells_it() -> None:
    assert category_names(CATALOGUE) == ["Data", "Art"]


def test_no_categories_and_nobody() -> None:
    assert interest(make_shard([[1]]), make_catalogue(1, category_no=[-1])).shape == (1, 0)
    assert category_names(make_catalogue(1, category_no=[-1])) == []
