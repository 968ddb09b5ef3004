"""Searches as interest: what is found shares what a search is worth, and reasons stay true."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recmail.recommend.als import Als
from recmail.recommend.blocks.top_picks import TopPicks
from recmail.recommend.ease import Ease, Settings
from recmail.recommend.reasons import NO_REASON, because, ranks_lost, strongest
from recmail.recommend.searched import FOUND, hints_of
from tests.contracts import make_catalogue, make_shard, make_triples

CATALOGUE = make_catalogue(
    4,
    title=["Excel for Everyone", "Excel Charts", "Pivot Tables in Excel", "Yoga"],
    enrolled=[5, 1, 3, 9],
)


def test_what_a_search_is_worth_is_divided_over_what_it_finds() -> None:
    shard = make_shard(np.zeros((2, 4)), searches=[(0, "yoga"), (0, "excel")])
    hints = hints_of(shard, CATALOGUE)
    assert hints is not None
    assert hints.dtype == np.float32
    third = np.float32(0.5 / 3)
    assert hints.toarray()[0] == pytest.approx([third, third, third, 0.5])
    assert not hints.toarray()[1].any()


def test_of_two_searches_that_find_a_course_the_best_counts() -> None:
    shard = make_shard(np.zeros((1, 4)), searches=[(0, "excel"), (0, "pivot")])
    hints = hints_of(shard, CATALOGUE)
    assert hints is not None
    assert hints.toarray()[0, 2] == np.float32(0.5)


def test_what_the_person_met_has_no_hint() -> None:
    shard = make_shard([[1, 0, 3, 0]], searches=[(0, "excel")])
    hints = hints_of(shard, CATALOGUE)
    assert hints is not None
    assert np.flatnonzero(hints.toarray()[0]).tolist() == [1]
    assert hints_of(make_shard([[1, 1, 3, 0]], searches=[(0, "excel")]), CATALOGUE) is None


def test_no_search_that_counts_and_none_that_finds_gives_no_hints() -> None:
    assert hints_of(make_shard([[0] * 4]), CATALOGUE) is None
    assert hints_of(make_shard([[0] * 4], searches=[(0, "quantum")]), CATALOGUE) is None
    shard = make_shard([[0] * 4], searches=[(0, "excel")])
    shard.searches["grade"] = np.float32(0)
    assert hints_of(shard, CATALOGUE) is None


def test_a_search_counts_for_a_few_courses_only_those_with_the_most_learners() -> None:
    many = make_catalogue(FOUND + 5, title=["Excel"] * (FOUND + 5), enrolled=range(FOUND + 5))
    hints = hints_of(make_shard([[0] * (FOUND + 5)], searches=[(0, "excel")]), many)
    assert hints is not None
    assert np.flatnonzero(hints.toarray()[0]).tolist() == list(range(5, FOUND + 5))
    assert hints.sum() == pytest.approx(0.5)


# --- reasons ------------------------------------------------------------------------------------------

# 0 goes with 2 and 3, 1 goes with 2: each pair of courses was taken by so many people.
_TOGETHER = {(0, 2): 12, (0, 3): 12, (1, 2): 12, (0, 1): 1, (1, 3): 1}


def small_als() -> Als:
    """A scorer that has no reasons of its own."""
    return Als.fit(make_triples(_rows()), courses=4, seed=1)


def scorer() -> Ease:
    return Ease.fit(make_triples(_rows()), courses=4, seed=1, settings=Settings(1))


def _rows() -> list[tuple[int, int, float]]:
    people = [pair for pair, times in _TOGETHER.items() for _ in range(times)]
    return [(person, course, 3.0) for person, pair in enumerate(people) for course in pair]


def table(*row: float) -> sparse.csr_array:
    return sparse.csr_array(np.array([row], dtype=np.float32))


def test_a_reason_shares_with_what_searches_add() -> None:
    person, offered = np.array([0]), np.array([2])
    took, searched = table(3, 0, 0, 0), table(0, 1.5, 0, 0)
    named, alone = strongest(scorer(), took, person, offered)
    again, beside = strongest(scorer(), took, person, offered, hints=searched)
    assert named.tolist() == again.tolist() == [0]
    assert alone.tolist() == [1]
    weights = scorer().weights(np.array([0, 1]), np.array([2, 2]))
    assert beside[0] == pytest.approx(weights[0] * 3 / (weights[0] * 3 + weights[1] * 1.5))


def test_a_course_that_was_only_searched_for_is_no_reason() -> None:
    nothing, searched = table(0, 0, 0, 0), table(0, 1.5, 0, 0)
    named = because(scorer(), nothing, np.array([0]), np.array([2]), hints=searched)
    assert named.tolist() == [NO_REASON]


def test_leaving_a_course_out_leaves_what_searches_found() -> None:
    took, searched = table(3, 0, 0, 0), table(0, 3, 0, 0)
    place = np.array([0]), np.array([2])
    without = np.array([0])
    fitted = scorer()
    scores = fitted.score(took, searched)
    lost = ranks_lost(fitted, took, *place, without=without, hints=searched)
    assert (
        lost.tolist()
        == ranks_lost(fitted, took, *place, without=without, hints=searched, scores=scores).tolist()
    )
    assert lost.tolist() == [0]  # the search alone would have brought it to the top
    assert ranks_lost(fitted, took, *place, without=without)[0] > 0


def test_searches_are_part_of_what_was_chosen_from() -> None:
    shard = make_shard([[0, 1, 0, 0], [0, 1, 0, 0]], searches=[(0, "yoga"), (0, "excel")])
    offer = TopPicks().offer(shard, CATALOGUE, {"auto": small_als()})
    assert offer.reasons(np.array([0, 1]), np.array([2, 2])) == [
        "Chosen from the course you looked at and your searches",
        "Chosen from the course you looked at",
    ]


def test_searches_that_find_only_what_the_model_does_not_know_are_part_of_nothing() -> None:
    """Course 3, which "yoga" finds, was met by nobody when the model learned."""
    rows = [(person, course, grade) for person, course, grade in _rows() if course != 3]
    als = Als.fit(make_triples(rows), courses=4, seed=1)
    shard = make_shard([[0, 1, 0, 0]], searches=[(0, "yoga")])
    assert hints_of(shard, CATALOGUE) is not None
    offer = TopPicks().offer(shard, CATALOGUE, {"auto": als})
    assert offer.reasons(np.array([0]), np.array([2])) == ["Chosen from the course you looked at"]


def test_who_only_searched_is_told_so() -> None:
    shard = make_shard(np.zeros((2, 4)), searches=[(0, "excel charts")])
    fitted = scorer()
    offer = TopPicks().offer(shard, CATALOGUE, {"auto": fitted})
    assert np.isfinite(offer.score[0]).all()
    assert np.isneginf(offer.score[1]).all()
    assert offer.reasons(np.array([0]), np.array([2])) == ["Chosen from what you searched for"]
