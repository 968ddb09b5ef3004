"""What events change, and what they do not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, Suppression, consent_reason, record_consent, suppress
from recmail.db.tables import consent, suppressions, users
from recmail.feedback.recording import Returned, match_again, record
from recmail.records import Event, EventKind
from tests.feedback.sent import DAY, KEY, address, event, hash_of, people, sent_run, suppressed, told
from tests.ledgers import TOPIC

K = EventKind


def refusal(database: sa.Engine, user_no: int, at: datetime) -> str | None:
    why = consent_reason(users.c.user_no, users.c.email_hash, TOPIC, at)
    with reading(database) as connection:
        found: str | None = connection.scalar(sa.select(why).where(users.c.user_no == user_no))
        return found


def kept(database: sa.Engine) -> list[tuple[str, datetime, str]]:
    columns = (suppressions.c.reason, suppressions.c.at, suppressions.c.source)
    with reading(database) as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns))]


def test_it_is_the_address_that_the_message_went_to(database: sa.Engine, now: datetime) -> None:
    people(database, now, 2)
    sent_run(database, 1, now, people=[0, 1])
    old = {"email": "U0.Old@Example.org", "provider_id": "1-0"}
    dead = event(1, 0, K.BOUNCED, now, dead=True, status="5.1.1", **old)
    assert told(database, dead, now=now).suppressed == 1
    assert suppressed(database) == {}  # nobody has that address any more
    assert told(database, event(1, 1, K.BOUNCED, now, dead=True), now=now).suppressed == 1
    assert suppressed(database) == {1: "hard_bounce"}
    assert refusal(database, 1, now + DAY) == "suppressed"


@pytest.mark.parametrize("status", ["5.7.1", "5.7.515", "4.7.0"])
def test_policy_never_suppresses(database: sa.Engine, now: datetime, status: str) -> None:
    people(database, now, 1)
    for run_no in range(1, 5):
        at = now + run_no * 7 * DAY
        sent_run(database, run_no, at, people=[0])
        told(database, event(run_no, 0, K.BOUNCED, at, dead=True, status=status), now=at)
    assert suppressed(database) == {}


def test_events_of_other_systems_change_nothing(database: sa.Engine, now: datetime) -> None:
    people(database, now, 1)
    stranger = {"provider_id": "another system's", "email": address(0)}
    told(
        database,
        *(Event(str(kind), kind, now, dead=True, **stranger) for kind in (K.BOUNCED, K.COMPLAINED)),
        Event("no", K.UNSUBSCRIBED, now, **stranger),
        now=now,
    )
    assert suppressed(database) == {}
    assert refusal(database, 0, now) is None


def test_of_several_reasons_the_earliest_counts(database: sa.Engine, now: datetime) -> None:
    people(database, now, 2)
    sent_run(database, 1, now, people=[0, 1])
    with writing(database) as connection:
        suppress(connection, [Suppression(hash_of(1), "manual", now, "ana")])
    told(database, event(1, 0, K.COMPLAINED, now + DAY), event(1, 1, K.COMPLAINED, now), now=now)
    told(database, event(1, 0, K.BOUNCED, now, dead=True), now=now)
    assert sorted(kept(database)) == [("hard_bounce", now, "relay"), ("manual", now, "ana")]


def test_an_opt_out_at_the_provider_counts_at_its_time(database: sa.Engine, now: datetime) -> None:
    people(database, now, 3)
    sent_run(database, 1, now, people=range(3))
    with writing(database) as connection:  # u2 has the address of u1
        same = sa.update(users).where(users.c.user_no == 2)
        connection.execute(same.values(email=address(1), email_key=address(1), email_hash=hash_of(1)))
        record_consent(connection, [Consent(0, "email", True, now + 2 * DAY, "page")])
    late = now + 30 * DAY
    said = event(1, 0, K.UNSUBSCRIBED, now + DAY), event(1, 1, K.UNSUBSCRIBED, now + DAY)
    machine = event(1, 0, K.UNSUBSCRIBED, now + 3 * DAY, by_machine=True)
    assert told(database, *said, machine, now=late).unsubscribed == 3
    assert [refusal(database, user_no, late) for user_no in range(3)] == [None, "opted_out", "opted_out"]
    with reading(database) as connection:
        row = connection.execute(sa.select(consent).where(consent.c.user_no == 2, ~consent.c.granted)).one()
    assert (row.topic, row.at, row.channel, row.proof) == ("", now + DAY, "api", "unsubscribed, says relay")


# Runs are a week apart; b bounced softly, B at an old address, p for policy, d was delivered, s: sent.
@pytest.mark.parametrize(
    ("runs", "counts"),
    [
        ("bb", False),
        ("bbb", True),
        ("bsbb", False),
        ("bdbb", False),
        ("dbbb", True),
        ("bpbb", True),
        ("bpb", False),
        ("bbB", False),
        ("sbbbs", True),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_soft_bounces_in_a_row(database: sa.Engine, now: datetime, runs: str, counts: bool) -> None:
    people(database, now, 1)
    said = []
    for number, what in enumerate(runs, start=1):
        at = now + number * 7 * DAY
        sent_run(database, number, at, people=[0])
        status = "5.7.1" if what == "p" else "4.2.2"
        email = "old@example.org" if what == "B" else None
        if what in "bBp":
            said.append(event(number, 0, K.BOUNCED, at + timedelta(hours=1), status=status, email=email))
        elif what == "d":
            said.append(event(number, 0, K.DELIVERED, at))
    told(database, *said, now=now + 90 * DAY)
    assert suppressed(database) == ({0: "soft_bounces"} if counts else {})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_soft_bounces_within_days_do_not_count(database: sa.Engine, now: datetime) -> None:
    people(database, now, 1)
    for run_no in range(1, 5):
        at = now + run_no * 2 * DAY
        sent_run(database, run_no, at, people=[0])
        told(database, event(run_no, 0, K.BOUNCED, at, status="4.2.2"), now=at)
    assert suppressed(database) == {}
    sent_run(database, 5, now + 9 * DAY, people=[0])
    told(database, event(5, 0, K.BOUNCED, now + 9 * DAY, status="5.2.2"), now=now)
    assert kept(database) == [("soft_bounces", now + 9 * DAY, "3 runs in a row")]


def test_a_bounce_matched_later_does_what_follows(database: sa.Engine, now: datetime) -> None:
    people(database, now, 1)
    said = [event(run_no, 0, K.BOUNCED, now + run_no * 7 * DAY, status="4.4.1") for run_no in (1, 2, 3)]
    record(database, "relay", [Returned(one) for one in said], key=KEY, now=now)
    for run_no in (1, 2, 3):
        sent_run(database, run_no, now + run_no * 7 * DAY, people=[0])
    found = match_again(database, now=now)
    assert (found.matched, found.suppressed) == (3, 1)
