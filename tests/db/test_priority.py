"""Whose email somebody gets when two campaigns are one too many: that of the higher priority."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.eligibility import Eligibility, displaced, skip_reasons
from recmail.db.runs import higher_runs
from recmail.db.tables import runs, users
from recmail.records import RunState
from tests.ledgers import DAY, TOPIC, add_people, add_run, claim, intents, rules, set_rows, settle, standing

S = RunState


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    add_people(database, now, 4)
    return database


def add(engine: sa.Engine, now: datetime, run_no: int, priority: int, state: S = S.SENDING) -> None:
    add_run(engine, run_no, now, people=range(4), run_state=state)
    with writing(engine) as connection:
        connection.execute(sa.update(runs).where(runs.c.run_no == run_no).values(priority=priority))


# Run 1 waits for everybody, and one email a week is allowed.
@pytest.mark.parametrize(
    ("state", "of_run_1", "of_mine", "reason"),
    [
        (S.APPROVED, 0, 0, "cap"),
        (S.APPROVED, 0, 1, None),
        (S.SENDING, 1, 2, None),
        (S.PAUSED, 2, 1, "cap"),
        (S.SCHEDULED, -1, 0, None),
        (S.SCHEDULED, 0, -1, "cap"),
        (S.PLANNED, 5, 0, None),
    ],
)
def test_planning_counts_what_waits_from_the_same_priority_upward(
    people: sa.Engine, now: datetime, state: S, of_run_1: int, of_mine: int, reason: str | None
) -> None:
    add(people, now, 1, of_run_1, state)
    with reading(people) as connection:
        rules = Eligibility(lambda _: sa.true(), TOPIC, now, cap=(1, 7 * DAY), priority=of_mine)
        found = skip_reasons(connection, sa.select(users.c.user_no), rules)
    assert found == dict.fromkeys(range(4), reason)


@pytest.mark.parametrize(("cap", "people_of_run_1"), [(1, 3), (2, 0)])
def test_a_plan_knows_whom_it_takes_from_a_lower_run(
    people: sa.Engine, now: datetime, cap: int, people_of_run_1: int
) -> None:
    """Run 1 is lower and waits for all but one; run 3 is as high as mine, run 4 lower and not approved."""
    add(people, now, 1, 0, S.APPROVED)
    for run_no, priority, state in ((2, 1, S.PLANNED), (3, 1, S.FINISHED), (4, 0, S.PLANNED)):
        add(people, now, run_no, priority, state)
    with writing(people) as connection:
        connection.exec_driver_sql("UPDATE ledger SET state = 'skipped' WHERE run_no = 1 AND user_no = 3")
        connection.exec_driver_sql("UPDATE ledger SET state = 'failed' WHERE run_no = 3")
    with reading(people) as connection:
        found = displaced(connection, 2, now=now, cap=(cap, 7 * DAY))
        assert displaced(connection, 1, now=now, cap=(cap, 7 * DAY)) == {}
        assert displaced(connection, 2, now=now, cap=None) == {}
    assert found == ({1: people_of_run_1} if people_of_run_1 else {})


def test_what_left_counts_whatever_its_priority(people: sa.Engine, now: datetime) -> None:
    add(people, now, 1, -5)
    set_rows(people, 1, state="sent", intent_at=now)
    add(people, now, 2, 5)
    held = claim(people, now, run_nos=[2])
    assert settle(people, intents(held), rules(now, cap=1)) == set()
    assert standing(people, 2) == ["skipped: cap"] * 4


@pytest.mark.parametrize(
    ("state", "of_run_2", "cap", "stands"),
    [
        (S.SENDING, 1, 1, "skipped: cap"),
        (S.APPROVED, 1, 1, "skipped: cap"),
        (S.APPROVED, 1, 2, "sending"),
        (S.APPROVED, 0, 1, "sending"),
        (S.APPROVED, -1, 1, "sending"),
        (S.PLANNED, 1, 1, "sending"),
        (S.CANCELLED, 1, 1, "sending"),
    ],
)
def test_the_lower_run_leaves_the_place_to_the_higher_one(
    people: sa.Engine, now: datetime, state: S, of_run_2: int, cap: int, stands: str
) -> None:
    """Run 1 is sent first, while run 2 waits."""
    add(people, now, 1, 0)
    add(people, now, 2, of_run_2, state)
    settle(people, intents(claim(people, now, run_nos=[1])), rules(now, cap=cap))
    assert standing(people) == [stands] * 4
    assert standing(people, 2) == ["planned"] * 4


@pytest.mark.parametrize("cap", [1, 2])
@pytest.mark.parametrize("priorities", [(0, 1, 2), (0, 0, 1), (0, 1, 1)])
def test_in_whatever_order_runs_are_sent_the_highest_arrive(
    database: sa.Engine, now: datetime, priorities: tuple[int, ...], cap: int
) -> None:
    """Three runs for each person, sent in another order for each."""
    orders = list(permutations(range(3)))
    add_people(database, now, len(orders))
    for person in range(len(orders)):
        for number, priority in enumerate(priorities):
            add_run(database, 3 * person + number + 1, now, people=[person])
            with writing(database) as connection:
                here = runs.c.run_no == 3 * person + number + 1
                connection.execute(sa.update(runs).where(here).values(priority=priority))
    checked = rules(now, runs=range(1, 3 * len(orders) + 1), cap=cap)
    for turn in range(3):
        run_nos = [3 * person + order[turn] + 1 for person, order in enumerate(orders)]
        settle(database, intents(claim(database, now, run_nos=run_nos, claim_id=f"turn {turn}")), checked)
    for person in range(len(orders)):
        stands = [standing(database, 3 * person + number + 1) for number in range(3)]
        left = [priorities[number] for number in range(3) if stands[number] == ["sending"]]
        assert sorted(left) == sorted(priorities)[-cap:]
        assert stands.count(["skipped: cap"]) == 3 - cap


def test_who_gets_nothing_from_the_higher_run_gets_the_lower_one(people: sa.Engine, now: datetime) -> None:
    """The other account of an address counts too: u0 and u1 share one, and u1 waits for run 2."""
    add_run(people, 1, now, people=[0, 2, 3])
    add(people, now, 2, 3, S.APPROVED)
    set_rows(people, 2, state="skipped", reason="cap")
    with writing(people) as connection:
        connection.exec_driver_sql(
            "UPDATE ledger SET state = 'planned' WHERE run_no = 2 AND user_no IN (1, 2)"
        )
        shared = sa.select(users.c.email_hash).where(users.c.user_no == 0).scalar_subquery()
        connection.execute(sa.update(users).where(users.c.user_no == 1).values(email_hash=shared))
    settle(people, intents(claim(people, now, run_nos=[1])), rules(now, cap=1))
    assert standing(people) == ["skipped: cap", "skipped: cap", "sending"]


def test_a_higher_run_due_after_the_window_takes_no_place(people: sa.Engine, now: datetime) -> None:
    add(people, now, 1, 0)
    add(people, now, 2, 1, S.SCHEDULED)
    set_rows(people, 2, due_at=now + 8 * DAY, next_at=now + 8 * DAY)
    assert len(settle(people, intents(claim(people, now, run_nos=[1])), rules(now, cap=1))) == 4


def test_the_highest_run_is_claimed_first_and_equals_share(people: sa.Engine, now: datetime) -> None:
    for run_no, priority in ((1, 0), (2, 7), (3, 0)):
        add(people, now, run_no, priority)
    held = claim(people, now, run_nos=[1, 2, 3], limit=6)
    assert sorted(one.run_no for one in held) == [1, 2, 2, 2, 2, 3]


def test_runs_know_which_open_runs_are_higher(people: sa.Engine, now: datetime) -> None:
    table = ((1, 0, S.SENDING), (2, 1, S.APPROVED), (3, 2, S.FINISHED), (4, 2, S.PAUSED), (5, 3, S.PLANNED))
    for run_no, priority, state in table:
        add(people, now, run_no, priority, state)
    with reading(people) as connection:
        assert higher_runs(connection, {1, 2, 4}) == {1: (2, 4), 2: (4,)}
