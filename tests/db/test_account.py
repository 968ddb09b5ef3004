"""The account: everybody once, in words, and a sum that is checked against what was planned."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.tables import ledger
from recmail.records import FAIL_WORDS, SKIP_WORDS, MessageState
from tests.ledgers import add_people, add_run

S = MessageState
WHERE = [
    ("planned", None),
    ("claimed", None),
    ("sending", None),
    ("sent", None),
    ("sent", None),
    ("failed", "render"),
    ("skipped", "opted_out"),
    ("skipped", "cap"),
    ("skipped", "opted_out"),
    ("held_out", None),
    ("unknown", None),
    ("cancelled", None),
]


@pytest.fixture
def run(database: sa.Engine, now: datetime) -> sa.Engine:
    """Run 1 with a row for each line of WHERE, and run 2 with one more."""
    add_people(database, now, len(WHERE))
    add_run(database, 1, now, people=range(len(WHERE)))
    add_run(database, 2, now, people=[0])
    with writing(database) as connection:
        for user_no, (state, reason) in enumerate(WHERE):
            row = (ledger.c.run_no == 1) & (ledger.c.user_no == user_no)
            values = {"state": state, "reason": reason, "next_at": now + timedelta(seconds=user_no)}
            connection.execute(sa.update(ledger).where(row).values(values))
    return database


def test_everybody_is_counted_once(run: sa.Engine) -> None:
    with reading(run) as connection:
        found = account(connection, 1)
    assert found.audience == len(WHERE) == sum(count for count, _ in found.as_rows())
    assert found.adds_up
    assert {state: count for state, count in found.states.items() if count != 1} == {S.SENT: 2, S.SKIPPED: 3}
    assert found.reasons == {(S.SKIPPED, "opted_out"): 2, (S.SKIPPED, "cap"): 1, (S.FAILED, "render"): 1}


def test_rows_are_in_the_words_of_the_screen(run: sa.Engine) -> None:
    with reading(run) as connection:
        assert account(connection, 1).as_rows() == [
            (1, "waiting"),
            (2, "being sent"),
            (2, "sent"),
            (1, "failed: could not be written"),
            (2, "not sent: unsubscribed"),
            (1, "not sent: had enough emails lately"),
            (1, "control group"),
            (1, "unclear: may have arrived"),
            (1, "cancelled"),
        ]
        assert account(connection, 2).as_rows() == [(1, "waiting")]


def test_json_keys_are_the_names_of_states_and_reasons(run: sa.Engine) -> None:
    with reading(run) as connection:
        found = account(connection, 1).to_dict()
    assert found["audience"] == 12
    assert found["states"]["sent"] == 2
    assert list(found["states"]) == [state.value for state in MessageState]
    assert found["reasons"] == {"failed": {"render": 1}, "skipped": {"opted_out": 2, "cap": 1}}


def test_a_lost_row_is_noticed(run: sa.Engine) -> None:
    with writing(run) as connection:
        connection.exec_driver_sql("DELETE FROM ledger_context WHERE run_no = 1 AND user_no = 3")
        connection.execute(sa.delete(ledger).where(ledger.c.run_no == 1, ledger.c.user_no == 3))
    with reading(run) as connection:
        assert not account(connection, 1).adds_up
        assert account(connection, 2).adds_up


def test_a_run_without_rows_has_an_empty_account(run: sa.Engine) -> None:
    with reading(run) as connection:
        found = account(connection, 9)
        assert (found.audience, found.as_rows(), found.adds_up) == (0, [], True)


def test_no_reason_stands_for_two_things() -> None:
    assert not SKIP_WORDS.keys() & FAIL_WORDS.keys()
