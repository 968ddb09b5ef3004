"""The intent: committed only while everything allows it, refused only for a reason that is written down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.consent import Consent, Suppression, record_consent, suppress, unsubscribe
from recmail.db.ledger import cancel_run
from recmail.db.ledger_claims import CLAIM_LEASE
from recmail.db.ledger_intents import Intent, Rules, commit_intents, one_each_person
from recmail.db.tables import ledger, users
from recmail.errors import StorageError
from recmail.records import RunState
from tests.ledgers import (
    DAY,
    TOPIC,
    add_people,
    add_run,
    claim,
    events_of,
    intents,
    row_of,
    rules,
    set_rows,
    set_run,
    settle,
    standing,
)

SECOND = timedelta(seconds=1)
LEASE = timedelta(minutes=11)


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    """Four people with consent."""
    add_people(database, now, 4)
    return database


def test_an_intent_is_committed_with_its_time_its_lease_and_the_bodys_hash(
    people: sa.Engine, now: datetime
) -> None:
    add_run(people, 1, now, people=[0, 1])
    held = claim(people, now)
    machine = now + 20 * DAY  # the lease is the machine's, the intent the business's
    set_rows(people, 1, next_at=machine + CLAIM_LEASE)
    assert settle(people, [Intent(held[0], "abc")], rules(now), machine) == {(1, 0)}
    row = row_of(people)
    assert (row.state, row.claim_id, row.body_sha256) == ("sending", "mine", "abc")
    assert (row.intent_at, row.next_at) == (now, machine + LEASE)
    assert standing(people) == ["sending", "claimed"]
    assert events_of(people) == []


# --- what the person said -------------------------------------------------------------------------


def opt_out(connection: sa.Connection, now: datetime) -> None:
    unsubscribe(connection, 0, topic="", at=now, channel="page")


def opt_out_of_the_topic(connection: sa.Connection, now: datetime) -> None:
    unsubscribe(connection, 0, topic=TOPIC, at=now, channel="page")


def bounce(connection: sa.Connection, now: datetime) -> None:
    suppress(connection, [Suppression("hash of u0@example.org", "hard_bounce", now, "test")])


def lose_the_address(connection: sa.Connection, now: datetime) -> None:
    gone = {"email": None, "email_key": None, "email_hash": None}
    connection.execute(sa.update(users).where(users.c.user_no == 0).values(gone))


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        (opt_out, "opted_out"),
        (opt_out_of_the_topic, "opted_out"),
        (bounce, "suppressed"),
        (lose_the_address, "no_address"),
    ],
)
def test_no_intent_after_an_opt_out(
    people: sa.Engine, now: datetime, happened: Callable[[sa.Connection, datetime], None], reason: str
) -> None:
    add_run(people, 1, now, people=[0, 1])
    held = claim(people, now)
    with writing(people) as connection:
        happened(connection, now)
    assert settle(people, intents(held), rules(now)) == {(1, 1)}
    assert standing(people) == [f"skipped: {reason}", "sending"]
    assert events_of(people) == [("skipped", reason)]
    assert row_of(people).claim_id is None


def test_an_opt_out_of_another_topic_changes_nothing(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    held = claim(people, now)
    with writing(people) as connection:
        record_consent(connection, [Consent(0, "email", False, now, "page", topic="other")])
    assert settle(people, intents(held), rules(now)) == {(1, 0)}


def test_each_run_is_checked_against_its_own_topic(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    add_run(people, 2, now, people=[1])
    held = claim(people, now, run_nos=[1, 2])
    with writing(people) as connection:
        for user_no in (0, 1):
            record_consent(connection, [Consent(user_no, "email", False, now, "page", topic="news")])
    assert settle(people, intents(held), Rules({1: "news", 2: TOPIC}, None, now)) == {(2, 1)}
    assert standing(people, 1) == ["skipped: opted_out"]


# --- accounts with one address --------------------------------------------------------------------


def share_an_address(engine: sa.Engine) -> None:
    """Persons 0 and 1 have the same address from now on; claims that were made before do not know."""
    ana = {"email": "Ana@example.org", "email_key": "ana@example.org", "email_hash": "hash of Ana"}
    with writing(engine) as connection:
        connection.execute(sa.update(users).where(users.c.user_no <= 1).values(ana))


def test_a_no_of_another_account_with_the_address_counts(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[1, 2])
    held = claim(people, now)
    with writing(people) as connection:
        record_consent(connection, [Consent(0, "email", False, now, "import")])
    share_an_address(people)
    assert settle(people, intents(held), rules(now)) == {(1, 2)}
    assert standing(people) == ["skipped: opted_out", "sending"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("sending", "skipped: duplicate_address"),
        ("sent", "skipped: duplicate_address"),
        ("unknown", "skipped: duplicate_address"),
        ("failed", "sending"),
        ("planned", "sending"),
    ],
)
def test_an_address_gets_one_email_of_a_run_though_it_changed_after_the_plan(
    people: sa.Engine, now: datetime, first: str, second: str
) -> None:
    add_run(people, 1, now, people=[0, 1])
    with writing(people) as connection:
        row = sa.update(ledger).where(ledger.c.user_no == 0)
        connection.execute(row.values(state=first, intent_at=now))
    share_an_address(people)
    settle(people, intents(claim(people, now, run_nos=[1]))[-1:], rules(now))
    assert standing(people)[1] == second


def test_of_two_rows_of_one_address_in_a_statement_one_leaves(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 1, 2])
    share_an_address(people)
    held = claim(people, now)
    assert settle(people, intents(held), rules(now)) == {(1, 0), (1, 2)}
    assert standing(people) == ["sending", "skipped: duplicate_address", "sending"]


def test_a_message_never_leaves_for_an_address_that_was_not_checked(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 2])
    held = claim(people, now)  # and written to the address of this moment
    share_an_address(people)
    assert settle(people, intents(held), rules(now)) == {(1, 2)}
    assert standing(people) == ["planned", "sending"]
    [again] = claim(people, now)
    assert again.email == "Ana@example.org"
    assert settle(people, intents([again]), rules(now)) == {(1, 0)}


def test_two_runs_cannot_pass_the_cap_of_an_address_in_a_statement(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    add_run(people, 2, now, people=[1])
    share_an_address(people)
    held = claim(people, now, run_nos=[1, 2])
    assert settle(people, intents(held), rules(now, cap=1)) == {(1, 0)}
    assert standing(people, 2) == ["skipped: cap"]


def test_without_a_cap_the_other_runs_email_waits_for_the_next_round(
    people: sa.Engine, now: datetime
) -> None:
    add_run(people, 1, now, people=[0])
    add_run(people, 2, now, people=[1])
    share_an_address(people)
    held = claim(people, now, run_nos=[1, 2])
    assert settle(people, intents(held), rules(now)) == {(1, 0)}
    assert standing(people, 2) == ["planned"]
    assert settle(people, intents(claim(people, now, run_nos=[2])), rules(now)) == {(2, 1)}


def test_claims_of_one_address_never_share_a_statement(people: sa.Engine, now: datetime) -> None:
    share_an_address(people)
    add_run(people, 1, now, people=[0, 1, 2])
    with writing(people) as connection:
        connection.execute(sa.update(users).where(users.c.user_no == 1).values(email="ANA@example.org"))
    first, later = one_each_person(intents(claim(people, now)))
    assert [one.claim.user_no for one in first] == [0, 2]
    assert [one.claim.user_no for one in later] == [1]


def test_people_without_an_address_do_not_wait_for_each_other(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 1])
    with writing(people) as connection:
        connection.execute(sa.update(users).values(email=None, email_key=None, email_hash=None))
    held = intents(claim(people, now))
    assert one_each_person(held) == (held, [])
    assert settle(people, held, rules(now)) == set()
    assert standing(people) == ["skipped: no_address"] * 2


@pytest.mark.parametrize(("cap", "stands"), [(1, "skipped: cap"), (2, "sending")])
def test_the_cap_is_of_the_address(people: sa.Engine, now: datetime, cap: int, stands: str) -> None:
    add_run(people, 1, now, people=[0])
    set_rows(people, 1, state="sent", intent_at=now - DAY)
    add_run(people, 2, now, people=[1])
    share_an_address(people)
    settle(people, intents(claim(people, now, run_nos=[2])), rules(now, cap=cap))
    assert standing(people, 2) == [stands]


# --- the cap --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "refused"),
    [("sent", True), ("sending", True), ("unknown", True), ("failed", False), ("planned", False)],
)
def test_the_cap_counts_what_left_or_may_have_left(
    people: sa.Engine, now: datetime, earlier: str, refused: bool
) -> None:
    add_run(people, 1, now, people=[0])
    set_rows(people, 1, state=earlier, intent_at=now - 6 * DAY)
    add_run(people, 2, now, people=[0, 1])
    held = claim(people, now, run_nos=[2])
    settle(people, intents(held), rules(now, cap=1))
    assert standing(people, 2) == ["skipped: cap" if refused else "sending", "sending"]


def test_the_cap_forgets_what_left_before_its_window(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0, 1])
    set_rows(people, 1, state="sent", intent_at=now - 7 * DAY)
    with writing(people) as connection:
        younger = now - 7 * DAY + SECOND
        connection.execute(sa.update(ledger).where(ledger.c.user_no == 1).values(intent_at=younger))
    add_run(people, 2, now, people=[0, 1])
    settle(people, intents(claim(people, now, run_nos=[2])), rules(now, cap=1))
    assert standing(people, 2) == ["sending", "skipped: cap"]


def test_two_rows_of_one_person_never_share_a_statement(people: sa.Engine, now: datetime) -> None:
    for run_no in (1, 2):
        add_run(people, run_no, now, people=[0, 1])
    wanted = intents(claim(people, now, run_nos=[1, 2]))
    with writing(people) as connection, pytest.raises(ValueError, match="pass the cap together"):
        commit_intents(connection, wanted, rules(now, cap=1), lease=LEASE)
    first, later = one_each_person(wanted)
    assert [one.key for one in first] == [(1, 0), (1, 1)]
    assert [one.key for one in later] == [(2, 0), (2, 1)]
    assert settle(people, first, rules(now, cap=1)) == {(1, 0), (1, 1)}
    assert settle(people, later, rules(now, cap=1)) == set()
    assert standing(people, 2) == ["skipped: cap", "skipped: cap"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_two_senders_cannot_pass_the_cap_together(people: sa.Engine, now: datetime) -> None:
    for run_no in (1, 2):
        add_run(people, run_no, now, people=[0])
    first, second = intents(claim(people, now, run_nos=[1, 2]))
    with writing(people) as connection:
        one = commit_intents(connection, [first], rules(now, cap=1), lease=LEASE, lease_now=now)
        with pytest.raises(StorageError, match="lock timeout"), writing(people) as other:  # noqa: PT012
            other.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
            commit_intents(other, [second], rules(now, cap=1), lease=LEASE, lease_now=now)
    assert one == {(1, 0)}
    assert settle(people, [second], rules(now, cap=1)) == set()
    assert standing(people, 2) == ["skipped: cap"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_an_opt_out_waits_for_the_intent_that_came_first(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    held = intents(claim(people, now))
    with writing(people) as connection:
        commit_intents(connection, held, rules(now), lease=LEASE, lease_now=now)
        with pytest.raises(StorageError, match="lock timeout"), writing(people) as page:  # noqa: PT012
            page.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
            opt_out(page, now)


# --- the fence ------------------------------------------------------------------------------------


def test_not_returned_by_the_intent_is_not_skipped(people: sa.Engine, now: datetime) -> None:
    # The lease of a slow sender ran out, nobody took the rows yet, and nothing stands against these people.
    add_run(people, 1, now, people=range(4))
    held = claim(people, now)
    assert settle(people, intents(held), rules(now), now + CLAIM_LEASE) == set()
    assert standing(people) == ["planned"] * 4
    assert row_of(people).next_at == now
    again = claim(people, now, claim_id="other")
    assert len(settle(people, intents(again), rules(now))) == 4


def test_with_the_lease_over_even_a_reason_only_puts_the_row_back(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    held = claim(people, now)
    with writing(people) as connection:
        opt_out(connection, now)
    settle(people, intents(held), rules(now), now + CLAIM_LEASE)
    assert standing(people) == ["planned"]


def test_a_row_that_somebody_else_took_is_not_touched(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    held = claim(people, now, claim_id="old")
    set_rows(people, 1, claim_id="new")
    with writing(people) as connection:
        opt_out(connection, now)
    assert settle(people, intents(held), rules(now)) == set()
    assert (row_of(people).state, row_of(people).claim_id) == ("claimed", "new")


def test_a_message_is_not_sent_when_it_is_too_late(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0], send_before=now)
    add_run(people, 2, now, people=[1], send_before=now + SECOND)
    settle(people, intents(claim(people, now, run_nos=[1, 2])), rules(now))
    assert (standing(people, 1), standing(people, 2)) == (["skipped: too_late"], ["sending"])


def test_a_paused_run_puts_its_rows_back(people: sa.Engine, now: datetime) -> None:
    add_run(people, 1, now, people=[0])
    held = claim(people, now)
    set_run(people, 1, RunState.PAUSED)
    assert settle(people, intents(held), rules(now)) == set()
    assert standing(people) == ["planned"]


@pytest.mark.parametrize("missed", [True, False], ids=["missed by the cancelling", "seen by it"])
def test_a_cancelled_run_cancels_what_was_in_hand(people: sa.Engine, now: datetime, missed: bool) -> None:
    add_run(people, 1, now, people=[0])
    held = claim(people, now)
    set_run(people, 1, RunState.CANCELLED)
    if not missed:
        with writing(people) as connection:
            cancel_run(connection, 1, now=now)
    assert settle(people, intents(held), rules(now)) == set()
    assert standing(people) == ["cancelled"]
    assert events_of(people) == [("cancelled", None)]
