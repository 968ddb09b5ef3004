"""Promotion: the first model, the same recipe on newer data, a better recipe; nothing else."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from recmail.evaluate.cut import HeldOut, hold_out
from recmail.evaluate.metrics import accuracy, lists
from recmail.evaluate.promotion import Verdict, judge
from recmail.recommend.ease import Ease
from recmail.recommend.ease import Settings as EaseSettings
from recmail.recommend.item_knn import ItemKnn
from recmail.recommend.models import Recipe
from tests.shards import make_triples

EASE = EaseSettings(30)


def held() -> HeldOut:
    """Everybody takes 8 of the 10 courses of one of four kinds."""
    random = np.random.default_rng(1)
    rows = [
        (person, int(course) + person % 4 * 10, 3.0)
        for person in range(120)
        for course in random.permutation(10)[:8]
    ]
    return hold_out(make_triples(rows), courses=40, relevant_from=0)


def recipe(auto: str = "ease", settings: Any = EASE, data_hash: str = "old") -> Recipe:
    return Recipe("20261101-ease", auto, asdict(settings), data_hash)


def verdict(
    incumbent: Recipe | None,
    *,
    winner: str = "ease",
    settings: Any = EASE,
    data_hash: str = "new",
    ndcg: np.ndarray | None = None,
    insists: bool = False,
) -> Verdict:
    return judge(
        winner,
        settings,
        data_hash=data_hash,
        incumbent=incumbent,
        ndcg=ndcg,
        held=held(),
        seed=1,
        insists=insists,
    )


def ndcg_of_ease() -> np.ndarray:
    cut = held()
    fitted = Ease.fit(cut.earlier, courses=40, seed=1, settings=EASE)
    return accuracy(lists(fitted.score, cut))["ndcg_at_10"]


def test_the_first_model_is_used() -> None:
    assert verdict(None) == Verdict(True, None, "campaigns use it: it is the first model")


def test_the_same_recipe_on_newer_data_is_used() -> None:
    found = verdict(recipe())
    assert (found.promoted, found.recipe) == (True, None)
    assert "made like 20261101-ease, from newer data" in found.words


def test_the_same_recipe_on_the_same_data_is_nothing_new() -> None:
    found = verdict(recipe(), data_hash="old")
    assert not found.promoted
    assert "campaigns stay with 20261101-ease: nothing is new since" in found.words


def test_a_better_recipe_is_used_even_on_the_same_data() -> None:
    found = verdict(Recipe("20261101-popular", "popular", {}, "old"), data_hash="old", ndcg=ndcg_of_ease())
    assert (found.promoted, found.recipe) == (True, None)
    assert "ease against popular of 20261101-popular: +0." in found.words


def test_one_that_is_not_surely_better_leaves_the_recipe_but_not_the_data() -> None:
    found = verdict(recipe(), settings=EaseSettings(31), ndcg=ndcg_of_ease())
    assert found.promoted
    assert found.recipe == recipe()
    assert "+0.0000 nDCG@10 (+0.0000 to +0.0000), not surely better" in found.words


def test_a_worse_one_on_the_same_data_changes_nothing() -> None:
    worse = ndcg_of_ease() - 0.1
    found = verdict(recipe(data_hash="new"), winner="item_knn", settings=ItemKnn.choices[0], ndcg=worse)
    assert (found.promoted, found.recipe) == (False, None)
    assert "campaigns stay with 20261101-ease: item_knn against ease" in found.words
    assert found.words.endswith(", worse")


def test_who_asks_for_a_scorer_gets_it_fitted_but_not_used_when_it_is_no_better() -> None:
    found = verdict(recipe(), winner="svd", settings=EASE, ndcg=ndcg_of_ease(), insists=True)
    assert (found.promoted, found.recipe) == (False, None)


def test_with_too_little_data_to_measure_the_recipe_stays() -> None:
    found = verdict(recipe(), winner="svd", settings=EASE)
    assert (found.promoted, found.recipe) == (True, recipe())
    assert "too little data to tell whether svd is better" in found.words


def test_a_recipe_that_nobody_can_make_any_more_gives_way() -> None:
    for old in (Recipe("v", "gone", {}, "old"), Recipe("v", "ease", {"strength_of_old": 3}, "old")):
        found = verdict(old, ndcg=ndcg_of_ease())
        assert (found.promoted, found.recipe) == (True, None)
        assert "the recipe of v cannot be made any more" in found.words
