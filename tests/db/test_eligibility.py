"""Who may be written to is decided with a reason for everybody who may not."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.consent import Consent, Suppression, record_consent, suppress
from recmail.db.eligibility import Eligibility, count_skip_reasons, skip_reasons
from recmail.db.runs import insert_run
from recmail.db.tables import consent, ledger, runs, users
from tests.db.test_runs import draft

WEEK = timedelta(days=7)


def add_people(connection: sa.Connection, now: datetime, *addresses: str | None) -> None:
    """One person per address, number by position, all with a yes; an address's hash is 'h:' + it."""
    for number, address in enumerate(addresses):
        key = address.lower() if address else None
        connection.execute(
            users.insert().values(
                user_no=number,
                user_id=f"u{number}",
                email=address,
                email_key=key,
                email_hash=f"h:{key}" if key else None,
                source="test",
                source_row_hash="",
                imported_at=now,
            )
        )
    record_consent(
        connection, [Consent(n, "email", True, now - WEEK, "import", "form") for n in range(len(addresses))]
    )


def add_message(
    connection: sa.Connection, now: datetime, run_no: int, user_no: int, state: str, *, at: datetime
) -> None:
    connection.execute(
        ledger.insert().values(
            run_no=run_no, user_no=user_no, state=state, due_at=at, next_at=at, intent_at=at, row_hash=""
        )
    )


def ask(
    connection: sa.Connection,
    now: datetime,
    cap: tuple[int, timedelta] | None = None,
    run_no: int | None = None,
    due: datetime | None = None,
):
    everybody = sa.select(users.c.user_no)
    rules = Eligibility(lambda _: sa.true(), "tips", now, cap=cap, run_no=run_no, due=due)
    found = list(skip_reasons(connection, everybody, rules).values())
    if run_no is None:
        assert count_skip_reasons(connection, everybody, rules) == Counter(found)
    return found


def test_every_refusal_has_its_reason(database: sa.Engine, now: datetime) -> None:
    with writing(database) as connection:
        add_people(connection, now, "a@x.example", "b@x.example", "c@x.example", None)
        record_consent(connection, [Consent(1, "email", False, now, "one_click")])
        suppress(connection, [Suppression("h:c@x.example", "complaint", now, "test")])
        assert ask(connection, now) == [None, "opted_out", "suppressed", "no_address"]


def test_a_shared_address_gets_one_email(database: sa.Engine, now: datetime) -> None:
    with writing(database) as connection:
        add_people(connection, now, "Ana@x.example", "ana@X.example", "ANA@x.example", "bo@x.example")
        assert ask(connection, now) == [None, "duplicate_address", "duplicate_address", None]


def test_the_next_account_gets_it_when_the_first_may_not(database: sa.Engine, now: datetime) -> None:
    with writing(database) as connection:
        add_people(connection, now, "ana@x.example", "ana@x.example")
        connection.execute(sa.update(consent).where(consent.c.user_no == 0).values(at=now + WEEK))
        assert ask(connection, now) == ["no_consent", None]


def test_a_no_of_one_account_is_a_no_of_the_address(database: sa.Engine, now: datetime) -> None:
    with writing(database) as connection:
        add_people(connection, now, "ana@x.example", "Ana@x.example", "bo@x.example")
        record_consent(connection, [Consent(0, "email", False, now, "import")])
        assert ask(connection, now) == ["opted_out", "opted_out", None]


@pytest.mark.parametrize("state", ["sent", "planned"])
def test_the_cap_is_of_the_address_whichever_account_got_the_email(
    database: sa.Engine, now: datetime, state: str
) -> None:
    with writing(database) as connection:
        add_people(connection, now, "ana@x.example", "Ana@x.example", "bo@x.example")
        earlier = insert_run(connection, draft(now))
        connection.execute(sa.update(runs).where(runs.c.run_no == earlier).values(state="approved"))
        add_message(connection, now, earlier, 1, state, at=now - timedelta(hours=1))
        assert ask(connection, now, cap=(1, WEEK)) == ["cap", "cap", None]
        assert ask(connection, now, cap=(2, WEEK)) == [None, "duplicate_address", None]


def test_an_account_outside_the_audience_takes_nobodys_place(database: sa.Engine, now: datetime) -> None:
    with writing(database) as connection:
        add_people(connection, now, "ana@x.example", "ana@x.example")
        only_second = sa.select(users.c.user_no).where(users.c.user_no == 1)
        rules = Eligibility(lambda other: other.c.user_no.in_(only_second), "tips", now, cap=None)
        found = skip_reasons(connection, only_second, rules)
        assert found == {1: None}


def test_the_cap_counts_what_left_and_what_waits_in_approved_runs(database: sa.Engine, now: datetime) -> None:
    with writing(database) as connection:
        add_people(connection, now, *(f"u{n}@x.example" for n in range(6)))
        approved, draft_only = insert_run(connection, draft(now)), insert_run(connection, draft(now, "other"))
        connection.execute(sa.update(runs).where(runs.c.run_no == approved).values(state="approved"))
        hour_ago, long_ago = now - timedelta(hours=1), now - timedelta(days=8)
        add_message(connection, now, approved, 0, "sent", at=hour_ago)
        add_message(connection, now, approved, 1, "unknown", at=hour_ago)
        add_message(connection, now, approved, 2, "planned", at=now)
        add_message(connection, now, approved, 3, "sent", at=long_ago)
        add_message(connection, now, approved, 4, "skipped", at=hour_ago)
        add_message(connection, now, draft_only, 5, "planned", at=now)  # nobody approved that plan
        assert ask(connection, now, cap=(1, WEEK)) == ["cap", "cap", "cap", None, None, None]
        assert ask(connection, now, cap=(2, WEEK)) == [None] * 6
        assert ask(connection, now, cap=(1, WEEK), run_no=approved) == [None] * 6


def test_the_cap_is_judged_by_when_the_emails_are_due(database: sa.Engine, now: datetime) -> None:
    """Planned two days ahead: what left six days ago is too old by then, what is due in eight days counts."""
    with writing(database) as connection:
        add_people(connection, now, "a@x.example", "b@x.example", "c@x.example")
        other = insert_run(connection, draft(now))
        assert other is not None
        connection.execute(sa.update(runs).where(runs.c.run_no == other).values(state="approved"))
        add_message(connection, now, other, 0, "sent", at=now - timedelta(days=6))
        add_message(connection, now, other, 1, "planned", at=now + timedelta(days=8))
        add_message(connection, now, other, 2, "sent", at=now - timedelta(days=4))
        assert ask(connection, now, cap=(1, WEEK)) == ["cap", None, "cap"]
        assert ask(connection, now, cap=(1, WEEK), due=now + timedelta(days=2)) == [None, "cap", "cap"]
