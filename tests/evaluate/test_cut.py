"""The hold-out, by hand."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.evaluate.cut import hold_out
from tests.shards import make_triples


def test_the_last_fifth_of_each_person_by_time_is_held_out() -> None:
    """Person 4 has five courses, the newest of them course 2; person 7 has one and keeps it."""
    rows = [(4, course, 3.0) for course in range(5)] + [(7, 1, 3.0)]
    cut = hold_out(make_triples(rows, at=[10, 20, 90, 30, 40, 1]), courses=6, relevant_from=3)
    assert cut.people.tolist() == [4]
    assert cut.relevant.toarray().tolist() == [[False, False, True, False, False, False]]
    assert cut.seen.toarray().tolist() == [[3, 3, 0, 3, 3, 0]]
    assert sorted(zip(cut.earlier.user_no.tolist(), cut.earlier.course_no.tolist(), strict=True)) == [
        *((4, course) for course in (0, 1, 3, 4)),
        (7, 1),
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


def test_who_has_two_to_four_courses_has_the_last_held_out_and_who_has_one_keeps_it() -> None:
    rows = [(0, 0, 3.0), (0, 1, 3.0), (1, 2, 3.0), *((2, course, 3.0) for course in range(4))]
    held = hold_out(make_triples(rows), courses=4, relevant_from=3)
    assert held.people.tolist() == [0, 2]
    assert held.relevant.nonzero()[1].tolist() == [1, 3]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 50)), max_size=60))
@settings(max_examples=100, deadline=None)
def test_nothing_held_out_is_older_than_what_is_learned_from_that_person(
    rows: list[tuple[int, int, int]],
) -> None:
    pairs = {(user, course): at for user, course, at in rows}
    triples = make_triples([(*pair, 3.0) for pair in pairs], at=list(pairs.values()))
    held = hold_out(triples, courses=10, relevant_from=0)
    learned = zip(held.earlier.user_no.tolist(), held.earlier.at.tolist(), strict=True)
    newest = dict(sorted(learned))
    for row, course in zip(*held.relevant.nonzero(), strict=True):
        user = int(held.people[row])
        assert pairs[user, int(course)] >= newest[user]
    assert len(held.earlier) + held.relevant.nnz == len(triples)
    assert (held.seen.astype(bool).multiply(held.relevant)).nnz == 0


def test_a_sample_has_the_same_people_for_the_same_seed() -> None:
    held = hold_out(
        make_triples([(user, course, 3.0) for user in range(30) for course in range(5)]),
        courses=5,
        relevant_from=0,
    )
    some = held.sample(7, seed=3)
    assert some.people.tolist() == held.sample(7, seed=3).people.tolist() == sorted(some.people.tolist())
    assert some.people.tolist() != held.sample(7, seed=4).people.tolist()
    assert held.sample(30, seed=3) is held
