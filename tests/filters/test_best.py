"""The best few of each row: as a full stable sort has them, ties included."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recmail.filters.best import best, top_columns
from recmail.records import Offer

SCORES = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0])


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(0, 12)), elements=SCORES),
    st.integers(1, 14),
)
def test_equals_the_first_of_a_full_stable_sort(scores: np.ndarray, depth: int) -> None:
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    found = top_columns(scores, depth)
    # Columns at -inf are no candidates: which of them comes first says nothing.
    values = np.take_along_axis(scores, expected, axis=1)
    assert np.array_equal(np.where(values > -np.inf, expected, -1), np.where(values > -np.inf, found, -1))


@given(arrays.arrays(np.float32, (1, 40), elements=SCORES), st.integers(1, 5), st.data())
def test_a_shared_ranking_gives_what_its_copy_for_each_person_gives(
    score: np.ndarray, depth: int, data: st.DataObject
) -> None:
    allowed = data.draw(arrays.arrays(bool, (3, 40)))
    people = np.array([0, 2])
    shared = best(Offer(score, lambda rows, courses: [], personal=False), allowed, people, depth)
    each = best(
        Offer(np.repeat(score, 3, axis=0), lambda rows, courses: [], personal=True), allowed, people, depth
    )
    # A shared ranking is looked into only so deep: what it found is a beginning of the whole.
    found = shared.course >= 0
    assert np.array_equal(shared.course[found], each.course[found])
    assert (shared.more | (shared.course == each.course).all(axis=1)).all()


@given(arrays.arrays(np.float32, (3, 40), elements=SCORES), st.integers(1, 45), st.data())
def test_few_candidates_are_found_as_many_are(score: np.ndarray, depth: int, data: st.DataObject) -> None:
    share = data.draw(st.sampled_from([0, 2, 12]))
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=40, max_size=40)))
    allowed &= np.arange(40) % 20 <= share  # of 40 columns at most 2, 6 or 26
    table = np.broadcast_to(allowed, (3, 40))
    offer = Offer(score, lambda rows, courses: [], personal=True)
    found = best(offer, table, np.arange(3), depth)
    scores = np.where(table, score, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    values = np.take_along_axis(scores, order, axis=1)
    there = values > -np.inf
    assert np.array_equal(found.score[:, : order.shape[1]], values)
    assert np.array_equal(found.course[:, : order.shape[1]], np.where(there, order, -1))
