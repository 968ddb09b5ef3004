"""The ledger as planners and people change it: what is written down, and only legal moves."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.ledger import cancel_run, decide_unknown, retry_failed, row_of_message_id, unknown_users
from recmail.db.tables import ledger, ledger_context
from recmail.records import MessageState, RunState
from tests.ledgers import add_people, add_run, claim, events_of, row_of, set_rows, set_run, standing

ALL_STATES = [state.value for state in MessageState]


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    """Nine people, one for each state."""
    add_people(database, now, 9)
    return database


def one_of_each_state(engine: sa.Engine, now: datetime) -> None:
    """Run 1 with person 0 planned, person 1 claimed, … in the order of MessageState."""
    add_run(engine, 1, now, people=range(9))
    with writing(engine) as connection:
        for user_no, state in enumerate(MessageState):
            where = ledger.c.user_no == user_no
            connection.execute(sa.update(ledger).where(where).values(state=state, claim_id="other"))


def test_a_planned_row_is_due_when_the_plan_says(people: sa.Engine, now: datetime) -> None:
    due = now + timedelta(hours=3)
    add_run(people, 1, now, people=[4], due_at=due, variant="b", send_before=due + timedelta(hours=1))
    row = row_of(people, 4)
    assert (row.state, row.due_at, row.next_at, row.variant) == ("planned", due, due, "b")
    assert (row.attempts, row.claim_id, row.intent_at, row.row_hash) == (0, None, None, "row of 4")
    assert row.send_before == due + timedelta(hours=1)
    assert events_of(people, 4) == []


def test_message_ids_end_in_the_senders_domain_and_differ(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 1])
    add_run(people, 2, now, people=[0])
    ids = [row_of(people, 0).message_id, row_of(people, 1).message_id, row_of(people, 0, 2).message_id]
    assert len(set(ids)) == 3
    assert all(one.endswith("@acme.example") for one in ids)
    assert {row_of_message_id(one) for one in ids} == {(1, 0), (1, 1), (2, 0)}
    assert row_of_message_id("4f2@acme.example") is None


def test_who_gets_nothing_has_a_reason_an_event_and_nothing_to_print(
    people: sa.Engine, now: datetime
) -> None:
    skipped = {"state": MessageState.SKIPPED, "reason": "too_few_courses", "context": None}
    add_run(people, 1, now, people=[0], **skipped)
    assert standing(people) == ["skipped: too_few_courses"]
    assert events_of(people) == [("skipped", "too_few_courses")]
    assert row_of(people).message_id is None
    with reading(people) as connection:
        assert connection.execute(sa.select(ledger_context)).all() == []


# --- cancel ---------------------------------------------------------------------------------------


def test_cancelling_ends_who_waits_and_nobody_else(people: sa.Engine, now: datetime) -> None:
    one_of_each_state(people, now)
    with writing(people) as connection:
        assert cancel_run(connection, 1, now=now) == 2
    expected = ["cancelled", "cancelled", *ALL_STATES[2:]]
    assert standing(people) == expected
    assert events_of(people, 0) == [("cancelled", None)]
    assert events_of(people, 2) == []


def test_cancelling_leaves_other_runs_alone(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    add_run(people, 2, now, people=[0])
    with writing(people) as connection:
        assert cancel_run(connection, 1, now=now) == 1
    assert (standing(people, 1), standing(people, 2)) == (["cancelled"], ["planned"])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_cancelling_does_not_wait_for_a_sender(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 1])
    with writing(people) as sender:
        sender.execute(sa.update(ledger).where(ledger.c.user_no == 0).values(state="claimed"))
        with writing(people) as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
            assert cancel_run(connection, 1, now=now) == 1
    assert standing(people) == ["claimed", "cancelled"]


# --- decide ---------------------------------------------------------------------------------------


def test_deciding_that_it_arrived_makes_it_sent_when_it_left(people: sa.Engine, now: datetime) -> None:
    one_of_each_state(people, now)
    left = now - timedelta(minutes=20)
    set_rows(people, 1, intent_at=left)
    with writing(people) as connection:
        assert decide_unknown(connection, 1, None, "sent", now=now) == 1
    unknown = ALL_STATES.index("unknown")
    assert row_of(people, unknown).state == "sent"
    assert row_of(people, unknown).sent_at == left
    assert events_of(people, unknown) == [("sent", "decided: it arrived")]
    assert standing(people).count("unknown") == 0
    assert row_of(people, 0).state == "planned"


def test_resending_takes_the_claim_away(people: sa.Engine, now: datetime) -> None:
    one_of_each_state(people, now)
    set_rows(people, 1, next_at=now + timedelta(hours=1))
    with writing(people) as connection:
        assert decide_unknown(connection, 1, None, "resend", now=now) == 1
    row = row_of(people, ALL_STATES.index("unknown"))
    assert (row.state, row.claim_id, row.next_at) == ("planned", None, now)
    assert events_of(people, row.user_no) == [("planned", "decided: send it again")]


def test_only_the_people_named_are_decided(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=range(4))
    set_rows(people, 1, state="unknown")
    with writing(people) as connection:
        assert decide_unknown(connection, 1, [1, 3, 8], "sent", now=now) == 2
    assert standing(people) == ["unknown", "sent", "unknown", "sent"]
    with reading(people) as connection:
        assert unknown_users(connection, 1) == ["u0", "u2"]


def test_nothing_is_put_back_in_line_where_it_would_wait_for_ever(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0], run_state=RunState.CANCELLED)
    set_rows(people, 1, state="unknown")
    with writing(people) as connection:
        assert decide_unknown(connection, 1, None, "resend", now=now) == 0
        assert decide_unknown(connection, 1, None, "sent", now=now) == 1


def test_a_decision_is_sent_or_resend(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection, pytest.raises(ValueError, match="expected sent or resend"):
        decide_unknown(connection, 1, None, "maybe", now=now)


# --- retry ----------------------------------------------------------------------------------------


def test_retrying_puts_failed_messages_back_with_all_their_tries(people: sa.Engine, now: datetime) -> None:
    one_of_each_state(people, now)
    set_run(people, 1, RunState.FINISHED)
    set_rows(people, 1, attempts=8, reason="gave_up")
    with writing(people) as connection:
        assert retry_failed(connection, 1, now=now) == 1
    row = row_of(people, ALL_STATES.index("failed"))
    assert (row.state, row.reason, row.claim_id, row.attempts) == ("planned", None, None, 0)
    set_run(people, 1, RunState.SENDING)
    assert [one.user_no for one in claim(people, now)] == [0, row.user_no]
