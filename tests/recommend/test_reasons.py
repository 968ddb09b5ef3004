"""A reason is named when it is true: brute force, one pair at a time, says the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recmail.recommend import Scorer
from recmail.recommend.reasons import because, ranks_lost, strongest
from recmail.recommend.svd import Settings, Svd
from tests.shards import small_svd, table_of, two_tastes


def line(*factors: float) -> Svd:
    """One factor and a ridge so strong that a grade adds its factor times the other's, in proportion."""
    return Svd(np.array(factors)[:, np.newaxis], np.ones(len(factors), bool), 1.0, Settings(0.1, 0.1), 0)


def plane(*factors: tuple[float, float]) -> Svd:
    return Svd(np.array(factors), np.ones(len(factors), bool), 1.0, Settings(0.1, 0.1), 0)


def history(*rows: list[float]) -> sparse.csr_array:
    return sparse.csr_array(np.array(rows, dtype=np.float32))


def ask(scorer: Scorer, grades: sparse.csr_array, *pairs: tuple[int, int], strong: float = 0.2) -> list[int]:
    people, courses = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return because(scorer, grades, people, courses, strong=strong).tolist()


def test_names_the_course_that_adds_most() -> None:
    """Courses 0 and 2 point one way, 1 and 3 the other; both were taken, each brings its own kind."""
    scorer = plane((1, 0), (0, 1), (1, 0.1), (0.1, 1))
    assert ask(scorer, history([1, 1, 0, 0]), (0, 2), (0, 3)) == [0, 1]


def test_of_two_that_add_alike_a_better_grade_counts_more() -> None:
    scorer = plane((1, 0), (1, 0), (1, 0), (0, 1))
    assert ask(scorer, history([1, 3, 0, 0], [3, 1, 0, 0]), (0, 2), (1, 2), strong=0) == [-1, -1]
    taken, share = strongest(scorer, history([1, 3, 0, 0]), np.array([0]), np.array([2]))
    assert (taken.tolist(), share.tolist()) == ([1], [0.75])


def test_a_reason_without_which_nothing_changes_is_not_named() -> None:
    """Everything lies on one line: with any of the courses taken left out the order is the same."""
    assert ask(line(1, 1, 3, 2), history([1, 1, 0, 0]), (0, 2), strong=0) == [-1]


def test_a_weak_reason_is_not_named() -> None:
    """Course 0 adds 1 to course 2 and course 1 adds .5: shares of 2/3 and 1/3.

    Course 4 adds .6 to course 3, which comes before course 2 once course 0 is left out.
    """
    scorer = plane((1, 0), (0.5, 0), (1, 0), (0, 1), (0, 0.6))
    assert ask(scorer, history([1, 1, 0, 0, 1]), (0, 2), strong=0.66) == [0]
    assert ask(scorer, history([1, 1, 0, 0, 1]), (0, 2), strong=0.67) == [-1]


def test_what_speaks_against_it_does_not_make_a_reason_stronger() -> None:
    """Course 0 adds 1, course 1 adds .5, course 2 takes 1.4: the share is of 1.5, not of .1."""
    scorer = plane((1, 0), (0.5, 0), (-1.4, 0), (1, 0))
    _, share = strongest(scorer, history([1, 1, 1, 0]), np.array([0]), np.array([3]))
    assert share.tolist() == [pytest.approx(2 / 3)]


def test_the_only_course_of_a_history_is_the_reason() -> None:
    assert ask(plane((1, 0), (1, 0), (0, 1)), history([1, 0, 0]), (0, 1)) == [0]


def test_what_speaks_against_a_course_is_no_reason_for_it() -> None:
    assert ask(plane((1, 0), (-1, 0), (0, 1)), history([1, 0, 0]), (0, 1)) == [-1]


def test_without_a_history_there_is_no_reason() -> None:
    assert ask(small_svd(), sparse.csr_array((2, 12), dtype=np.float32), (0, 1), (1, 3)) == [-1, -1]


def test_a_course_the_model_does_not_know_is_neither_reason_nor_offered() -> None:
    grades = np.zeros((1, 14), dtype=np.float32)
    grades[0, [0, 11, 13]] = 3
    assert ask(small_svd(), sparse.csr_array(grades), (0, 1), (0, 12)) == [0, -1]


def test_no_pairs_have_no_reasons() -> None:
    assert ask(small_svd(), table_of(two_tastes(), people=37, courses=12)) == []


def test_the_grades_stay_as_they_were() -> None:
    grades = table_of(two_tastes(), people=37, courses=12)
    before = grades.copy()
    ask(small_svd(), grades, *((row, row % 10) for row in range(37)))
    assert (grades != before).nnz == 0


def brute_force(scorer: Svd, grades: np.ndarray, person: int, course: int, strong: float) -> int:
    """The definition, for one pair, with nothing but `score`."""
    mine = np.flatnonzero(grades[person])
    adds = {}
    for taken in mine:
        alone = np.zeros((1, grades.shape[1]))
        alone[0, taken] = grades[person, taken]
        folded = alone[0] / scorer.scale @ scorer.fold_in
        adds[int(taken)] = max(float(folded @ scorer.item_factors[course]), 0.0)
    best = max(adds, key=lambda taken: (np.float32(adds[taken]), -taken), default=-1)
    if best < 0 or adds[best] <= 0 or adds[best] / sum(adds.values()) < strong:
        return -1

    def place(history: np.ndarray) -> float:
        score = scorer.score(sparse.csr_array(history[np.newaxis]))[0]
        score[best] = -np.inf
        return float("inf") if np.isneginf(score[course]) else int((score > score[course]).sum())

    without = grades[person].copy()
    without[best] = 0
    return best if place(without) > place(grades[person]) else -1


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.2, 0.5]))
@settings(max_examples=60, deadline=None)
def test_agrees_with_brute_force(seed: int, strong: float) -> None:
    random = np.random.default_rng(seed)
    scorer = Svd(
        random.normal(size=(9, 3)), np.ones(9, bool), 5.0, Settings(0.1, 0.1, factors=3, ridge=1.0), 0
    )
    grades = (random.integers(1, 6, (4, 9)) * (random.random((4, 9)) < 0.4)).astype(np.float32)
    people, courses = np.nonzero(grades == 0)
    expected = [
        brute_force(scorer, grades, person, course, strong)
        for person, course in zip(people.tolist(), courses.tolist(), strict=True)
    ]
    assert because(scorer, sparse.csr_array(grades), people, courses, strong=strong).tolist() == expected


def test_many_pairs_are_worked_off_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    grades = table_of(two_tastes(), people=37, courses=12)
    people, courses = np.nonzero(grades.toarray()[:, :10] == 0)
    taken, _ = strongest(small_svd(), grades, people, courses)
    without = np.maximum(taken, 0)
    whole = ranks_lost(small_svd(), grades, people, courses, without=without)
    monkeypatch.setattr("recmail.recommend.reasons.ROWS_AT_ONCE", 5)
    assert np.array_equal(ranks_lost(small_svd(), grades, people, courses, without=without), whole)
    assert whole.any()


def test_scores_at_hand_are_not_computed_again() -> None:
    grades = table_of(two_tastes(), people=37, courses=12)
    people, courses = np.nonzero(grades.toarray()[:, :10] == 0)
    scores = small_svd().score(grades)
    named = because(small_svd(), grades, people, courses, scores=scores)
    assert np.array_equal(named, because(small_svd(), grades, people, courses))
    backwards = because(small_svd(), grades, people, courses, scores=-scores)
    assert not np.array_equal(named, backwards)
