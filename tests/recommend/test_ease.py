"""EASE: the table is Steck's, by the plain formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recmail.errors import ModelError
from recmail.recommend.ease import Ease, Settings
from tests.contracts import ScorerContract
from tests.shards import make_triples, two_tastes


class TestEase(ScorerContract):
    scorer = Ease


@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 10.0, 300.0]))
@settings(max_examples=30, deadline=None)
def test_the_table_is_that_of_the_formula(seed: int, strength: float) -> None:
    """P = (X'X + strength I)^-1, B = I - P / diag(P) (Steck 2019, equation 8)."""
    random = np.random.default_rng(seed)
    table = random.integers(0, 6, (12, 7)) * (random.random((12, 7)) < 0.7)
    table[0], table[1] = 5, 1
    people, courses = np.nonzero(table)
    rows = [(p, c, float(table[p, c])) for p, c in zip(people.tolist(), courses.tolist(), strict=True)]
    ease = Ease.fit(make_triples(rows), courses=7, seed=1, settings=Settings(strength))
    shares = table / 5
    inverse = np.linalg.inv(shares.T @ shares + strength * np.eye(7))
    assert np.abs(ease.table - (np.eye(7) - inverse / np.diag(inverse))).max() < 1e-6


def test_more_courses_than_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Ease.fit(two_tastes(), courses=12, seed=1)
    monkeypatch.setattr("recmail.recommend.ease.COLUMNS_AT_ONCE", 3)
    assert np.array_equal(Ease.fit(two_tastes(), courses=12, seed=1).table, whole.table)


def test_two_courses_by_hand() -> None:
    """Two people with both: X'X = [[2, 2], [2, 2]]; strength 2 gives P = [[4, -2], [-2, 4]] / 12, B = .5."""
    rows = [(person, course, 5.0) for person in (0, 1) for course in (0, 1)]
    ease = Ease.fit(make_triples(rows), courses=2, seed=1, settings=Settings(2))
    assert ease.table.tolist() == [[0, 0.5], [0.5, 0]]
    scores = ease.score(sparse.csr_array(np.array([[4.0, 0.0]], dtype=np.float32)))
    assert scores.tolist() == [[-np.inf, pytest.approx(0.4)]]


def test_says_what_does_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 courses x 10 courses x 12 bytes = 1,200 bytes."""
    monkeypatch.setattr("recmail.recommend.ease.available_bytes", lambda: 1_199)
    with pytest.raises(ModelError, match=r"ease: a table of 10 x 10 courses takes 0\.0 GB"):
        Ease.fit(two_tastes(), courses=12, seed=1)
    monkeypatch.setattr("recmail.recommend.ease.available_bytes", lambda: 1_200)
    assert Ease.fit(two_tastes(), courses=12, seed=1).table.shape == (10, 10)
