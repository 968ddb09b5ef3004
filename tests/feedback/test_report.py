"""Every figure of a report, worked out by hand, and against a slow count of every row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.db.account import accounts, together
from recmail.db.connect import reading
from recmail.feedback.report import Measured, measure
from recmail.feedback.report_figures import DIMENSIONS, Figures, Places, add_up
from tests.feedback.reported import BLOCKS, Enrolment, Message, World

WEEK = timedelta(days=7)


def measured(engine: sa.Engine, world: World, run_nos: Sequence[int], *, now_h: float = 1_000) -> Measured:
    with reading(engine) as connection:
        return measure(connection, run_nos, dict.fromkeys(run_nos, BLOCKS), within=WEEK, now=world.at(now_h))


def of(places: Places, dimension: str) -> dict[str | int, tuple[int, int]]:
    """How often each was shown, and how many enrolments it has."""
    return {key: (place.shown, place.enrolments) for key, place in places.of(dimension)}


def test_each_enrolment_counts_to_one_message_and_place(database: sa.Engine, now: datetime) -> None:
    world = World(now, campaigns={3: "another"})
    world.messages = [
        # run 1 shows c1, c2 | c3; a fallback chose c2
        Message(1, 0, 0, [(0, 1, False), (0, 2, True), (1, 3, False)], "a"),
        Message(1, 1, 0, [(0, 1, False)], "b"),
        Message(2, 0, 24, [(0, 4, False)], "a"),  # a day later
        Message(3, 0, 48, [(0, 1, False)]),  # another campaign, two days later
    ]
    world.enrolments = [
        Enrolment(0, 2, 30, 1_000, "INR"),  # run 1 showed it, though run 2 is newer
        Enrolment(0, 2, 31, 500, "USD"),  # the same course again: one enrolment, both amounts
        Enrolment(0, 1, 50, 700, "INR"),  # run 3 showed it last
        Enrolment(0, 7, 40),  # nobody showed it: the newest, run 2
        Enrolment(0, 3, 7 * 24, 300, "INR"),  # the last moment of the window of run 1
        Enrolment(0, 3, 7 * 24 + 0.1),  # too late for run 1; run 3 is the newest
        Enrolment(1, 1, 0),  # not after the message
        Enrolment(1, 1, 3, kind="viewed"),
        Enrolment(2, 1, 3),  # got nothing
    ]
    world.write(database)

    weekly, other = measured(database, world, [1, 2]), measured(database, world, [3])

    first, second = (add_up(weekly.figures, run=run) for run in (1, 2))
    assert (first.enrolments, first.enrolments_shown, first.enrolled) == (2, 2, 1)
    assert first.value == first.value_shown == Counter({"INR": 1_300, "USD": 500})
    assert (second.enrolments, second.enrolments_shown, second.enrolled) == (1, 0, 1)
    third = add_up(other.figures)
    assert (third.enrolments, third.enrolments_shown) == (2, 1)
    assert of(weekly.places, "block") == {"picks": (4, 1), "staff": (1, 1)}
    assert of(weekly.places, "position") == {1: (4, 1), 2: (1, 1)}
    assert of(weekly.places, "fallback") == {"": (4, 1), "popular": (1, 1)}
    assert of(weekly.places, "course") == {1: (2, 0), 2: (1, 1), 3: (1, 1), 4: (1, 0)}
    assert add_up(weekly.figures, variant="b") == Figures(sent=1)


def test_what_is_not_imported_yet_leaves_windows_open(database: sa.Engine, now: datetime) -> None:
    world = World(now, [Message(1, 0, 0), Message(1, 1, 100)], [Enrolment(0, 1, 1)], imported_h=8 * 24)
    world.write(database)

    assert add_up(measured(database, world, [1]).figures).waiting == 1
    assert add_up(measured(database, world, [1], now_h=24).figures).waiting == 2
    world.imported_h = None
    world.write(database)
    found = measured(database, world, [1])
    assert (found.known.last_import, add_up(found.figures).waiting) == (None, 2)


def test_a_no_counts_to_the_newest_message_before_it(database: sa.Engine, now: datetime) -> None:
    world = World(now, [Message(1, 0, 0), Message(2, 0, 24), Message(1, 1, 0), Message(1, 2, 0)])
    world.said_no = [
        (0, 30, "one_click"),
        (0, 30, "page"),  # the same person again
        (1, 30, "import"),  # somebody else's word
        (2, 24 * 8, "page"),  # too late
    ]
    world.events = [
        {"run_no": run, "user_no": user, "kind": "unsubscribed", "at_h": 30}
        for run, user in ((1, 1), (2, 0))  # at the provider; of the second we have the word already
    ]
    world.write(database)

    found = measured(database, world, [1, 2]).figures

    assert [add_up(found, run=run).unsubscribed for run in (1, 2)] == [1, 1]


def test_what_came_back_counts_once_a_message(database: sa.Engine, now: datetime) -> None:
    world = World(now, [Message(1, 0, 0), Message(1, 1, 0)])
    world.events = [
        {"run_no": 1, "user_no": user, "kind": kind, "at_h": at}
        for user, kind, at in (
            (0, "delivered", 1),
            (0, "delivered", 2),
            (1, "bounced", 1),
            (0, "complained", 3),
            (1, "complained", 2_000),  # later than now
        )
    ]
    world.write(database)

    found = measured(database, world, [1])

    figures = add_up(found.figures)
    assert (figures.delivered, figures.bounced_soft, figures.complained) == (1, 1, 1)
    assert found.told == {1: {"delivered", "bounced", "complained"}}


def test_a_bounce_for_good_is_a_hard_one(database: sa.Engine, now: datetime) -> None:
    world = World(now, [Message(1, user, 0) for user in range(3)])
    world.events = [
        {"run_no": 1, "user_no": user, "kind": "bounced", "at_h": at, "dead": dead}
        for user, at, dead in ((0, 1, False), (0, 2, True), (1, 1, False))
    ]
    world.write(database)

    figures = add_up(measured(database, world, [1]).figures)

    assert (figures.bounced_hard, figures.bounced_soft) == (1, 1)


def test_clicks_count_once_where_the_course_stood(database: sa.Engine, now: datetime) -> None:
    slots = [(0, 1, False), (0, 2, True), (1, 3, False)]
    world = World(now, [Message(1, user, 0, slots) for user in range(3)])
    world.events = [
        {
            "run_no": 1,
            "user_no": user,
            "kind": "clicked",
            "at_h": at,
            "course_no": course,
            "by_machine": machine,
        }
        for user, at, course, machine in (
            (0, 1, 2, False),
            (0, 2, 2, False),  # again
            (0, 2, 3, True),  # a scanner followed all links
            (1, 1, 3, True),
            (2, 1, 7, False),  # a course that took the place of another
        )
    ]
    world.write(database)

    found = measured(database, world, [1])

    figures = add_up(found.figures)
    assert (figures.clicked, figures.clicked_by_machine) == (2, 1)
    clicked = {(dimension, key) for (dimension, key), place in found.places.rows.items() if place.clicked}
    assert clicked == {("block", "picks"), ("course", 2), ("position", 2), ("fallback", "popular")}


# --- against a slow reading of every row ----------------------------------------------------------

SLOTS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 4), st.booleans()), max_size=4, unique_by=lambda s: s[1]
)
HOURS = st.integers(0, 400)
MESSAGES = st.builds(
    Message,
    run_no=st.integers(1, 3),
    user_no=st.integers(0, 3),
    sent_h=HOURS,
    slots=SLOTS.map(sorted),
    variant=st.sampled_from([None, "a", "b"]),
    state=st.sampled_from(["sent", "sent", "sent", "failed", "held_out", "unknown", "skipped"]),
    due_h=st.integers(0, 100),
)
ENROLMENTS = st.builds(
    Enrolment,
    user_no=st.integers(0, 3),
    course_no=st.integers(0, 5),
    at_h=HOURS,
    amount=st.sampled_from([None, 0, 100, 250]),
    currency=st.sampled_from([None, "INR", "USD"]),
    kind=st.sampled_from(["enrolled", "enrolled", "viewed"]),
)


def slowly(
    world: World, run_nos: Sequence[int], now_h: float
) -> tuple[dict[int, Any], dict[str, Counter[Any]]]:
    """Each run's enrolments, shown ones and amounts, and each place's, one row after another."""
    hours = WEEK / timedelta(hours=1)
    sent = [one for one in world.messages if one.state == "sent"]
    by_message: dict[tuple[int, int], list[tuple[int, bool]]] = defaultdict(list)
    money: dict[int, Counter[str]] = {run: Counter() for run in run_nos}
    places: dict[str, Counter[Any]] = {dimension: Counter() for dimension in DIMENSIONS}
    once = set()
    for event in world.enrolments:
        if event.kind != "enrolled" or event.at_h > now_h:
            continue
        before = [
            one
            for one in sent
            if one.user_no == event.user_no
            and one.sent_h is not None
            and 0 < event.at_h - one.sent_h <= hours
        ]
        if not before:
            continue
        shown = [one for one in before if event.course_no in [slot[1] for slot in one.slots]]
        message = max(shown or before, key=lambda one: (one.sent_h, one.run_no))
        if message.run_no not in run_nos:
            continue
        if event.amount is not None:
            money[message.run_no][event.currency or "XXX"] += event.amount
        key = message.run_no, message.user_no
        by_message[key].append((event.course_no, bool(shown)))
        if shown and (*key, event.course_no) not in once:
            once.add((*key, event.course_no))
            slot = next(slot for slot in message.slots if slot[1] == event.course_no)
            position = [other for other in message.slots if other[0] == slot[0]].index(slot) + 1
            names = BLOCKS[slot[0]], slot[1], position, "popular" if slot[2] else ""
            for dimension, name in zip(DIMENSIONS, names, strict=True):
                places[dimension][name] += 1
    found = {}
    for run in run_nos:
        mine = [set(events) for (number, _), events in by_message.items() if number == run]
        enrolments, in_shown = (
            sum(len(one) for one in mine),
            sum(is_shown for one in mine for _, is_shown in one),
        )
        found[run] = (len(mine), enrolments, in_shown, dict(money[run]))
    return found, places


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages=st.lists(MESSAGES, min_size=1, max_size=10, unique_by=lambda one: (one.run_no, one.user_no)),
    enrolments=st.lists(ENROLMENTS, max_size=12),
    now_h=st.integers(200, 500),
)
def test_figures_are_those_of_a_slow_count_and_runs_add_up_to_campaigns(
    database: sa.Engine, now: datetime, messages: list[Message], enrolments: list[Enrolment], now_h: int
) -> None:
    world = World(now, messages, enrolments)
    world.write(database)
    run_nos = sorted({one.run_no for one in messages})

    together_found = measured(database, world, run_nos, now_h=now_h)
    alone = [measured(database, world, [run], now_h=now_h) for run in run_nos]

    expected, places = slowly(world, run_nos, now_h)
    for run, of_run in zip(run_nos, alone, strict=True):
        figures = add_up(together_found.figures, run=run)
        assert figures == add_up(of_run.figures)
        assert (figures.enrolled, figures.enrolments, figures.enrolments_shown, figures.value) == expected[
            run
        ]
    for dimension, counts in places.items():
        assert (
            Counter({key: place.enrolments for key, place in together_found.places.of(dimension)}) == counts
        )
        shown = Counter[Any]()
        for one in alone:
            shown.update({key: place.shown for key, place in one.places.of(dimension)})
        assert shown == {key: place.shown for key, place in together_found.places.of(dimension)}
    with reading(database) as connection:
        account = together(list(accounts(connection, run_nos).values()))
    assert account.adds_up
    assert account.audience == len(messages)


@pytest.mark.parametrize("variant", [None, "a"])
def test_an_email_without_courses_and_an_erased_one_count_as_sent(
    database: sa.Engine, now: datetime, variant: str | None
) -> None:
    world = World(now, [Message(1, 0, 0, (), variant), Message(1, 1, 0, [(0, 1, False)], variant)])
    world.write(database)
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE ledger_context SET context = NULL WHERE user_no = 1"))

    found = measured(database, world, [1])

    assert add_up(found.figures).sent == 2
    assert not found.places.rows
