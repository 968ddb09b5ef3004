"""Surprise's SVD: its factors and its estimates are Surprise's own, people are folded in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import surprise
from scipy import sparse

from recmail.errors import ModelError
from recmail.recommend.histories import PEOPLE_AT_ONCE, in_blocks
from recmail.recommend.svd import (
    ArrayTrainset,
    SampledTrainset,
    Settings,
    Svd,
    fit_surprise,
)
from tests.contracts import ScorerContract
from tests.shards import make_triples, two_tastes

SMALL = Settings(learning_rate=0.1, regularization=0.03, factors=4, ridge=1.0)


class TestSvd(ScorerContract):
    scorer = Svd


def ratings(people: int = 40, items: int = 15, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs sorted by user; users and items numbered by first appearance, as Surprise numbers them."""
    random = np.random.default_rng(seed)
    user, item = np.nonzero(random.random((people, items)) < 0.4)
    order = np.lexsort((random.random(len(user)), user))
    return (
        pd.factorize(user[order])[0],
        pd.factorize(item[order])[0],
        random.integers(1, 6, len(user)).astype(np.float64),
    )


def test_factors_are_those_of_surprise_with_its_own_trainset() -> None:
    users, items, given = ratings()
    frame = pd.DataFrame({"user": users, "item": items, "rating": given})
    reader = surprise.Reader(rating_scale=(1, 5))
    own = surprise.Dataset.load_from_df(frame, reader).build_full_trainset()
    settings = Settings(learning_rate=0.03, regularization=0.01)
    theirs = surprise.SVD(
        n_factors=64, n_epochs=20, lr_all=0.03, reg_all=0.01, biased=False, random_state=7
    ).fit(own)
    ours = fit_surprise(ArrayTrainset(users, items, given), settings, 7)
    assert np.array_equal(ours.qi, theirs.qi)
    assert np.array_equal(ours.pu, theirs.pu)


def test_scores_equal_surprises_estimate_for_surprises_own_user_vector() -> None:
    users, items, given = ratings()
    algorithm = fit_surprise(SampledTrainset(users, items, given, negatives=10, seed=1), SMALL, 1)
    (scores,) = in_blocks(algorithm.pu, algorithm.qi.astype(np.float64))
    estimates = [[algorithm.estimate(user, item) for item in range(15)] for user in range(40)]
    assert np.abs(scores - np.array(estimates)).max() < 1e-9


def test_what_is_kept_are_the_item_factors_of_the_fit() -> None:
    pairs = two_tastes()
    svd = Svd.fit(pairs, courses=12, seed=4, settings=SMALL)
    trainset = SampledTrainset(
        pairs.user_no, pairs.course_no, np.ones(len(pairs)), negatives=SMALL.negatives, seed=4
    )
    assert np.array_equal(svd.item_factors, fit_surprise(trainset, SMALL, 4).qi)


def test_a_person_is_folded_in_by_ridge_over_all_courses() -> None:
    """One factor, courses 1, 2 and 4, ridge 4: p = (1 + 4 + 16 + 4)^-1 (1 x 1) = .04; .04 x 2, .04 x 4."""
    svd = Svd(
        np.array([[1.0], [2.0], [4.0]]), np.ones(3, bool), 5.0, Settings(0.1, 0.1, factors=1, ridge=4), 0
    )
    scores = svd.score(sparse.csr_array(np.array([[5.0, 0.0, 0.0]], dtype=np.float32)))
    assert scores.tolist() == [[-np.inf, pytest.approx(0.08), pytest.approx(0.16)]]


def test_a_better_grade_pulls_more() -> None:
    """Courses 0 and 2 point one way, 1 and 3 the other."""
    factors = np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    svd = Svd(factors, np.ones(4, dtype=bool), 5.0, Settings(0.1, 0.1, factors=2), 0)
    scores = svd.score(sparse.csr_array(np.array([[5, 1, 0, 0], [1, 5, 0, 0]], dtype=np.float32)))
    assert scores[0, 2] > scores[0, 3]
    assert scores[1, 2] < scores[1, 3]


