"""Choosing: the best of the choices, a blend only when it is worth it, and what could not be fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recmail.errors import ModelError
from recmail.evaluate.cut import HeldOut, hold_out
from recmail.evaluate.metrics import accuracy, lists
from recmail.evaluate.tune import BLEND, steps_to_tune, tune
from recmail.recommend.blend import Blend
from recmail.recommend.ease import Ease
from recmail.recommend.item_knn import ItemKnn
from recmail.recommend.item_knn import Settings as KnnSettings
from tests.shards import make_triples


def tastes(people: int = 120, courses: int = 40, kinds: int = 4) -> HeldOut:
    """Everybody takes 8 of the 10 courses of one kind, in an order of their own."""
    random = np.random.default_rng(1)
    rows = [
        (person, int(course) + person % kinds * 10, 3.0)
        for person in range(people)
        for course in random.permutation(10)[:8]
    ]
    return hold_out(make_triples(rows), courses=courses, relevant_from=0)


def test_takes_the_best_of_a_scorers_choices() -> None:
    held = tastes()
    tuned = tune(held, ["item_knn", "popular"], seed=1)
    means = {
        choice: accuracy(lists(ItemKnn.fit(held.earlier, courses=40, seed=1, settings=choice).score, held))[
            "ndcg_at_10"
        ].mean()
        for choice in ItemKnn.choices
    }
    assert tuned.ndcg["item_knn"] == pytest.approx(means[tuned.settings["item_knn"]])
    assert tuned.ndcg["item_knn"] >= means[ItemKnn.choices[len(ItemKnn.choices) // 2]]
    assert tuned.winner == "item_knn"


def test_climbs_from_the_middle_to_the_best_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """One neighbour is too few and a hundred are enough: the last is the best, the first is never tried."""
    choices = tuple(KnnSettings(neighbours, 5) for neighbours in (2, 1, 3, 6, 100))
    monkeypatch.setattr(ItemKnn, "choices", choices)
    fitted: list[Any] = []
    fit = ItemKnn.fit.__func__  # type: ignore[attr-defined]

    def noting(cls: type[ItemKnn], *args: Any, settings: KnnSettings, **named: Any) -> ItemKnn:
        fitted.append(settings.neighbours)
        return fit(cls, *args, settings=settings, **named)

    monkeypatch.setattr(ItemKnn, "fit", classmethod(noting))
    tuned = tune(tastes(), ["item_knn"], seed=1)
    assert fitted[:3] == [3, 1, 6]
    assert 2 not in fitted
    assert tuned.settings["item_knn"].neighbours in (6, 100)


def test_says_so_when_a_blend_adds_nothing() -> None:
    """Two scorers that find all there is to find: nothing is left to gain."""
    tuned = tune(tastes(), ["ease", "item_knn", "popular"], seed=1)
    assert tuned.winner in ("ease", "item_knn")
    assert BLEND not in tuned.settings
    assert tuned.blend_adds.startswith("the blend adds nothing sure: ")


def two_halves(seed: int = 3) -> HeldOut:
    """Two kinds of hints: pairs of courses that go together, and two large tastes."""
    random = np.random.default_rng(seed)
    rows = []
    for person in range(400):
        base = 30 * (person % 2)
        liked = random.permutation(30)[:5] + base
        rows += [(person, int(course), 3.0) for course in liked]
    return hold_out(make_triples(rows), courses=60, relevant_from=0)


def test_a_blend_that_is_chosen_is_better_on_the_validation_cut() -> None:
    held = two_halves()
    tuned = tune(held, ["ease", "item_knn", "popular"], seed=1)
    if tuned.winner != BLEND:
        assert "adds nothing sure" in tuned.blend_adds
        return
    blend = Blend.fit(held.earlier, courses=60, seed=1, settings=tuned.settings[BLEND])
    assert accuracy(lists(blend.score, held))["ndcg_at_10"].mean() == pytest.approx(tuned.ndcg[BLEND])
    assert tuned.ndcg[BLEND] > max(tuned.ndcg["ease"], tuned.ndcg["item_knn"])


def test_what_does_not_fit_into_memory_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recmail.recommend.ease.available_bytes", lambda: 10)
    tuned = tune(tastes(), ["ease", "item_knn", "popular"], seed=1)
    assert "ease" not in tuned.settings
    assert "0.0 GB are free" in tuned.left_out["ease"]
    assert tuned.winner == "item_knn"


def test_without_a_personal_scorer_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recmail.recommend.ease.available_bytes", lambda: 10)
    with pytest.raises(ModelError, match="GB are free"):
        tune(tastes(), ["ease", "popular"], seed=1)


def test_a_scorer_without_reasons_gets_them_from_the_best_that_has_some() -> None:
    pytest.importorskip("implicit", reason="needs implicit: pip install implicit")
    tuned = tune(tastes(), ["als", "popular"], seed=1)
    assert tuned.winner == "als"
    with_ease = tune(tastes(), ["als", "ease"], seed=1)
    if with_ease.winner == BLEND:
        weights = with_ease.settings[BLEND].weights
        assert set(weights) == {"als", "ease"}


def test_counts_its_steps() -> None:
    steps: list[int] = []
    names = ["ease", "item_knn", "popular", "trending"]
    tune(tastes(), names, seed=1, step=lambda: steps.append(1))
    assert len(steps) == steps_to_tune(names) == len(Ease.choices) + len(ItemKnn.choices) + 1 + 2 + 1
