"""Who is left with too few courses for an email takes none from anybody: by hand, and as an invariant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.filters import allocating
from recmail.filters.limits import NO_LIMIT
from tests.contracts import make_catalogue
from tests.filters.test_allocating import courses, nobody, random_limits, settle
from tests.filters.test_slate import NONE, Ranked


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_nobody_without_an_email_takes_a_place_and_nobody_goes_without_what_is_free(
    data: st.DataObject,
) -> None:
    """Of one block without quota: whoever has room has all that is free, and who could have enough has it."""
    people, width = data.draw(st.integers(2, 7)), data.draw(st.integers(1, 5))
    values = st.sampled_from([NONE, 1.0, 2.0, 3.0])
    row = st.lists(values, min_size=width, max_size=width)
    scores = data.draw(st.lists(row, min_size=people, max_size=people))
    show = data.draw(st.integers(1, 4))
    block = Ranked.of(scores, show=show, at_least=data.draw(st.integers(0, show)), fallback=[])
    catalogue = make_catalogue(width)
    limits = np.array(random_limits(data, catalogue))
    allocation = settle(nobody(people, width), catalogue, [block], limits)
    mine = [set(one[0]) for one in courses(allocation)]
    seen = np.array([sum(course in one for one in mine) for course in range(width)])
    limited = limits != NO_LIMIT
    assert (allocation.shown[limited] == seen[limited]).all()
    assert (seen <= limits).all()
    for person, got in enumerate(mine):
        wished = {course for course in range(width) if scores[person][course] > NONE}
        free = {course for course in wished - got if seen[course] < limits[course]}
        if allocation.mailed[person]:
            assert len(got) >= max(1, block.at_least)
            assert len(got) == show or not free
            lowest = min(scores[person][course] for course in got)
            assert all(scores[person][course] <= lowest for course in free)
        else:
            assert min(len(free), show) < max(1, block.at_least)


def test_who_gets_no_email_leaves_the_course_to_the_next() -> None:
    """Two courses make an email. Person 0 is first for course 0, and has nothing else: person 1 gets it."""
    block = Ranked.of([[9, NONE, NONE], [8, 2, NONE], [7, 3, 1]], show=2, at_least=2)
    allocation = settle(nobody(3, 3), make_catalogue(3), [block], [1, 2, 3])
    assert allocation.mailed.tolist() == [False, True, True]
    assert courses(allocation) == [[[]], [[0, 1]], [[1, 2]]]
    assert allocation.shown.tolist()[:2] == [1, 2]
    assert allocation.displaced.tolist() == [2, 0, 0]  # to persons 0 and 2


def test_where_nobody_has_enough_when_all_ask_some_have_when_others_leave() -> None:
    """Each of two courses is left once, and both make an email: one of the two people gets both."""
    block = Ranked.of([[9, 1], [1, 9]], show=2, at_least=2)
    allocation = settle(nobody(2, 2), make_catalogue(2), [block], 1)
    assert sorted(sorted(one[0]) for one in courses(allocation)) == [[], [0, 1]]
    assert allocation.mailed.sum() == 1


def test_what_nobody_else_wanted_is_given_to_those_who_left() -> None:
    """Persons 0 and 1 take one of courses 0 and 1 each, and both leave; then one of them gets both."""
    scores = [[5, 9, NONE, NONE], [9, 5, NONE, NONE], [NONE, NONE, 9, 8], [NONE, NONE, 9, 8]]
    block = Ranked.of(scores, show=2, at_least=2)
    allocation = settle(nobody(4, 4), make_catalogue(4), [block], [1, 1, 2, 2])
    assert sorted(len(one[0]) for one in courses(allocation)) == [0, 2, 2, 2]
    assert allocation.shown.tolist() == [1, 1, 2, 2]


def test_however_often_people_leave_there_is_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound what people hold who have too few is free, and nobody who is not mailed has anything."""
    monkeypatch.setattr(allocating, "MOST", 1)
    block = Ranked.of([[9, 1, 1, 1], [1, 9, 1, 1], [1, 1, 9, 1], [1, 1, 1, 9]], show=4, at_least=4)
    allocation = settle(nobody(4, 4), make_catalogue(4), [block], 1)
    assert not allocation.mailed.any()
    assert allocation.shown.tolist() == [0, 0, 0, 0]
    assert (allocation.places[0].course == -1).all()
