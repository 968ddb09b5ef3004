"""Events are written down once, in any order, whoever was faster."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import events, ledger, suppressions
from recmail.feedback.recording import Counts, Returned, match_again, record
from recmail.records import Event, EventKind
from tests.feedback.sent import KEY, address, event, people, sent_run, state, suppressed, told
from tests.ledgers import events_of, row_of, set_rows, standing

K = EventKind
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def test_an_event_finds_its_message_by_each_of_its_names(database: sa.Engine, now: datetime) -> None:
    people(database, now, 3)
    sent_run(database, 1, now, people=range(3))
    ours = row_of(database, 1).message_id
    found = record(
        database,
        "relay",
        [
            Returned(event(1, 0, K.DELIVERED, now)),
            Returned(event(1, 1, K.DELIVERED, now, message_id=ours)),
            Returned(Event("token", K.BOUNCED, now, status="4.2.2"), row=(1, 2)),
            Returned(Event("other system", K.DELIVERED, now, provider_id="of somebody else")),
        ],
        key=KEY,
        now=now,
    )
    assert found == Counts(new=4, stray=1)
    with reading(database) as connection:
        rows = connection.execute(sa.select(events.c.event_key, events.c.user_no).order_by(events.c.user_no))
        matched = {name: user_no for name, user_no in rows if user_no is not None}
    assert matched == {"relay:1-0-delivered-11020900": 0, "relay:1-1-delivered-11020900": 1, "relay:token": 2}


def test_the_same_events_of_two_providers_are_two(database: sa.Engine, now: datetime) -> None:
    people(database, now, 1)
    sent_run(database, 1, now, people=[0])
    delivered = event(1, 0, K.DELIVERED, now)
    assert told(database, delivered, delivered, now=now) == Counts(new=1)
    assert told(database, delivered, now=now) == Counts(known=1)
    assert told(database, delivered, now=now, provider="other") == Counts(new=1)


def test_what_no_database_takes_is_written_otherwise(database: sa.Engine, now: datetime) -> None:
    odd = Event("k\0" + "y" * 300, K.BOUNCED, now, detail="no\0 \ud800 such user", raw="\0{}", url="\0")
    assert told(database, odd, now=now).new == 1
    assert told(database, odd, now=now).known == 1
    with reading(database) as connection:
        row = connection.execute(sa.select(events)).one()
    assert (row.detail, row.raw) == ("no\ufffd ? such user", "\ufffd{}")


def test_a_webhook_may_be_faster_than_our_commit(database: sa.Engine, now: datetime) -> None:
    people(database, now, 2)
    sent_run(database, 1, now, people=[0, 1], state="sending", provider_id=None, sent_at=None)
    dead = event(1, 0, K.BOUNCED, now, dead=True, status="5.1.1")
    assert told(database, dead, now=now) == Counts(new=1, stray=1)
    assert match_again(database, now=now) == Counts()
    assert suppressed(database) == {}
    sent = {"state": "sent", "provider_id": "1-0"}
    with writing(database) as connection:  # the commit
        connection.execute(sa.update(ledger).where(ledger.c.user_no == 0).values(**sent))
    assert match_again(database, now=now, since=now + MINUTE) == Counts()
    assert match_again(database, now=now, since=now) == Counts(matched=1, suppressed=1)
    assert suppressed(database) == {0: "hard_bounce"}
    assert match_again(database, now=now) == Counts()
    assert told(database, dead, now=now) == Counts(known=1)


def test_strays_of_other_systems_are_passed_over(database: sa.Engine, now: datetime) -> None:
    people(database, now, 1)
    others = [Event(f"{number}", K.DELIVERED, now, provider_id=f"other {number}") for number in range(4_500)]
    told(database, *others, now=now)
    told(database, event(1, 0, K.DELIVERED, now), now=now + MINUTE)
    sent_run(database, 1, now, people=[0])
    assert match_again(database, now=now) == Counts(matched=1)


def test_whatever_comes_back_of_an_unclear_message_says_that_it_left(
    database: sa.Engine, now: datetime
) -> None:
    people(database, now, 3)
    sent_run(database, 1, now, people=range(3), state="unknown", provider_id=None, sent_at=None)
    by_our_id = {"message_id": row_of(database, 0).message_id, "provider_id": "pm-7"}
    assert told(database, event(1, 0, K.DELIVERED, now + DAY, **by_our_id), now=now + DAY).settled == 1
    assert standing(database) == ["sent", "unknown", "unknown"]
    row = row_of(database, 0)
    assert (row.sent_at, row.provider_id) == (now, "pm-7")
    assert events_of(database)[-1] == ("sent", "something came back of it")


def test_a_message_that_becomes_unclear_later_is_settled_too(database: sa.Engine, now: datetime) -> None:
    people(database, now, 2)
    sent_run(database, 1, now, people=[0, 1], state="sending", provider_id=None, sent_at=None)
    ours = row_of(database, 0).message_id
    assert told(database, event(1, 0, K.OPENED, now, message_id=ours), now=now) == Counts(new=1)
    set_rows(database, 1, state="unknown")  # the worker died, and the lease ran out
    assert match_again(database, now=now + DAY) == Counts(settled=1)
    assert standing(database) == ["sent", "unknown"]


@pytest.mark.parametrize("state", ["sent", "failed", "planned", "skipped"])
def test_a_bounce_moves_no_row(database: sa.Engine, now: datetime, state: str) -> None:
    people(database, now, 1)
    sent_run(database, 1, now, people=[0], state=state)
    before = row_of(database)
    told(database, event(1, 0, K.BOUNCED, now, dead=True), event(1, 0, K.DELIVERED, now), now=now)
    assert row_of(database) == before


def test_10_000_events_twice_and_shuffled_are_as_once_in_order(
    database: sa.Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, later = 700, now + 60 * DAY
    people(database, now, crowd)
    for run_no in range(1, 5):  # a week apart; some of the last one are unclear
        sent_run(database, run_no, now + run_no * 7 * DAY, people=range(crowd))
    with writing(database) as connection:
        unclear = ledger.c.run_no == 4, ledger.c.user_no % 5 == 0
        connection.execute(sa.update(ledger).where(*unclear).values(state="unknown"))
    said = _a_lot(random.Random(7), now, crowd, 10_000)
    before = state(database)
    told(database, *said, now=later)
    in_order = state(database)
    reasons = {reason for _, reason, *_ in in_order["suppressions"]}
    assert reasons == {"hard_bounce", "complaint", "soft_bounces"}
    assert len(in_order["events"]) == 10_000
    _as_before(database, before)
    shuffled = [*said, *said]
    random.Random(8).shuffle(shuffled)
    for start in range(0, len(shuffled), 4_999):
        told(database, *shuffled[start : start + 4_999], now=later)
    assert match_again(database, now=later).matched == 0
    again = state(database)
    for table, rows in in_order.items():
        assert again[table] == rows, table


def _a_lot(lot: random.Random, now: datetime, crowd: int, count: int) -> list[Event]:
    """Events of all kinds, most of them deliveries and soft bounces, each of them once."""
    kinds = [K.BOUNCED] * 6 + [K.DELIVERED] * 5 + [K.OPENED, K.CLICKED, K.DEFERRED]
    kinds += [K.COMPLAINED] * (lot.random() < 2) + [K.UNSUBSCRIBED]
    said = []
    for number in range(count):
        run_no, user_no, kind = (
            lot.randint(1, 5),
            lot.randrange(crowd),
            lot.choice(kinds),
        )  # run 5 is nobody's
        if kind in (K.COMPLAINED, K.UNSUBSCRIBED) and lot.random() < 0.8:
            kind = K.DELIVERED
        dead = lot.random() < 0.02
        said.append(
            Event(
                key=f"{number}",
                kind=kind,
                at=now + run_no * 7 * DAY + lot.randrange(5_000) * MINUTE,
                provider_id=f"{run_no}-{user_no}",
                email=address(user_no) if lot.random() < 0.5 else None,
                status=lot.choice(["4.2.2", "", "5.7.1", "4.4.7"]) if kind == K.BOUNCED else "",
                dead=dead and kind == K.BOUNCED,
            )
        )
    return sorted(said, key=lambda one: one.at)


def _as_before(database: sa.Engine, before: dict[str, list[object]]) -> None:
    """Undo what events changed."""
    from recmail.db.tables import consent, ledger_events

    with writing(database) as connection:
        for table in (events, suppressions, ledger_events):
            connection.execute(sa.delete(table))
        connection.execute(sa.delete(consent).where(consent.c.channel == "api"))
        unclear = ledger.c.run_no == 4, ledger.c.user_no % 5 == 0
        connection.execute(sa.update(ledger).where(*unclear).values(state="unknown"))
    assert state(database) == before


def test_two_that_record_the_same_at_once_write_it_once(database: sa.Engine, now: datetime) -> None:
    people(database, now, 50)
    sent_run(database, 1, now, people=range(50))
    said = [event(1, number, K.BOUNCED, now, dead=True) for number in range(50)]
    found: list[Counts] = []
    orders = (said, said[::-1])
    threads = [
        threading.Thread(target=lambda order=order: found.append(told(database, *order, now=now)))
        for order in orders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.new for one in found) == 50
    assert len(suppressed(database)) == 50
    assert suppressed(database)[3] == "hard_bounce"
