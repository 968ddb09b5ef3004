"""What is said of a difference, and when nothing is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recmail.db.connect import reading
from recmail.feedback.report import measure
from recmail.feedback.report_compared import Group, Sums, compare
from tests.feedback.reported import BLOCKS, Enrolment, Message, World


def group(enrolled: int, times: int) -> Group:
    return Group(times, times, enrolled, float(times))


@pytest.mark.parametrize(
    ("other", "base", "low", "high"),
    [  # Newcombe 1998, table II, method 10: the first of his examples, and 56/70 against 48/80
        ((56, 70), (48, 80), 0.0524, 0.3339),
    ],
)
def test_intervals_are_those_of_the_paper(
    other: tuple[int, int], base: tuple[int, int], low: float, high: float
) -> None:
    found = compare(Group(1_000, base[1], base[0], base[1]), Group(1_000, other[1], other[0], other[1]))
    assert found.difference == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.verdict == "more"


def test_little_data_says_nothing() -> None:
    assert compare(group(9, 99), group(50, 1_000)).verdict == "not_enough_data"  # 99 people
    assert compare(group(1, 500), group(8, 500)).verdict == "not_enough_data"  # 9 enrolled
    assert compare(group(50, 1_000), group(55, 1_000)).verdict == "no_difference"
    assert compare(group(200, 1_000), group(100, 1_000)).verdict == "fewer"


def test_more_comparisons_make_wider_intervals() -> None:
    one, three = (compare(group(50, 1_000), group(90, 1_000), comparisons=count) for count in (1, 3))
    assert one.low is not None
    assert three.low is not None
    assert three.low < one.low


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_times_of_one_person_never_tell_more_than_as_many_people(people: list[tuple[int, int]]) -> None:
    sums = Sums()
    for times, enrolled in people:
        sums.add(True, None, times, min(times, enrolled), people=1)
    found = sums.control
    assert found is not None
    assert found.effective <= found.times
    low, high = found.interval
    assert 0 <= low <= found.rate + 1e-9
    assert found.rate - 1e-9 <= high <= 1


def test_everybody_who_was_to_get_it_counts_from_the_same_time_on(database: sa.Engine, now: datetime) -> None:
    world = World(now)
    world.messages = [
        Message(1, 0, 10),  # the first that left: nobody's window begins before hour 10
        Message(1, 1, None, state="failed", reason="refused_recipient"),  # was to get it
        Message(1, 2, None, state="skipped", reason="opted_out"),  # was not
        Message(1, 3, None, state="held_out"),
        Message(1, 4, None, state="held_out", due_h=30),  # another time zone
        Message(1, 5, None, state="held_out", due_h=30),
    ]
    world.enrolments = [
        Enrolment(0, 1, 9),  # before
        Enrolment(1, 1, 11),
        Enrolment(2, 1, 11),
        Enrolment(3, 1, 11),
        Enrolment(4, 1, 29),  # before it would have been due
        Enrolment(5, 1, 30 + 7 * 24),
    ]
    world.write(database)

    with reading(database) as connection:
        found = measure(connection, [1], {1: BLOCKS}, within=timedelta(days=7), now=world.at(1_000))

    control, addressed = found.sums.control, found.sums.addressed
    assert control == Group(3, 3, 2, 3.0)
    assert addressed == Group(2, 2, 1, 2.0)
