"""What another system claims is recorded only where it is new, and never overrules a no."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.consent import (
    Consent,
    record_consent,
)
from recmail.db.imported_consent import ImportedConsent, record_imported_consent
from tests.consents import reason_of, say

DAY = timedelta(days=1)


def imported(
    engine: sa.Engine, at: datetime, answer: str, *, dated: bool = False, assumed: bool = False
) -> int:
    with writing(engine) as connection:
        row = ImportedConsent(0, "email", answer == "yes", at, dated, "signup form", assumed)
        return record_imported_consent(connection, [row])


def test_import_writes_only_what_changed(people: sa.Engine, now: datetime) -> None:
    assert imported(people, now, "yes") == 1
    assert imported(people, now + DAY, "yes") == 0
    assert imported(people, now + 2 * DAY, "no") == 1
    assert imported(people, now + 3 * DAY, "no") == 0
    assert reason_of(people, now + 3 * DAY) == "opted_out"


def test_an_imported_yes_does_not_overrule_a_click(people: sa.Engine, now: datetime) -> None:
    say(people, now, "0 no page")
    assert imported(people, now + DAY, "yes") == 0
    assert imported(people, now - DAY, "yes", dated=True) == 0
    assert imported(people, now, "yes", dated=True) == 0
    assert reason_of(people, now + DAY) == "opted_out"


def test_an_imported_yes_dated_after_the_click_counts(people: sa.Engine, now: datetime) -> None:
    say(people, now - 3 * DAY, "0 yes import")
    say(people, now - 2 * DAY, "0 no page")
    assert imported(people, now - DAY, "yes", dated=True) == 1
    assert reason_of(people, now) is None
    assert imported(people, now - DAY, "yes", dated=True) == 0


def test_only_an_imported_yes_dated_later_overrules_an_imported_no(people: sa.Engine, now: datetime) -> None:
    imported(people, now - DAY, "no")
    assert imported(people, now, "yes") == 0
    assert imported(people, now - DAY, "yes", dated=True) == 0
    assert reason_of(people, now) == "opted_out"
    assert imported(people, now, "yes", dated=True) == 1
    assert reason_of(people, now) is None


def test_a_yes_without_a_date_is_no_answer_to_a_no_of_a_topic(people: sa.Engine, now: datetime) -> None:
    say(people, now - DAY, "0 no tips")
    assert imported(people, now, "yes") == 0
    assert imported(people, now - 2 * DAY, "yes", dated=True) == 1
    assert reason_of(people, now) == "opted_out"
    assert reason_of(people, now, topic="other") is None


@pytest.mark.parametrize(
    "word", ["0 no", "0 no import", "0 no tips", "0 yes page", "0 yes tips", "0 yes import"]
)
def test_an_assumed_yes_is_for_people_without_any_word(people: sa.Engine, now: datetime, word: str) -> None:
    say(people, now - DAY, word)
    assert imported(people, now, "yes", assumed=True) == 0


def test_an_assumed_yes_counts_for_those_who_said_nothing_of_email(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        record_consent(connection, [Consent(0, "personalization", False, now, "page")])
    assert imported(people, now, "yes", assumed=True) == 1
    assert reason_of(people, now) is None


def test_an_imported_no_reported_late_still_counts(people: sa.Engine, now: datetime) -> None:
    imported(people, now, "yes")
    assert imported(people, now - DAY, "no", dated=True) == 1
    assert reason_of(people, now) == "opted_out"


def test_an_imported_no_does_not_undo_a_later_yes_of_the_person(people: sa.Engine, now: datetime) -> None:
    say(people, now, "0 yes page")
    assert imported(people, now - DAY, "no", dated=True) == 1
    assert reason_of(people, now) is None


def test_imported_personalization_is_stored_only_when_it_says_no_or_takes_a_no_back(
    people: sa.Engine, now: datetime
) -> None:
    def personalization(granted: bool, at: datetime) -> int:
        with writing(people) as connection:
            row = ImportedConsent(1, "personalization", granted, at, dated=False)
            return record_imported_consent(connection, [row])

    assert [personalization(True, now), personalization(False, now), personalization(True, now + DAY)] == [
        0,
        1,
        1,
    ]
