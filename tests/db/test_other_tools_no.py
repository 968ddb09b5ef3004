"""A no that was said to another tool holds until the person's own later yes, in whatever order they come."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.consent import (
    Consent,
    Suppression,
    record_consent,
    suppress,
    unsubscribe,
)
from recmail.db.imported_consent import ImportedConsent, record_imported_consent
from recmail.db.tables import consent, suppressions, users
from tests.consents import reason_of, reasons, say

DAY = timedelta(days=1)
ANA = "hash of ana@example.org"


def list_ana(
    connection: sa.Connection, at: datetime, reason: str = "imported", *, dated: bool = True
) -> None:
    suppress(connection, [Suppression(ANA, reason, at, "old tool", dated)])


def report(connection: sa.Connection, at: datetime, *, dated: bool = True, assumed: bool = False) -> int:
    row = ImportedConsent(0, "email", True, at, dated, "signup form", assumed)
    return record_imported_consent(connection, [row])


@pytest.mark.parametrize("later", [False, True], ids=["no later yes", "a later yes"])
def test_the_order_of_imports_does_not_matter(people: sa.Engine, now: datetime, later: bool) -> None:
    """Addresses that said no three days ago; a yes without a date, one from before, and perhaps one since."""
    steps = [
        lambda connection: list_ana(connection, now - 3 * DAY),
        lambda connection: report(connection, now, dated=False),
        lambda connection: report(connection, now - 4 * DAY),
    ]
    if later:
        steps.append(lambda connection: report(connection, now - 2 * DAY))
    for order in permutations(steps):
        with writing(people) as connection:
            for step in (*order, *order):
                step(connection)
        assert reason_of(people, now) == (None if later else "opted_out")
        with writing(people) as connection:
            connection.execute(sa.delete(consent))
            connection.execute(sa.delete(suppressions))


@pytest.mark.parametrize("channel", ["page", "console", "api"])
def test_the_persons_own_later_yes_counts(people: sa.Engine, now: datetime, channel: str) -> None:
    say(people, now - 9 * DAY, "0 yes")
    with writing(people) as connection:
        list_ana(connection, now - DAY)
    assert reasons(people, now)[0] == "opted_out"
    with writing(people) as connection:
        record_consent(connection, [Consent(0, "email", True, now, channel)])
    assert reasons(people, now)[0] is None
    with writing(people) as connection:  # the old list comes in again every night
        list_ana(connection, now - DAY)
        list_ana(connection, now + DAY, dated=False)
    assert reasons(people, now)[0] is None
    with writing(people) as connection:
        list_ana(connection, now + DAY)
    assert reasons(people, now + 2 * DAY)[0] == "opted_out"


def test_a_yes_to_a_topic_is_for_that_topic(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        list_ana(connection, now - DAY)
    say(people, now, "0 yes tips")
    assert reason_of(people, now, topic="tips") is None
    assert reason_of(people, now, topic="other") == "opted_out"


def test_a_yes_of_one_account_is_none_of_another_with_the_address(people: sa.Engine, now: datetime) -> None:
    say(people, now - 2 * DAY, "0 yes", "2 yes")
    with writing(people) as connection:
        list_ana(connection, now - DAY)
    say(people, now, "0 yes")
    assert reasons(people, now) == [None, "no_consent", "opted_out", "no_address"]


def test_a_no_after_the_yes_counts_again(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        list_ana(connection, now - 2 * DAY)
    say(people, now - DAY, "0 yes")
    with writing(people) as connection:
        unsubscribe(connection, 0, topic="", at=now, channel="page")
    assert reason_of(people, now) == "opted_out"


@pytest.mark.parametrize("reason", ["hard_bounce", "complaint", "manual", "erased"])
def test_no_yes_answers_any_other_reason(people: sa.Engine, now: datetime, reason: str) -> None:
    with writing(people) as connection:
        list_ana(connection, now - DAY, reason)
    say(people, now, "0 yes")
    assert reason_of(people, now) == "suppressed"


def test_a_bounce_after_the_later_yes_is_for_ever(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        list_ana(connection, now - 2 * DAY)
    say(people, now - DAY, "0 yes")
    with writing(people) as connection:
        assert suppress(connection, [Suppression(ANA, "hard_bounce", now, "run 1")]) == (0, 1)
    assert reason_of(people, now) == "suppressed"


def test_a_no_belongs_to_the_address_whoever_takes_it_on(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        list_ana(connection, now - DAY)
        report_of_ben = ImportedConsent(1, "email", True, now, dated=False)
        assert record_imported_consent(connection, [report_of_ben]) == 1
    assert reasons(people, now)[1] is None
    with writing(people) as connection:
        connection.execute(users.update().where(users.c.user_no == 1).values(email_hash=ANA))
    assert reasons(people, now)[1] == "opted_out"


def test_an_assumed_yes_is_not_written_over_it(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        list_ana(connection, now - DAY)
        assert report(connection, now, dated=False, assumed=True) == 0


def test_a_date_that_is_learned_later_is_written_once(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        assert report(connection, now, dated=False) == 1
        assert report(connection, now - DAY) == 1
        assert report(connection, now - DAY) == 0
        assert report(connection, now + DAY, dated=False) == 0
