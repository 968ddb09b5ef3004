"""Implicit's ALS: people folded in get the factors that the normal equations give."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("implicit", reason="needs implicit: pip install implicit")

from recmail.errors import ModelError
from recmail.recommend.als import Als, Settings
from tests.contracts import ScorerContract
from tests.shards import two_tastes


class TestAls(ScorerContract):
    scorer = Als


def test_people_are_folded_in_by_the_normal_equations() -> None:
    """(Y'Y + Y'(C - I)Y + reg I) p = Y'C 1, C being the confidence of what was met, 1 elsewhere.

    Implicit counts what was met with confidence x grade, and not once more on top of it (C - I = c - 1).
    """
    random = np.random.default_rng(3)
    factors = random.normal(size=(6, 4)).astype(np.float32)
    als = Als(factors, np.ones(6, dtype=bool), 5.0, Settings(0.5, 10.0, factors=4), 0)
    grades = np.array([[5, 0, 1, 0, 0, 0], [0, 3, 3, 3, 0, 0]], dtype=np.float32)
    scores = als.score(sparse.csr_array(grades))
    for row, history in enumerate(grades):
        met = np.flatnonzero(history)
        confidence = 10 * history[met] / 5
        mine = factors[met]
        left = factors.T @ factors + (mine.T * (confidence - 1)) @ mine + 0.5 * np.eye(4)
        person = np.linalg.solve(left, mine.T @ confidence)
        expected = np.where(history > 0, -np.inf, factors @ person)
        assert scores[row].tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_has_no_reasons() -> None:
    als = Als.fit(two_tastes(), courses=12, seed=1)
    assert als.weights(np.array([0]), np.array([1])) is None


def test_without_implicit_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "implicit.cpu.als", None)
    with pytest.raises(ModelError, match="als: implicit is not installed; install it with: pip install"):
        Als.fit(two_tastes(), courses=12, seed=1)
