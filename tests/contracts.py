"""What every plug-in of a kind must do; each plug-in's test inherits the class of its kind."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import sparse

from recmail.errors import DataError, ModelError
from recmail.filters import Filter
from recmail.recommend import Scorer
from recmail.recommend.blocks import Block, BlockOptions, Options
from recmail.records import Catalogue, GradedTriples, Offer, Shard
from tests.shards import (
    NOW,
    make_catalogue,
    make_shard,
    make_triples,
    rows_of,
    small_svd,
    table_of,
    two_tastes,
)

PLUGIN_PACKAGES = ("recommend", "recommend.blocks", "filters", "history.importers")
"""Each plug-in NAME of these has a file test_NAME.py in the folder of the same name below tests/."""


class SharedScorerContract:
    """Inherit for a ranking that is the same for everybody, and say which: `scorer = Popular`."""

    scorer: type[Scorer]

    def fitted(self, triples: GradedTriples | None = None, *, courses: int = 12, seed: int = 5) -> Scorer:
        return self.scorer.fit(two_tastes() if triples is None else triples, courses=courses, seed=seed)

    def grades(self, courses: int = 12) -> sparse.csr_array:
        return table_of(two_tastes(), people=37, courses=courses)

    def test_scores_are_float32_of_people_and_courses(self) -> None:
        scores = self.fitted().score(self.grades())
        assert scores.shape == (37, 12)
        assert scores.dtype == np.float32
        assert not np.isnan(scores).any()
        assert not np.isposinf(scores).any()

    def test_the_same_seed_gives_the_same_scores(self) -> None:
        grades = self.grades()
        assert np.array_equal(self.fitted(seed=3).score(grades), self.fitted(seed=3).score(grades))

    def test_the_order_of_the_pairs_does_not_matter(self) -> None:
        pairs = two_tastes()
        order = np.random.default_rng(0).permutation(len(pairs))
        shuffled = GradedTriples(
            *(getattr(pairs, name)[order] for name in ("user_no", "course_no", "grade", "at"))
        )
        assert np.array_equal(self.fitted().score(self.grades()), self.fitted(shuffled).score(self.grades()))

    def test_a_person_scores_the_same_in_any_shard(self) -> None:
        scorer, grades = self.fitted(), self.grades()
        whole = scorer.score(grades)
        for size in (1, 2, 7, 36):
            parts = [scorer.score(grades[start : start + size]) for start in range(0, 37, size)]
            assert np.array_equal(np.vstack(parts), whole)
        assert np.array_equal(scorer.score(grades[::-1]), whole[::-1])

    def test_who_has_no_history_has_no_score(self) -> None:
        scores = self.fitted().score(sparse.csr_array((3, 12), dtype=np.float32))
        assert np.isneginf(scores).all()

    def test_who_only_met_an_unknown_course_has_no_score(self) -> None:
        grades = np.zeros((1, 12), dtype=np.float32)
        grades[0, 11] = 3
        assert np.isneginf(self.fitted().score(sparse.csr_array(grades))).all()

    def test_new_and_unknown_courses_have_no_score(self) -> None:
        scorer = self.fitted()
        scores = scorer.score(self.grades(courses=15))
        assert scorer.known.tolist() == [True] * 10 + [False] * 2
        assert (np.isfinite(scores[:, :10]) | (self.grades().toarray()[:, :10] > 0)).all()
        assert np.isneginf(scores[:, 10:]).all()

    def test_who_has_only_hints_has_scores_and_is_offered_what_they_are_of(self) -> None:
        nothing, hints = np.zeros((2, 12), dtype=np.float32), np.zeros((2, 12), dtype=np.float32)
        hints[0, [0, 11]] = 0.5
        scores = self.fitted().score(sparse.csr_array(nothing), sparse.csr_array(hints))
        assert np.isfinite(scores[0, :10]).all()
        assert np.isneginf(scores[0, 10:]).all()
        assert np.isneginf(scores[1]).all()

    def test_a_hint_of_a_course_that_was_met_changes_nothing(self) -> None:
        scorer, grades = self.fitted(), self.grades()
        less = sparse.csr_array(grades * np.float32(0.5))
        for hints in (less, sparse.csr_array(grades.shape, dtype=np.float32)):
            assert np.array_equal(scorer.score(grades, hints), scorer.score(grades))

    def test_what_the_person_met_has_no_score_however_they_met_it(self) -> None:
        grades = np.zeros((1, 12), dtype=np.float32)
        grades[0, :3] = [1, 3, 5]
        scores = self.fitted().score(sparse.csr_array(grades))
        assert np.isneginf(scores[0, :3]).all()
        assert np.isfinite(scores[0, 3:10]).all()

    def test_weights_add_up_to_the_score(self) -> None:
        scorer, grades = self.fitted(), self.grades(courses=15)
        scores = scorer.score(grades)
        people, courses = np.nonzero(np.isfinite(scores))
        rows, taken = grades.nonzero()
        pair, history = np.nonzero(people[:, np.newaxis] == rows)
        weights = scorer.weights(taken[history], courses[pair])
        if weights is None:
            return
        assert weights.dtype == np.float32
        added = np.bincount(pair, weights=weights * grades.data[history], minlength=len(people))
        assert np.abs(added - scores[people, courses]).max() < 1e-5

    def test_what_is_not_known_weighs_nothing(self) -> None:
        weights = self.fitted().weights(np.array([0, 11, 20, 0, 0]), np.array([11, 0, 0, 20, 12]))
        assert weights is None or not weights.any()

    def test_stored_and_loaded_it_scores_the_same(self) -> None:
        scorer = self.fitted()
        parts = {}
        for name, array in scorer.parts().items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            parts[name] = np.load(io.BytesIO(buffer.getvalue()), allow_pickle=False)
        again = self.scorer.from_parts(parts, json.loads(json.dumps(scorer.params())))
        assert np.array_equal(again.score(self.grades()), scorer.score(self.grades()))

    def test_keeps_no_person(self) -> None:
        """37 people, 12 courses: no stored array may grow with the people."""
        assert all(37 not in array.shape for array in self.fitted().parts().values())

    def test_scoring_leaves_the_grades_as_they_were(self) -> None:
        grades = self.grades()
        before = grades.copy()
        self.fitted().score(grades)
        assert (grades != before).nnz == 0

    def test_grades_of_zero_are_no_history(self) -> None:
        grades = sparse.csr_array((np.zeros(1, np.float32), ([0], [2])), shape=(1, 12))
        assert np.isneginf(self.fitted().score(grades)).all()

    def test_a_pair_given_twice_counts_once(self) -> None:
        rows = [(user, course, 3.0) for user in range(4) for course in range(4) if (user + course) % 3]
        once, twice = make_triples(rows), make_triples([*rows, *rows])
        grades = table_of(once, people=4, courses=4)
        assert np.array_equal(
            self.fitted(once, courses=4).score(grades), self.fitted(twice, courses=4).score(grades)
        )

    @pytest.mark.parametrize(
        "rows",
        [[], [(0, 0, 3), (0, 1, 3)], [(0, 0, 3), (1, 0, 3)], [(0, 0, 0), (1, 1, 0)]],
        ids=["nothing", "one person", "one course", "no grade above 0"],
    )
    def test_too_little_to_learn_from_is_said(self, rows: list[tuple[int, int, float]]) -> None:
        with pytest.raises(ModelError, match="at least 2 people and 2 courses"):
            self.fitted(make_triples(rows), courses=2)

    def test_grades_that_are_no_numbers_are_refused(self) -> None:
        with pytest.raises(DataError, match="not a number"):
            self.fitted(make_triples([(0, 0, 3), (1, 1, np.nan)]), courses=2)
        grades = self.grades()
        grades.data[4] = np.nan
        with pytest.raises(DataError, match="not a number"):
            self.fitted().score(grades)

    def test_everybody_took_everything(self) -> None:
        rows = [(user, course, 3.0) for user in range(3) for course in range(3)]
        scores = self.fitted(make_triples(rows), courses=3).score(
            table_of(make_triples(rows), people=3, courses=3)
        )
        assert np.isneginf(scores).all()


class ScorerContract(SharedScorerContract):
    """Inherit, and say which scorer: `scorer = Svd`."""

    def test_finds_what_people_of_one_taste_share(self) -> None:
        scores = self.fitted().score(self.grades())
        met = self.grades().toarray() > 0
        best = np.where(met, -np.inf, scores).argmax(axis=1)
        assert best.tolist() == [(row // 2 % 5) + (0 if row % 2 == 0 else 5) for row in range(37)]

    def test_a_hint_counts_as_interest(self) -> None:
        hints = np.zeros((2, 12), dtype=np.float32)
        hints[0, 0] = hints[1, 5] = 0.5
        nothing = sparse.csr_array(hints.shape, dtype=np.float32)
        scores = self.fitted().score(nothing, sparse.csr_array(hints))
        assert scores[0, 1:5].min() > scores[0, 5:10].max()
        assert scores[1, 6:10].min() > scores[1, 0:5].max()

    def test_a_click_of_today_counts_without_a_refit(self) -> None:
        grades = np.zeros((2, 12), dtype=np.float32)
        grades[0, [0, 1]] = 3
        grades[1, [5, 6]] = 3
        scores = self.fitted().score(sparse.csr_array(grades))
        assert scores[0, 2:5].min() > scores[0, 5:10].max()
        assert scores[1, 7:10].min() > scores[1, 0:5].max()


class OptionsContract:
    """Inherit for a block without courses, and say which: `block = Text`, `options = {"text": "Hello"}`."""

    block: type[Options]
    options: ClassVar[Mapping[str, Any]] = {}  # what has no default

    def test_the_scalar_is_one_of_its_options(self) -> None:
        assert self.block.scalar in self.block.model_fields

    def test_an_unknown_option_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="Extra inputs"):
            self.block(**{**self.options, "shwo": 3})

    def test_every_option_is_described(self) -> None:
        assert all(field.description for field in self.block.model_fields.values())

    def test_has_a_docstring_for_people_who_write_campaigns(self) -> None:
        assert self.block.__doc__


class BlockContract(OptionsContract):
    """Inherit for a block of courses, and say which: `block = TopPicks`."""

    catalogue = make_catalogue(
        14,
        category_no=[0] * 5 + [1] * 5 + [-1] * 4,
        category=["Data"] * 5 + ["Design"] * 5 + [None] * 4,
        enrolled=[40 + number for number in range(14)],
        enrolled_90d=[20 + number % 3 for number in range(14)],
        enrolled_14d=[18 if number % 4 == 0 else 2 for number in range(14)],
        title=[f"Course {number} of a catalogue with long and winding titles" for number in range(14)],
        level=["beginner", "advanced"] * 6 + [None, "all"],
        tags=[["sql", f"tag {number % 2}"] for number in range(14)],
        published_at=[NOW - timedelta(days=40 * (number % 5) + number) for number in range(14)],
        staff_pick=[number % 3 == 0 for number in range(14)],
    )

    def shard(self) -> Shard:
        """37 people of two tastes, one without a history, one who took a course and wants nothing personal.

        Every third has seen one course more, and searched.
        """
        table = table_of(two_tastes(), people=37, courses=14).toarray()
        table[::3, 11] = 1
        table = np.vstack([table, np.zeros((2, 14))])
        taken = table >= 3
        taken[38, 2] = True
        return make_shard(
            table,
            taken=taken,
            personalization=[True] * 38 + [False],
            searches=[
                (row, text) for row in range(0, 37, 3) for text in ("winding titles", f"tag {row % 2}")
            ],
        )

    def offer(self, shard: Shard) -> Offer:
        block = self.block(**self.options)
        assert isinstance(block, Block)
        svd = small_svd()
        return block.offer(shard, self.catalogue, {"svd": svd, "auto": svd})

    def test_offers_a_float32_score_for_each_course(self) -> None:
        offer = self.offer(self.shard())
        assert offer.score.dtype == np.float32
        assert offer.score.shape in [(39, 14), (1, 14)]
        assert not np.isnan(offer.score).any()
        assert not np.isposinf(offer.score).any()

    def test_what_is_the_same_for_all_is_not_called_personal(self) -> None:
        offer = self.offer(self.shard())
        assert len(offer.score) == 39 or not offer.personal

    def test_a_person_gets_the_same_offer_in_any_shard(self) -> None:
        shard = self.shard()
        whole = self.offer(shard)
        for start in range(0, 39, 13):
            part = self.offer(rows_of(shard, slice(start, start + 13)))
            mine = whole.score if len(whole.score) == 1 else whole.score[start : start + 13]
            assert np.array_equal(part.score, mine)
            place, courses = np.arange(13), np.arange(13)
            assert part.reasons(place, courses) == whole.reasons(place + start, courses)

    def test_gives_a_short_reason_for_each_pair(self) -> None:
        offer = self.offer(self.shard())
        rows, courses = np.nonzero(np.broadcast_to(offer.score, (39, 14)) > -np.inf)
        reasons = offer.reasons(rows, courses)
        assert len(reasons) == len(rows) > 0
        assert all(isinstance(reason, str) and len(reason) <= 80 for reason in reasons)
        assert all(reason == reason.strip() and not reason.endswith(".") for reason in reasons)
        assert all(reason[0].isupper() or reason[0].isdigit() for reason in reasons if reason)

    def test_no_pairs_have_no_reasons(self) -> None:
        none = np.array([], dtype=np.int64)
        assert self.offer(self.shard()).reasons(none, none) == []

    def test_a_shard_without_people_is_no_error(self) -> None:
        offer = self.offer(rows_of(self.shard(), slice(0, 0)))
        assert offer.score.shape in [(0, 14), (1, 14)]

    def test_who_has_no_history_gets_nothing_personal(self) -> None:
        offer = self.offer(self.shard())
        assert not offer.personal or np.isneginf(offer.score[37:]).all()


def filtered(
    kind: type[Filter], shard: Shard, catalogue: Catalogue, *, personal: bool = True, **options: Any
) -> np.ndarray:
    """What a filter allows of an offer of everything, for a block with these options."""
    score = np.ones((len(shard) if personal else 1, len(catalogue)), dtype=np.float32)
    offer = Offer(score, lambda rows, courses: [""] * len(rows), personal)
    return kind().allowed(shard, catalogue, block=BlockOptions(**options), offer=offer)


class FilterContract:
    """Inherit, and say which filter: `filter = Closed`."""

    filter: type[Filter]
    catalogue = make_catalogue(6)

    def shard(self) -> Shard:
        return make_shard(np.eye(5, 6) * 3, personalization=[True, True, False, True, True])

    def allowed(self, shard: Shard, *, personal: bool = True) -> np.ndarray:
        return filtered(self.filter, shard, self.catalogue, personal=personal)

    @pytest.mark.parametrize("personal", [True, False])
    def test_says_yes_or_no_for_each_person_and_course(self, personal: bool) -> None:
        allowed = self.allowed(self.shard(), personal=personal)
        assert allowed.dtype == bool
        assert allowed.shape[0] in (1, 5)
        assert allowed.shape[1] in (1, 6)

    @pytest.mark.parametrize("personal", [True, False])
    def test_a_person_is_judged_the_same_in_any_shard(self, personal: bool) -> None:
        whole = np.broadcast_to(self.allowed(self.shard(), personal=personal), (5, 6))
        for row in range(5):
            alone = self.allowed(rows_of(self.shard(), slice(row, row + 1)), personal=personal)
            assert np.array_equal(np.broadcast_to(alone, (1, 6)), whole[[row]])

    def test_a_shard_without_people_is_no_error(self) -> None:
        allowed = self.allowed(rows_of(self.shard(), slice(0, 0)))
        assert allowed.shape[0] in (0, 1)
