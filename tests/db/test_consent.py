"""Consent decides: who may be written to, who locks whom, and what an import may and may not overrule."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import recmail
from recmail.db.connect import reading, writing
from recmail.db.consent import (
    Consent,
    Suppression,
    consent_reason,
    lock_people,
    personalized,
    record_consent,
    suppress,
    unsubscribe,
)
from recmail.db.imported_consent import ImportedConsent, record_imported_consent
from recmail.db.tables import consent, suppressions, users
from recmail.errors import StorageError
from tests.consents import reason_of, reasons, say

DAY = timedelta(days=1)

# --- asking ---------------------------------------------------------------------------------------


def test_nobody_is_mailable_without_a_granted_row(people: sa.Engine, now: datetime) -> None:
    assert reasons(people, now) == ["no_consent", "no_consent", "no_consent", "no_address"]


def test_a_yes_to_all_or_to_the_topic_is_enough(people: sa.Engine, now: datetime) -> None:
    say(people, now, "0 yes", "1 yes tips", "2 yes other")
    assert reasons(people, now) == [None, None, "no_consent", "no_address"]


@pytest.mark.parametrize("no", ["0 no", "0 no tips"])
def test_a_no_to_all_or_to_the_topic_is_enough_to_stay_silent(
    people: sa.Engine, now: datetime, no: str
) -> None:
    say(people, now - DAY, "0 yes", "0 yes tips")
    say(people, now, no)
    assert reason_of(people, now) == "opted_out"


def test_a_no_to_another_topic_changes_nothing(people: sa.Engine, now: datetime) -> None:
    say(people, now - DAY, "0 yes")
    say(people, now, "0 no other")
    assert reason_of(people, now) is None


def test_the_newest_row_wins(people: sa.Engine, now: datetime) -> None:
    say(people, now - DAY, "0 yes", "1 no")
    say(people, now - 2 * DAY, "0 no", "1 yes")
    assert reasons(people, now)[:2] == [None, "opted_out"]


def test_a_tie_is_a_no(people: sa.Engine, now: datetime) -> None:
    say(people, now, "0 yes", "0 no", "1 no", "1 yes")
    assert reasons(people, now)[:2] == ["opted_out", "opted_out"]


def test_a_yes_counts_from_its_time_on_and_a_no_at_once(people: sa.Engine, now: datetime) -> None:
    say(people, now - DAY, "1 yes")
    say(people, now + DAY, "0 yes", "1 no")
    assert reasons(people, now)[:2] == ["no_consent", "opted_out"]
    assert reason_of(people, now + DAY) is None


def test_a_suppressed_address_gets_nothing(people: sa.Engine, now: datetime) -> None:
    say(people, now, "0 yes", "1 yes")
    with writing(people) as connection:
        assert suppress(connection, [Suppression("hash of ana@example.org", "complaint", now, "test")]) == (
            1,
            0,
        )
    assert reasons(people, now) == ["suppressed", None, "suppressed", "no_address"]
    say(people, now, "2 no")
    assert reasons(people, now) == ["opted_out", None, "opted_out", "no_address"]


@pytest.mark.parametrize("no", ["2 no", "2 no tips"])
def test_a_no_covers_every_account_with_the_address(people: sa.Engine, now: datetime, no: str) -> None:
    say(people, now, "0 yes", "1 yes", no)
    assert reasons(people, now) == ["opted_out", None, "opted_out", "no_address"]


@pytest.mark.parametrize("words", ["2 no other", "2 yes", "3 no"])
def test_other_words_of_other_accounts_cover_nobody(people: sa.Engine, now: datetime, words: str) -> None:
    say(people, now, "0 yes", words)
    assert reason_of(people, now) is None


def test_a_no_that_was_taken_back_covers_nobody(people: sa.Engine, now: datetime) -> None:
    say(people, now - DAY, "2 no")
    say(people, now, "0 yes", "2 yes")
    assert reasons(people, now)[0] is None


def test_consent_of_another_purpose_is_no_consent_to_email(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        record_consent(connection, [Consent(0, "tracking", True, now, "page")])
    assert reason_of(people, now) == "no_consent"


def test_personalization_is_on_until_somebody_says_no(people: sa.Engine, now: datetime) -> None:
    rows = [
        Consent(1, "personalization", False, now - DAY, "page"),
        Consent(2, "personalization", False, now - DAY, "page"),
        Consent(2, "personalization", True, now, "page"),
    ]
    with writing(people) as connection:
        record_consent(connection, rows)
    with reading(people) as connection:
        query = sa.select(users.c.user_no).where(personalized(users.c.user_no, now)).order_by(users.c.user_no)
        assert list(connection.scalars(query)) == [0, 2, 3]


def test_an_update_can_ask_for_the_reason_too(people: sa.Engine, now: datetime) -> None:
    say(people, now, "1 yes")
    reason = consent_reason(users.c.user_no, users.c.email_hash, "tips", now)
    with writing(people) as connection:
        marked = sa.update(users).where(reason.is_(None)).values(country="IN").returning(users.c.user_no)
        assert list(connection.scalars(marked)) == [1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL chooses by table size
def test_sqlite_looks_consent_and_suppressions_up_by_index(people: sa.Engine, now: datetime) -> None:
    reason = consent_reason(users.c.user_no, users.c.email_hash, "tips", now)
    query = sa.select(reason, personalized(users.c.user_no, now)).select_from(users)
    text = str(query.compile(people, compile_kwargs={"literal_binds": True}))
    with reading(people) as connection:
        plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert [step for step in plan if step.startswith("SCAN")] == [
        "SCAN users USING COVERING INDEX ix_users_email_hash"
    ]
    searches = [step for step in plan if step.startswith("SEARCH")]
    assert len(searches) >= 8
    indexes = ("suppressions USING INDEX", "granted (user_no=? AND purpose=?", "email_hash (email_hash=?")
    for step in searches:
        assert any(index in step for index in indexes)


# --- writing --------------------------------------------------------------------------------------


def test_unsubscribing_covers_every_account_with_the_address(people: sa.Engine, now: datetime) -> None:
    say(people, now - DAY, "0 yes", "1 yes", "2 yes")
    with writing(people) as connection:
        assert unsubscribe(connection, 2, topic="", at=now, channel="page", proof="clicked") == 2
    assert reasons(people, now) == ["opted_out", None, "opted_out", "no_address"]
    with reading(people) as connection:
        found = connection.execute(sa.select(consent).where(consent.c.granted.is_(False))).all()
    assert {(row.user_no, row.channel, row.proof, row.at) for row in found} == {
        (0, "page", "clicked", now),
        (2, "page", "clicked", now),
    }


def test_unsubscribing_works_without_an_address(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        assert unsubscribe(connection, 3, topic="tips", at=now, channel="console") == 1


def test_unsubscribing_wins_against_a_clock_that_ran_ahead(people: sa.Engine, now: datetime) -> None:
    say(people, now + DAY, "0 yes")
    with writing(people) as connection:
        unsubscribe(connection, 0, topic="", at=now, channel="page")
    assert reason_of(people, now + 2 * DAY) == "opted_out"


def test_a_second_suppression_keeps_the_first_reason(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        assert suppress(connection, [Suppression("a", "complaint", now, "test")]) == (1, 0)
        again = [Suppression("a", "manual", now, "test"), Suppression("b", "manual", now, "test")]
        assert suppress(connection, again) == (1, 0)
        assert suppress(connection, []) == (0, 0)
        rows = connection.execute(sa.select(suppressions.c.email_hash, suppressions.c.reason))
        assert sorted(map(tuple, rows)) == [("a", "complaint"), ("b", "manual")]


@pytest.mark.parametrize(
    "write",
    [
        lambda c, now: unsubscribe(c, 0, topic="", at=now, channel="page"),
        lambda c, now: record_consent(c, [Consent(0, "email", False, now, "page")]),
        lambda c, now: record_imported_consent(c, [ImportedConsent(0, "email", False, now, dated=False)]),
        lambda c, now: suppress(c, [Suppression("hash of ana@example.org", "manual", now, "test")]),
    ],
    ids=["unsubscribe", "record_consent", "record_imported_consent", "suppress"],
)
def test_every_writer_waits_for_the_sender_that_holds_the_person(people, now, write) -> None:
    if people.dialect.name == "sqlite":
        with (
            reading(people) as connection,
            connection.begin(),
            pytest.raises(AssertionError, match="writing"),
        ):
            write(connection, now)
        return
    with writing(people) as sender:
        lock_people(sender, [0])
        with pytest.raises(StorageError, match="lock timeout"), writing(people) as connection:  # noqa: PT012
            connection.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
            write(connection, now)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_people_of_other_numbers_are_not_held_up(people: sa.Engine, now: datetime) -> None:
    with writing(people) as sender, writing(people) as connection:
        lock_people(sender, [0, 2])
        connection.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
        assert unsubscribe(connection, 1, topic="", at=now, channel="page") == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
@pytest.mark.parametrize(
    "held", [{"user_nos": [0]}, {"user_nos": [], "email_hashes": ["hash of ana@example.org"]}]
)
def test_accounts_of_the_same_address_are_held_too(people: sa.Engine, now: datetime, held) -> None:
    with writing(people) as sender:
        lock_people(sender, **held)
        with pytest.raises(StorageError, match="lock timeout"), writing(people) as connection:  # noqa: PT012
            connection.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
            record_consent(connection, [Consent(2, "email", False, now, "page")])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_nobody_else_is_read_to_hold_people(database: sa.Engine) -> None:
    """Of 50,000 people, in a table that was just filled and has no statistics."""
    filled = (
        "INSERT INTO users (user_no, user_id, email_hash, source, source_row_hash, imported_at) "
        "SELECT n, 'u' || n, 'hash ' || n / 2, 'csv', '', now() FROM generate_series(0, 49999) n"
    )
    read = "SELECT seq_scan + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'users'"
    with writing(database) as connection:
        connection.exec_driver_sql(filled)
    with writing(database) as connection:
        lock_people(connection, range(0, 60, 2), email_hashes=[f"hash {n}" for n in range(9_000, 9_030)])
        assert connection.exec_driver_sql(read).scalar_one() == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_accounts_of_an_address_that_changed_while_we_waited_are_held_too(people: sa.Engine) -> None:
    with writing(people) as sender, ThreadPoolExecutor() as thread:
        with writing(people) as importing:
            lock_people(importing, [1])
            waiting = thread.submit(lock_people, sender, [1])
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while importing.exec_driver_sql(query).scalar_one() == 0:
                assert not waiting.done()
            moved = sa.update(users).where(users.c.user_no == 1)
            importing.execute(moved.values(email_hash="hash of ana@example.org"))
        waiting.result(timeout=30)
        with pytest.raises(StorageError, match="lock timeout"), writing(people) as other:  # noqa: PT012
            other.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
            other.execute(sa.select(users).where(users.c.user_no == 0).with_for_update())


WRITES = re.compile(
    r"""\b(consent|suppressions)\.(insert|update|delete)\(
      | \b\w*(insert|update|delete)\(\s*(\w+\.)*(consent|suppressions)\b
      | (insert\s+into|update|delete\s+from)\s+"?(consent|suppressions)\b""",
    re.IGNORECASE | re.VERBOSE,
)


def test_nothing_else_writes_consent_or_suppressions() -> None:
    root = Path(recmail.__file__).parent
    writers = {
        path.relative_to(root).as_posix() for path in root.rglob("*.py") if WRITES.search(path.read_text())
    }
    assert {file for file in writers if "/migrations/" not in file} == {"db/consent.py"}


@pytest.mark.parametrize(
    "line",
    [
        "connection.execute(consent.insert(), rows)",
        "sa.insert(tables.consent)",
        "sqlite_insert(suppressions)",
        'sa.text("DELETE FROM suppressions")',
        "update(consent)",
    ],
)
def test_the_search_for_writers_finds_one(line: str) -> None:
    assert WRITES.search(line)
