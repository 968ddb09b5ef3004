"""Watching a run: every look adds up and says what a full count would, on both databases."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.ledger import decide_unknown, retry_failed
from recmail.db.ledger_results import Result, Retries, Sent, record_results
from recmail.db.runs import move_run
from recmail.deliver.clock import Clock
from recmail.errors import MessageRefused, OutcomeUnknown, RefusedError, RenderError, TemporaryFailure
from recmail.records import MessageState, RunState, Skip
from recmail.runs.follow import Look, Watch
from tests.ledgers import add_people, add_run, claim, intents, rules, set_run, settle

S = MessageState
SOON = Retries(first=timedelta(), longest=timedelta())


def watching(engine: sa.Engine, now: datetime, ticks: Callable[[], float] | None = None) -> Watch:
    """Watch run 1; by default every tick is a second, so that after a count others follow from events."""
    seconds = itertools.count()
    return Watch(engine, 1, clock=Clock(now), ticks=ticks or (lambda: float(next(seconds))))


@pytest.fixture
def run(database: sa.Engine, now: datetime) -> sa.Engine:
    """Run 1 of 40 people, being sent since now."""
    add_people(database, now, 40)
    add_run(database, 1, now, people=range(40), run_state=RunState.APPROVED)
    with writing(database) as connection:
        move_run(connection, 1, RunState.SENDING, who="ana", now=now)
    return database


def send_some(engine: sa.Engine, now: datetime, chance: random.Random) -> None:
    """One round of a sender, with all that can come of a message."""
    claims = claim(engine, now, limit=chance.randint(0, 5), claim_id=str(chance.random()))
    outcomes = [
        chance.choice(
            [
                Sent("q"),
                Sent("q"),
                Skip("stale"),
                RenderError("a hole"),
                MessageRefused("554 no"),
                OutcomeUnknown("cut"),
                TemporaryFailure("450 busy"),
            ]
        )
        for _ in claims
    ]
    before = [one for one, what in zip(claims, outcomes, strict=True) if isinstance(what, Skip | RenderError)]
    settle(engine, intents(one for one in claims if one not in before), rules(now))
    results = [Result(one, what) for one, what in zip(claims, outcomes, strict=True)]
    keep = chance.randint(0, len(results))  # the others are still in hand at the next look
    with writing(engine) as connection:
        record_results(connection, results[:keep], now=now, retries=SOON)


def opt_out(engine: sa.Engine, now: datetime, chance: random.Random) -> None:
    with writing(engine) as connection:
        record_consent(connection, [Consent(chance.randrange(40), "email", False, now, "page")])


def decide(engine: sa.Engine, now: datetime, chance: random.Random) -> None:
    with writing(engine) as connection:
        decide_unknown(connection, 1, None, chance.choice(["sent", "resend"]), now=now)


def retry(engine: sa.Engine, now: datetime, _chance: random.Random) -> None:
    with writing(engine) as connection:
        retry_failed(connection, 1, now=now)


@pytest.mark.parametrize("seed", range(3))
def test_looks_between_two_counts_say_what_a_count_would(run: sa.Engine, now: datetime, seed: int) -> None:
    chance = random.Random(seed)
    watch = watching(run, now)
    watch.look()
    for _ in range(20):
        for step in chance.choices([send_some, opt_out, decide, retry], [8, 2, 1, 1], k=2):
            step(run, now, chance)
        look = watch.look()
        with reading(run) as connection:
            counted = account(connection, 1)
        assert look.account.states == counted.states
        assert look.account.reasons == counted.reasons
        assert look.account.adds_up


def end_all(engine: sa.Engine, now: datetime, count: int, what: Sent | MessageRefused) -> None:
    claims = claim(engine, now, limit=count)
    settle(engine, intents(claims), rules(now))
    with writing(engine) as connection:
        record_results(connection, [Result(one, what) for one in claims], now=now, retries=SOON)


def test_a_look_tells_how_fast_and_how_long_still(run: sa.Engine, now: datetime) -> None:
    """After a look at 0 s, twelve messages in 12 s: one a second, and 28 are to come."""
    times = iter([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 12.0, 12.0, 12.0, 12.0])
    watch = watching(run, now, lambda: next(times))
    first = watch.look()
    assert (first.rate, first.rate_since_start, first.ready_at) == (None, None, None)
    end_all(run, now + timedelta(seconds=6), 12, Sent("q"))
    look = watch.look()
    assert (look.left, look.to_come) == (12, 28)
    assert look.rate == 1
    assert look.rate_over == timedelta(seconds=12)
    assert look.rate_since_start == 2  # by the events: all were sent 6 s after the start
    assert look.time_left == timedelta(seconds=28)


def test_a_look_tells_when_those_who_wait_are_due(run: sa.Engine, now: datetime) -> None:
    assert watching(run, now).look().waits_until is None
    early = watching(run, now - timedelta(hours=1)).look()
    assert early.due is not None
    assert early.waits_until == now
    assert not early.due.is_retry


def test_errors_are_grouped_with_one_of_the_people(run: sa.Engine, now: datetime) -> None:
    for number in range(3):
        end_all(run, now, 1, MessageRefused(f"554 no (queue id {number}F3)"))
    [seen] = watching(run, now).look().errors
    assert (seen.state, seen.times, seen.text) == (S.FAILED, 3, "554 no (queue id 2F3)")
    assert seen.user_id in {f"u{number}" for number in range(40)}


def advice(engine: sa.Engine, now: datetime, looks: int = 2) -> list[str | None]:
    watch = watching(engine, now)
    return [watch.look().advice for _ in range(looks)]


def test_a_run_that_nobody_sends_says_so_after_a_while(run: sa.Engine, now: datetime) -> None:
    said = "nothing seems to be sending this run: recmail send 1"
    assert advice(run, now, looks=4) == [None, None, said, said]
    assert advice(run, now - timedelta(hours=1), looks=4) == [None] * 4  # nothing is due
    claim(run, now, limit=3, lease_now=datetime.now(now.tzinfo) + timedelta(days=1))
    assert advice(run, now, looks=4) == [None] * 4


def test_a_sender_that_died_is_seen_by_its_lease(run: sa.Engine, now: datetime) -> None:
    claim(run, now, limit=3, lease_now=now - timedelta(days=900))
    [said] = advice(run, now, looks=1)
    assert said == "who was sending this run has ended; it goes on with: recmail send 1"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (RunState.PLANNED, "it waits for approval: recmail approve 1"),
        (RunState.APPROVED, "approved; it goes out with: recmail send 1"),
        (RunState.PAUSED, "let it go on with: recmail run resume 1"),
        (RunState.FINISHED, None),
    ],
)
def test_what_has_to_be_done_is_said(
    run: sa.Engine, now: datetime, state: RunState, said: str | None
) -> None:
    set_run(run, 1, state)
    assert advice(run, now) == [said, said]


def test_the_end_is_counted_in_full(run: sa.Engine, now: datetime) -> None:
    watch = watching(run, now)
    assert not watch.look().has_ended
    with writing(run) as connection:  # without an event, as nothing but a full count would see it
        connection.execute(sa.text("UPDATE ledger SET state = 'cancelled'"))
    assert watch.look().account.states[S.CANCELLED] == 0
    set_run(run, 1, RunState.CANCELLED)
    look: Look = watch.look()
    assert look.has_ended
    assert look.account.states[S.CANCELLED] == 40


def test_a_run_that_is_not_there_is_refused(run: sa.Engine, now: datetime) -> None:
    with pytest.raises(RefusedError, match="there is no run 9"):
        Watch(run, 9, clock=Clock(now)).look()
