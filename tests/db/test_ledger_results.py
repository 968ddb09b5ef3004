"""Results: what a provider said, under the claim it was said to, and what follows for the row."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.ledger import decide_unknown
from recmail.db.ledger_claims import sweep
from recmail.db.ledger_intents import commit_intents
from recmail.db.ledger_results import Result, Retries, Sent, record_results
from recmail.db.runs import find_run, move_run
from recmail.db.tables import suppressions, users
from recmail.errors import (
    AccountRefused,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    RenderError,
    TemporaryFailure,
)
from recmail.records import Claim, MessageState, RunState, Skip
from tests.ledgers import (
    add_people,
    add_run,
    claim,
    events_of,
    intents,
    row_of,
    rules,
    set_rows,
    set_run,
    standing,
)

S = MessageState
MINUTE = timedelta(minutes=1)
LEASE = 11 * MINUTE


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    """Three people with consent."""
    add_people(database, now, 3)
    return database


def sending(engine: sa.Engine, now: datetime, count: int = 1, **row: object) -> list[Claim]:
    """Run 1 with everybody's message on its way."""
    add_run(engine, 1, now, people=range(count))
    if row:
        set_rows(engine, 1, **row)
    held = claim(engine, now)
    with writing(engine) as connection:
        commit_intents(connection, intents(held), rules(now), lease=LEASE, lease_now=now)
    return held


def record(
    engine: sa.Engine, now: datetime, *results: Result, retries: Retries | None = None
) -> dict[MessageState, int]:
    with writing(engine) as connection:
        counts = record_results(connection, results, now=now, retries=retries or Retries())
    return {state: count for state, count in counts.items() if count}


def test_an_accepted_message_is_sent(people: sa.Engine, now: datetime) -> None:
    one, other = sending(people, now, 2)
    later = now + MINUTE
    assert record(people, later, Result(one, Sent("queued as 4F2")), Result(other, Sent(""))) == {S.SENT: 2}
    row = row_of(people)
    assert (row.state, row.provider_id, row.sent_at, row.intent_at) == ("sent", "queued as 4F2", later, now)
    assert (row.claim_id, row.attempts, row.last_error) == ("mine", 0, None)
    assert events_of(people) == [("sent", None)]


def test_what_no_database_takes_is_replaced_in_a_servers_words(people: sa.Engine, now: datetime) -> None:
    ana, ben, _ = sending(people, now, 3)
    results = [Result(ana, Sent("q\0\ud800")), Result(ben, MessageRefused("554 \0 no \udfff"))]
    with writing(people) as connection:
        record_results(connection, results, now=now, retries=Retries())
        move_run(connection, 1, RunState.PAUSED, who="test", now=now, reason="554 \0 no")
    with reading(people) as connection:
        assert find_run(connection, 1)["reason"] == "554 \ufffd no"
    assert row_of(people, 0).provider_id == "q\ufffd?"
    assert row_of(people, 1).last_error == "554 \ufffd no ?"


def test_a_result_counts_once(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now)
    accepted = Result(held, Sent("a"))
    assert record(people, now, accepted) == {S.SENT: 1}
    assert record(people, now + MINUTE, accepted, Result(held, OutcomeUnknown("no answer"))) == {}
    assert (row_of(people).state, row_of(people).sent_at) == ("sent", now)


def test_a_late_acceptance_makes_the_unknown_sent(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now)
    with writing(people) as connection:
        sweep(connection, now=now, lease_now=now + LEASE)
    assert standing(people) == ["unknown"]
    assert record(people, now, Result(held, Sent("late"))) == {S.SENT: 1}
    assert [state for state, _ in events_of(people)] == ["unknown", "sent"]


def test_a_late_answer_cannot_touch_what_a_person_sent_again(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now)
    record(people, now, Result(held, OutcomeUnknown("no answer")))
    with writing(people) as connection:
        decide_unknown(connection, 1, None, "resend", now=now)
    assert record(people, now, Result(held, Sent("late"))) == {}
    assert standing(people) == ["planned"]


@pytest.mark.parametrize("late", [TemporaryFailure("busy"), MessageRefused("spam")])
def test_only_an_acceptance_settles_an_unknown(
    people: sa.Engine, now: datetime, late: TemporaryFailure | MessageRefused
) -> None:
    (held,) = sending(people, now)
    record(people, now, Result(held, OutcomeUnknown("no answer")))
    assert record(people, now, Result(held, late)) == {}
    assert standing(people) == ["unknown"]


@pytest.mark.parametrize(
    ("outcome", "state", "detail"),
    [
        (RecipientRefused("550 no"), "failed: refused_recipient", "refused_recipient – 550 no"),
        (MessageRefused("554 spam"), "failed: refused_message", "refused_message – 554 spam"),
        (OutcomeUnknown("no answer"), "unknown", "no answer"),
    ],
)
def test_a_refusal_ends_the_message(
    people: sa.Engine,
    now: datetime,
    outcome: RecipientRefused | MessageRefused | OutcomeUnknown,
    state: str,
    detail: str,
) -> None:
    (held,) = sending(people, now)
    record(people, now, Result(held, outcome))
    assert standing(people) == [state]
    assert events_of(people) == [(state.split(":")[0], detail)]
    assert (row_of(people).attempts, row_of(people).last_error) == (1, str(outcome))


