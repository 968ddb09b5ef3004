"""The hold-out and its measures, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from recmail.evaluate.ranking import hold_out, measure, popularity
from tests.contracts import make_triples


def test_the_last_fifth_of_each_person_by_time_is_held_out() -> None:
    """Person 4 has five courses, the newest of them course 2; person 7 has four and keeps them."""
    rows = [(4, course, 3.0) for course in range(5)] + [(7, course, 3.0) for course in range(4)]
    cut = hold_out(make_triples(rows, at=[10, 20, 90, 30, 40, 1, 2, 3, 4]), courses=6, relevant_from=3)
    assert cut.people.tolist() == [4]
    assert cut.relevant.toarray().tolist() == [[False, False, True, False, False, False]]
    assert cut.seen.toarray().tolist() == [[3, 3, 0, 3, 3, 0]]
    assert sorted(zip(cut.earlier.user_no.tolist(), cut.earlier.course_no.tolist(), strict=True)) == [
        *((4, course) for course in (0, 1, 3, 4)),
        *((7, course) for course in range(4)),
    ]


def test_of_ten_courses_two_are_held_out() -> None:
    cut = hold_out(make_triples([(0, course, 3.0) for course in range(10)]), courses=10, relevant_from=3)
    assert cut.relevant.nonzero()[1].tolist() == [8, 9]


def test_courses_that_were_only_viewed_are_not_looked_for() -> None:
    """The last two of ten, course 8 enrolled and 9 viewed; a person whose last was a view is not measured."""
    rows = [(0, course, 1.0 if course == 9 else 3.0) for course in range(10)]
    rows += [(1, course, 1.0 if course == 4 else 3.0) for course in range(5)]
    cut = hold_out(make_triples(rows), courses=10, relevant_from=3)
    assert cut.people.tolist() == [0]
    assert cut.relevant.nonzero()[1].tolist() == [8]
    assert len(cut.earlier) == 12


def fixed(scores: list[float]) -> np.ndarray:
    return np.array([scores], dtype=np.float32)


def test_measures_by_hand() -> None:
    """Ranked 1, 2, 3 (0 was seen). Person A wants 2: second place. Person B wants 1 and 3: first and third.

    A: nDCG 1/log2(3) = .6309. B: (1 + 1/log2(4)) / (1 + 1/log2(3)) = 1.5 / 1.6309 = .9197. Both recall 1.
    """
    rows = [(user, 0, 3.0) for user in (0, 1)]
    cut = hold_out(make_triples(rows), courses=4, relevant_from=3)
    cut = type(cut)(
        cut.earlier,
        np.array([0, 1]),
        sparse.csr_array(np.array([[3, 0, 0, 0], [3, 0, 0, 0]], dtype=np.float32)),
        sparse.csr_array(np.array([[0, 0, 1, 0], [0, 1, 0, 1]], dtype=bool)),
    )
    found = measure(lambda _: fixed([9, 8, 7, 6]), cut)
    expected = (1 / math.log2(3) + 1.5 / (1 + 1 / math.log2(3))) / 2
    assert found == {"ndcg_at_10": round(expected, 4), "recall_at_10": 1.0, "hit_rate_at_10": 1.0}


def test_what_comes_after_the_tenth_place_does_not_count() -> None:
    """Person 0 saw courses 0 to 3 and wants 4; of 11 others, 4 is ranked last or tenth."""
    cut = hold_out(make_triples([(0, course, 3.0) for course in range(5)]), courses=15, relevant_from=3)
    last = [0.0] * 4 + [1.0] + [9.0] * 10
    assert measure(lambda _: fixed(last), cut)["hit_rate_at_10"] == 0
    tenth = [0.0] * 4 + [1.0] + [9.0] * 9 + [0.5]
    assert measure(lambda _: fixed(tenth), cut) == {
        "ndcg_at_10": pytest.approx(1 / math.log2(11), abs=1e-4),
        "recall_at_10": 1.0,
        "hit_rate_at_10": 1.0,
    }


def test_who_has_no_score_finds_nothing() -> None:
    cut = hold_out(make_triples([(0, course, 3.0) for course in range(5)]), courses=6, relevant_from=3)
    assert measure(lambda seen: np.full(seen.shape, -np.inf, np.float32), cut)["hit_rate_at_10"] == 0


def test_popularity_counts_who_took_a_course_earlier() -> None:
    """Courses 0 to 3 of person 0, and course 1 of person 1; the view of course 2 does not count."""
    rows = [(0, course, 3.0) for course in range(5)] + [(1, 1, 3.0), (1, 2, 1.0)]
    cut = hold_out(make_triples(rows), courses=6, relevant_from=3)
    assert popularity(cut, relevant_from=3).tolist() == [[1, 2, 1, 1, 0, 0]]
