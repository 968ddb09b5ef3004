"""A blend: standard scores by hand, members by name, reasons from the additive one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recmail.errors import ConfigError
from recmail.recommend.blend import Blend, Settings, blended, standardised
from recmail.recommend.ease import Ease
from recmail.recommend.popular import Popular
from recmail.records import GradedTriples
from tests.contracts import ScorerContract
from tests.shards import two_tastes

KNN_AND_EASE = Settings({"item_knn": 1.0, "ease": 0.5})


@dataclass(frozen=True)
class KnnAndEase(Blend):
    """A blend of two that are a sum over the history, fitted like any scorer."""

    @classmethod
    def fit(
        cls, triples: GradedTriples, *, courses: int, seed: int, settings: Settings = KNN_AND_EASE
    ) -> KnnAndEase:
        blend = Blend.fit(triples, courses=courses, seed=seed, settings=settings)
        return cls(blend.members, blend.settings)


class TestBlend(ScorerContract):
    scorer = KnnAndEase

    def test_weights_add_up_to_the_score(self) -> None:
        """The weights are those of the member that gives the reasons."""
        blend = self.fitted()
        taken, offered = (array.ravel() for array in np.indices((12, 12)))
        assert np.array_equal(
            blend.weights(taken, offered), blend.members["item_knn"].weights(taken, offered)
        )


def row(*scores: float) -> np.ndarray:
    return np.array([scores], dtype=np.float32)


def test_scores_are_counted_in_standard_deviations() -> None:
    """1, 3, 5 and 7: mean 4, variance (9 + 1 + 1 + 9) / 4 = 5."""
    found = standardised(row(1, 3, float("-inf"), 5, 7))[0]
    root = 5**0.5
    assert found.tolist() == pytest.approx([-3 / root, -1 / root, float("-inf"), 1 / root, 3 / root])


def test_where_all_are_equal_nothing_is_said() -> None:
    assert standardised(row(0.1, 0.1, 0.1, float("-inf")))[0].tolist() == [0, 0, 0, float("-inf")]
    assert np.isneginf(standardised(row(float("-inf"), float("-inf")))).all()


@given(
    st.lists(st.integers(-5, 5), min_size=2, max_size=9),
    st.floats(0.1, 10),
    st.floats(-10, 10),
)
@settings(max_examples=100, deadline=None)
def test_unit_and_offset_of_a_member_do_not_matter(scores: list[int], factor: float, offset: float) -> None:
    plain, moved = row(*scores), np.float32(factor) * row(*scores) + np.float32(offset)
    assert np.abs(standardised(plain) - standardised(moved)).max() < 1e-3


def test_a_heavier_member_wins() -> None:
    standard: Mapping[str, np.ndarray] = {
        "a": standardised(row(1, 2, float("-inf"))),
        "b": standardised(row(2, 1, float("-inf"))),
    }
    assert blended(standard, {"a": 1.0, "b": 0.25})[0].tolist() == [-0.75, 0.75, float("-inf")]
    assert blended(standard, {"a": 0.25, "b": 1.0})[0].argmax() == 0


def test_a_member_without_weight_only_gives_the_reasons() -> None:
    popular, ease = (scorer.fit(two_tastes(), courses=12, seed=1) for scorer in (Popular, Ease))
    blend = Blend({"popular": popular, "ease": ease}, Settings({"popular": 1.0, "ease": 0.0}))
    grades = sparse.csr_array(np.array([[3.0] * 3 + [0.0] * 9], dtype=np.float32))
    expected = standardised(popular.score(grades)).astype(np.float32)
    assert np.array_equal(blend.score(grades), expected)
    pair = np.array([0]), np.array([1])
    assert blend.weights(*pair) == ease.weights(*pair) != 0


def test_without_an_additive_member_there_are_no_reasons() -> None:
    blend = Blend.fit(two_tastes(), courses=12, seed=1, settings=Settings({"popular": 1.0}))
    assert blend.weights(np.array([0]), np.array([1])) is None


def test_members_keep_their_own_settings() -> None:
    chosen = Settings({"ease": 1.0}, {"ease": {"strength": 7.0}})
    blend = Blend.fit(two_tastes(), courses=12, seed=1, settings=chosen)
    assert blend.params()["members"]["ease"]["settings"] == {"strength": 7.0}


def test_an_unknown_member_is_named() -> None:
    with pytest.raises(ConfigError, match="there is no 'eaze'; did you mean ease"):
        Blend.fit(two_tastes(), courses=12, seed=1, settings=Settings({"eaze": 1.0}))