@pytest.mark.parametrize(
    ("outcome", "state", "error"),
    [
        (Skip("stale"), "skipped: stale", None),
        (
            RenderError("no such name", template="weekly.html.j2", line=3),
            "failed: render",
            "weekly.html.j2:3: ",
        ),
    ],
)
def test_what_is_found_while_writing_ends_the_message_before_its_intent(
    people: sa.Engine, now: datetime, outcome: Skip | RenderError, state: str, error: str | None
) -> None:
    add_run(people, 1, now, people=[0])
    (held,) = claim(people, now)
    record(people, now, Result(held, outcome))
    assert standing(people) == [state]
    assert row_of(people).attempts == 0
    assert (row_of(people).last_error or "").startswith(error or "")
    (event,) = events_of(people)
    assert event[0] == state.split(":")[0]


def test_an_error_of_any_length_is_cut(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now)
    record(people, now, Result(held, MessageRefused("x" * 9_000)))
    assert row_of(people).last_error == "x" * 500


# --- another try ----------------------------------------------------------------------------------


def test_a_temporary_failure_waits_for_another_try(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now)
    half = random.Random()
    half.random = lambda: 0.5  # type: ignore[method-assign]
    assert record(people, now, Result(held, TemporaryFailure("busy")), retries=Retries(jitter=half)) == {
        S.PLANNED: 1
    }
    row = row_of(people)
    assert (row.state, row.attempts, row.claim_id, row.last_error) == ("planned", 1, None, "busy")
    assert row.next_at == now + MINUTE / 2
    assert events_of(people) == [("planned", "busy")]
    assert claim(people, now) == []
    assert claim(people, now + MINUTE / 2)[0].attempts == 1


def test_waits_double_up_to_four_hours_with_full_jitter() -> None:
    most = random.Random()
    most.random = lambda: 1.0  # type: ignore[method-assign]
    retries = Retries(jitter=most)
    minutes = [retries.wait(attempt, None) / MINUTE for attempt in range(1, 11)]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240]
    seeded = [Retries(jitter=random.Random(7)).wait(3, None) for _ in range(2)]
    assert seeded[0] == seeded[1] < 4 * MINUTE


def test_the_server_may_ask_for_more_patience_and_not_for_less(people: sa.Engine, now: datetime) -> None:
    retries = Retries(jitter=random.Random(0))  # 0.844 of a minute
    assert retries.wait(1, 300) == 5 * MINUTE
    assert MINUTE / 2 < Retries(jitter=random.Random(0)).wait(1, 1) < MINUTE


def test_with_all_tries_used_up_it_gives_up(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now, attempts=7)
    assert held.attempts == 7
    record(people, now, Result(held, TemporaryFailure("busy")))
    assert standing(people) == ["failed: gave_up"]
    assert (row_of(people).attempts, row_of(people).last_error) == (8, "busy")


def test_nobody_fails_because_of_our_account(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now, attempts=7)
    assert record(people, now, Result(held, AccountRefused("wrong password"))) == {S.PLANNED: 1}
    row = row_of(people)
    assert (row.state, row.attempts, row.claim_id, row.next_at) == ("planned", 7, None, now)


def test_nothing_waits_again_in_a_cancelled_run(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now)
    set_run(people, 1, RunState.CANCELLED)
    assert record(people, now, Result(held, TemporaryFailure("busy"))) == {S.CANCELLED: 1}
    assert standing(people) == ["cancelled"]
    assert events_of(people) == [("cancelled", "busy")]


def test_results_of_another_claim_change_nothing(people: sa.Engine, now: datetime) -> None:
    (held,) = sending(people, now)
    set_rows(people, 1, claim_id="new")
    for outcome in (Sent("x"), TemporaryFailure("busy"), RecipientRefused("gone")):
        assert record(people, now, Result(held, outcome)) == {}
    assert standing(people) == ["sending"]


def test_many_results_travel_together(people: sa.Engine, now: datetime) -> None:
    first, second, third = sending(people, now, 3)
    outcomes = [
        Result(first, Sent("a")),
        Result(second, MessageRefused("no")),
        Result(third, OutcomeUnknown("?")),
    ]
    assert record(people, now, *outcomes) == {S.SENT: 1, S.FAILED: 1, S.UNKNOWN: 1}
    assert standing(people) == ["sent", "failed: refused_message", "unknown"]


# --- dead addresses -------------------------------------------------------------------------------


def suppressed(engine: sa.Engine) -> list[tuple[str, str, str]]:
    columns = (suppressions.c.email_hash, suppressions.c.reason, suppressions.c.source)
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns))]


def test_a_dead_address_is_suppressed_in_the_same_transaction(people: sa.Engine, now: datetime) -> None:
    dead, refused, _ = sending(people, now, 3)
    results = [
        Result(dead, RecipientRefused("550 5.1.1 no such user", dead=True)),
        Result(refused, RecipientRefused("550 5.7.1 not from you")),
    ]
    record(people, now, *results)
    assert standing(people) == ["failed: refused_recipient", "failed: refused_recipient", "sending"]
    assert suppressed(people) == [("hash of u0@example.org", "hard_bounce", "run 1")]


def test_the_address_that_a_person_has_now_is_not_suppressed_for_the_old_one(
    people: sa.Engine, now: datetime
) -> None:
    (held,) = sending(people, now)
    with writing(people) as connection:
        new = {"email": "new@example.org", "email_hash": "hash of new@example.org"}
        connection.execute(sa.update(users).where(users.c.user_no == 0).values(new))
    record(people, now, Result(held, RecipientRefused("550 5.1.1", dead=True)))
    assert standing(people) == ["failed: refused_recipient"]
    assert suppressed(people) == []
