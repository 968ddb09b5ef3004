"""Item-kNN: cosines by hand, and no more neighbours than were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.recommend.item_knn import ItemKnn, Settings
from tests.contracts import ScorerContract
from tests.shards import make_triples, two_tastes


class TestItemKnn(ScorerContract):
    scorer = ItemKnn


def likeness(rows: list[tuple[int, int, float]], courses: int, settings: Settings) -> np.ndarray:
    found: np.ndarray = ItemKnn.fit(
        make_triples(rows), courses=courses, seed=1, settings=settings
    ).likeness.toarray()
    return found


def test_cosines_by_hand() -> None:
    """Grades 4 and 2 are shares of 1 and .5; course 1 has person 0, and person 1 by half.

    Lengths of the columns: sqrt(2), sqrt(1.25), 1. Together: 0 and 1: 1.5; 0 and 2: 1; 1 and 2: .5.
    """
    rows = [(0, 0, 4.0), (1, 0, 4.0), (0, 1, 4.0), (1, 1, 2.0), (1, 2, 4.0)]
    found = likeness(rows, 3, Settings(neighbours=9, shrink=1))
    assert found[0, 1] == pytest.approx(1.5 / (np.sqrt(2 * 1.25) + 1))
    assert found[0, 2] == pytest.approx(1 / (np.sqrt(2) + 1))
    assert found[1, 2] == pytest.approx(0.5 / (np.sqrt(1.25) + 1))
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_each_course_keeps_its_nearest(seed: int, neighbours: int) -> None:
    random = np.random.default_rng(seed)
    table = np.triu(random.integers(1, 6, (9, 7))) + np.eye(9, 7, dtype=int)
    people, courses = np.nonzero(table)
    rows = [(p, c, float(table[p, c])) for p, c in zip(people.tolist(), courses.tolist(), strict=True)]
    whole = likeness(rows, 7, Settings(neighbours=7, shrink=1))
    few = likeness(rows, 7, Settings(neighbours=neighbours, shrink=1))
    for column in range(7):
        nearest = np.sort(whole[:, column])[::-1][:neighbours]
        assert np.sort(few[:, column])[::-1][:neighbours].tolist() == nearest.tolist()
        assert np.count_nonzero(few[:, column]) == np.count_nonzero(nearest)


def test_more_courses_than_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ItemKnn.fit(two_tastes(), courses=12, seed=1).likeness.toarray()
    monkeypatch.setattr("recmail.recommend.item_knn.COLUMNS_AT_ONCE", 3)
    assert np.array_equal(ItemKnn.fit(two_tastes(), courses=12, seed=1).likeness.toarray(), whole)