def test_negatives_are_courses_that_the_person_never_met() -> None:
    users, items, given = ratings()
    trainset = SampledTrainset(users, items, given, negatives=10, seed=1)
    rows = list(trainset.all_ratings())
    met = set(zip(users.tolist(), items.tolist(), strict=True))
    drawn = [(user, item) for user, item, rating in rows if rating == 0]
    assert not met & set(drawn)
    assert sorted((user, item) for user, item, rating in rows if rating) == sorted(met)
    # 60 % of the 15 courses are new to a person: 6 of 10 draws count.
    assert 5 < len(drawn) / len(met) < 7


def test_each_epoch_draws_other_negatives_and_a_seed_repeats_them() -> None:
    users, items, given = ratings()
    trainset = SampledTrainset(users, items, given, negatives=10, seed=1)
    first, second = list(trainset.all_ratings()), list(trainset.all_ratings())
    assert first != second
    assert first == list(SampledTrainset(users, items, given, negatives=10, seed=1).all_ratings())


def test_a_negative_is_no_pair_of_the_same_person_in_another_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recmail.recommend.svd.TRIPLES_AT_ONCE", 3)
    users, items, given = ratings()
    rows = list(SampledTrainset(users, items, given, negatives=10, seed=1).all_ratings())
    met = set(zip(users.tolist(), items.tolist(), strict=True))
    assert not met & {(user, item) for user, item, rating in rows if rating == 0}


def test_says_after_each_epoch_that_it_is_done() -> None:
    epochs: list[int] = []
    Svd.fit(two_tastes(), courses=12, seed=1, settings=SMALL, epoch_done=lambda: epochs.append(1))
    assert len(epochs) == SMALL.epochs


def test_all_the_same_rating_still_tells_tastes_apart() -> None:
    pairs = two_tastes()
    pairs.grade[:] = 5
    scores = Svd.fit(pairs, courses=12, seed=1, settings=SMALL).score(
        sparse.csr_array(np.array([[5.0] * 2 + [0.0] * 10], dtype=np.float32))
    )
    assert scores[0, 2:5].min() > scores[0, 5:10].max()


def test_a_person_scores_the_same_whatever_the_block_of_the_product() -> None:
    """More people than one matrix product takes, and real widths: last bits would differ by shape."""
    random = np.random.default_rng(3)
    svd = Svd(random.normal(size=(1_001, 64)), np.ones(1_001, dtype=bool), 5.0, Settings(0.1, 0.1), 0)
    grades = sparse.csr_array((random.random((PEOPLE_AT_ONCE + 45, 1_001)) < 0.01).astype(np.float32))
    whole = svd.score(grades)
    order = random.permutation(grades.shape[0])
    assert np.array_equal(svd.score(grades[order]), whole[order])
    for row in (0, 100, PEOPLE_AT_ONCE - 1, PEOPLE_AT_ONCE, PEOPLE_AT_ONCE + 44):
        assert np.array_equal(svd.score(grades[[row]])[0], whole[row])


def test_scores_are_not_clipped() -> None:
    """Factor 20 x 1 / (20^2 + 40^2 + 50) = 20 / 2050; 40 p = .39 for grade 1, 20 times that for grade 20."""
    svd = Svd(np.array([[20.0], [40.0]]), np.ones(2, dtype=bool), 1.0, Settings(0.1, 0.1, factors=1), 0)
    scores = svd.score(sparse.csr_array(np.array([[1.0, 0.0], [20.0, 0.0]], dtype=np.float32)))
    assert scores[:, 1].tolist() == [pytest.approx(800 / 2050), pytest.approx(16_000 / 2050)]


def test_a_fit_that_runs_away_is_refused() -> None:
    with pytest.raises(ModelError, match="did not converge"):
        Svd.fit(two_tastes(), courses=12, seed=1, settings=Settings(50.0, 0.01, factors=4))


def test_large_seeds_are_accepted() -> None:
    assert Svd.fit(make_triples([(0, 0, 3), (1, 1, 3)]), courses=2, seed=2**63 - 1).seed == 2**63 - 1
