"""Rows that senders hold: due ones only, of runs being sent, for a while, and by one sender at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.ledger_claims import CLAIM_LEASE, claim_due, outlook, release, sweep, with_contexts
from recmail.db.tables import ledger, users
from recmail.records import MessageState, RunState
from tests.ledgers import add_people, add_run, claim, events_of, row_of, set_rows, set_run, standing

SECOND = timedelta(seconds=1)
S = MessageState


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    """Six people."""
    add_people(database, now, 6)
    return database


def test_a_claim_holds_what_is_needed_to_write_the_message(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[3], reserves=[[0, 7]], variant="b")
    with writing(people) as connection:
        moved = sa.update(users).where(users.c.user_no == 3).values(email="new@example.org")
        connection.execute(moved)
    claims = claim(people, now)
    with reading(people) as connection:
        (found,) = with_contexts(connection, claims)
    assert (found.run_no, found.user_no, found.user_id, found.claim_id) == (1, 3, "u3", "mine")
    assert (found.email, found.context, found.reserves) == ("new@example.org", {"name": "person 3"}, [[0, 7]])
    assert (found.attempts, found.variant, found.message_id) == (0, "b", row_of(people, 3).message_id)
    row = row_of(people, 3)
    assert (row.state, row.claim_id, row.next_at) == ("claimed", "mine", now + CLAIM_LEASE)


def test_only_rows_that_are_due_are_claimed_the_oldest_first(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 1, 2, 3])
    with writing(people) as connection:
        for user_no, minutes in enumerate([-1, 0, 1, -2]):
            values = {"next_at": now + timedelta(minutes=minutes)}
            connection.execute(sa.update(ledger).where(ledger.c.user_no == user_no).values(values))
    assert [one.user_no for one in claim(people, now, limit=1)] == [3]
    assert [one.user_no for one in claim(people, now)] == [0, 1]
    assert standing(people) == ["claimed", "claimed", "planned", "claimed"]


@pytest.mark.parametrize("state", [state for state in RunState if state != RunState.SENDING])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the statement is the same on both
def test_rows_of_a_run_that_is_not_being_sent_are_left_alone(
    people: sa.Engine, now: datetime, state: RunState
) -> None:
    add_run(people, 1, now, people=[0], run_state=state)
    assert claim(people, now) == []


def test_runs_share_a_claim_and_take_what_others_leave(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    add_run(people, 2, now, people=range(6))
    add_run(people, 3, now, people=range(6))
    found = [one.run_no for one in claim(people, now, run_nos=[3, 1, 2], limit=6)]
    assert [found.count(run_no) for run_no in (1, 2, 3)] == [1, 3, 2]


def test_what_one_sender_holds_no_other_gets(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=range(6))
    first = claim(people, now, limit=4, claim_id="a")
    second = claim(people, now, claim_id="b")
    assert [one.user_no for one in first + second] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_two_senders_claim_at_the_same_time_without_waiting(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=range(6))
    with writing(people) as one, writing(people) as other:
        other.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
        first = claim_due(one, [1], now=now, limit=4, claim_id="a")
        second = claim_due(other, [1], now=now, limit=4, claim_id="b")
    assert (len(first), len(second)) == (4, 2)
    assert len({claim.user_no for claim in first + second}) == 6


def test_leases_are_kept_by_the_machine_and_due_times_by_the_business(
    people: sa.Engine, now: datetime
) -> None:
    # `--now` says September, the machine November: so the lease is November's and the due time September's.
    september = now - timedelta(days=60)
    add_run(people, 1, september, people=[0])
    held = claim(people, september, lease_now=now)
    assert row_of(people).next_at == now + CLAIM_LEASE
    with writing(people) as connection:
        assert sweep(connection, now=september, lease_now=now) == {}
        assert release(connection, held) == 1
    assert row_of(people).next_at == september


def test_the_clock_of_leases_is_the_machines_or_postgresqls_when_none_is_given(
    people: sa.Engine, now: datetime
) -> None:
    add_run(people, 1, now, people=[0])
    with writing(people) as connection:
        assert len(claim_due(connection, [1], now=now, limit=1, claim_id="a")) == 1
        left = outlook(connection, [1]).lease_left
    assert left is not None
    assert timedelta(seconds=50) < left <= CLAIM_LEASE


# --- given back -----------------------------------------------------------------------------------


def test_released_rows_wait_again_with_their_tries(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 1])
    set_rows(people, 1, attempts=2)
    held = claim(people, now)
    with writing(people) as connection:
        assert release(connection, held) == 2
        assert release(connection, []) == 0
    row = row_of(people)
    assert (row.state, row.claim_id, row.next_at, row.attempts) == ("planned", None, now, 2)
    assert events_of(people) == []


def test_only_the_holder_can_release(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    held = claim(people, now, claim_id="old")
    set_rows(people, 1, claim_id="new")
    with writing(people) as connection:
        assert release(connection, held) == 0
    assert standing(people) == ["claimed"]


def test_a_released_row_of_a_cancelled_run_is_cancelled(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    held = claim(people, now)
    set_run(people, 1, RunState.CANCELLED)
    with writing(people) as connection:
        release(connection, held)
    assert standing(people) == ["cancelled"]


# --- taken from the dead --------------------------------------------------------------------------


def test_a_lease_that_ran_out_frees_the_claimed_and_makes_the_sending_unknown(
    people: sa.Engine, now: datetime
) -> None:
    add_run(people, 1, now, people=[0, 1, 2, 3])
    claim(people, now)
    over = now + CLAIM_LEASE
    with writing(people) as connection:
        sending = sa.update(ledger).where(ledger.c.user_no.in_([1, 2]))
        connection.execute(sending.values(state="sending"))
        longer = sa.update(ledger).where(ledger.c.user_no.in_([2, 3]))
        connection.execute(longer.values(next_at=over + SECOND))
        assert sweep(connection, now=now, lease_now=over - SECOND) == {}
        assert sweep(connection, now=now, lease_now=over) == {S.PLANNED: 1, S.UNKNOWN: 1}
    assert standing(people) == ["planned", "unknown", "sending", "claimed"]
    assert (row_of(people, 0).claim_id, row_of(people, 1).claim_id) == (None, "mine")
    assert row_of(people, 0).next_at == now
    assert events_of(people, 1) == [("unknown", "the sender ended before an answer came")]
    assert events_of(people, 0) == []


def test_a_sweep_cancels_what_a_dead_sender_held_of_a_cancelled_run(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    claim(people, now)
    set_run(people, 1, RunState.CANCELLED)
    with writing(people) as connection:
        assert sweep(connection, now=now, lease_now=now + CLAIM_LEASE) == {S.CANCELLED: 1}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_sweep_passes_over_rows_that_a_sender_is_changing(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 1])
    claim(people, now)
    with writing(people) as sender, writing(people) as sweeper:
        sender.execute(sa.update(ledger).where(ledger.c.user_no == 0).values(state="sending"))
        sweeper.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
        assert sweep(sweeper, now=now, lease_now=now + CLAIM_LEASE) == {S.PLANNED: 1}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_no_row_goes_back_in_line_while_its_run_is_being_cancelled(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    held = claim(people, now)
    with writing(people) as person, writing(people) as sender:
        person.exec_driver_sql("UPDATE runs SET state = 'cancelled' WHERE run_no = 1")
        sender.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            release(sender, held)
        sender.rollback()


# --- looking ahead --------------------------------------------------------------------------------


def test_the_outlook_names_the_next_due_time_and_the_first_lease_to_end(
    people: sa.Engine, now: datetime
) -> None:
    add_run(people, 1, now, people=[0, 1, 2], due_at=now + 5 * SECOND)
    add_run(people, 2, now, people=[0], due_at=now + SECOND, run_state=RunState.PAUSED)
    with reading(people) as connection:
        ahead = outlook(connection, [1, 2], lease_now=now)
    assert (ahead.sending, ahead.due_at, ahead.lease_left) == (True, now + 5 * SECOND, None)
    claim(people, now + 5 * SECOND, lease_now=now)
    with reading(people) as connection:
        ahead = outlook(connection, [1, 2], lease_now=now + 70 * SECOND)
    assert (ahead.sending, ahead.due_at, ahead.lease_left) == (True, None, -10 * SECOND)


def test_a_paused_run_has_nothing_due(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0], run_state=RunState.PAUSED)
    with reading(people) as connection:
        ahead = outlook(connection, [1])
    assert (ahead.sending, ahead.due_at, ahead.lease_left) == (False, None, None)
