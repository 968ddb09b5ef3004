"""No no is lost with its row, and nobody is mailed on a word that cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, consent_reason, record_consent, trackable
from recmail.db.tables import consent, suppressions, users
from recmail.errors import RefusedError
from recmail.history import importing_users
from recmail.history.exporting import unsubscribes
from recmail.history.importing import Counts
from recmail.history.importing_consent import _KEPT, _LOST, _READ, _TAKEN_BACK, BROKEN, is_of_noes
from recmail.history.importing_target import Setting
from tests.history.imported import NOW, USERS, Import, everything, rejected

DAY = timedelta(days=1)
HEAD = "user_id,email,email_consent,signed_up_at\n"


def reasons(engine: sa.Engine, at: datetime = NOW + 9 * DAY) -> dict[str, str | None]:
    """Why each person may not be mailed; None for those who may."""
    reason = consent_reason(users.c.user_no, users.c.email_hash, "", at)
    with reading(engine) as connection:
        return {row[0]: row[1] for row in connection.execute(sa.select(users.c.user_id, reason))}


# --- rows that are rejected for something else ----------------------------------------------------


@pytest.mark.parametrize("said", ["no", "Unsubscribed", "opted-out", "cleaned"])
def test_a_no_is_recorded_though_its_row_is_rejected(database: sa.Engine, bring: Import, said: str) -> None:
    bring("users", USERS)
    text = f"{HEAD}a,ana@example.org,{said},31/12/1999\nb,ben@example.org,yes,\n"
    for _ in range(2):
        result = bring("users", text, now=NOW + DAY)
        assert rejected(result) == [(2, "signed_up_at: bad time")]
        assert (result.warnings, result.warned_lines) == ({_KEPT: 1}, {_KEPT: [2]})
    assert reasons(database) == {"a": "opted_out", "b": None}
    assert everything(database, consent, "user_no", "granted")[2:] == [(0, False)]
    bring("users", USERS, now=NOW + 2 * DAY)
    assert reasons(database)["a"] == "opted_out"  # a yes without a date overrules no no


def test_a_second_row_with_the_same_id_may_say_no(database: sa.Engine, bring: Import) -> None:
    bring("users", f"{HEAD}a,ana@example.org,yes,\na,other@example.org,no,\n")
    assert reasons(database) == {"a": "opted_out"}


def test_a_no_of_somebody_unknown_stays_with_the_address(database: sa.Engine, bring: Import) -> None:
    text = f"{HEAD}z,Zoe@example.org,no,never\n,ben@example.org,no,\n,carl@example.org,yes,\ny,,no,never\n"
    result = bring("users", text)
    assert (result.counts, result.warnings) == (Counts(consents=2), {_KEPT: 3, _LOST: 1})
    assert everything(database, suppressions, "reason", "source") == [("imported", "csv")] * 2
    later = f"{HEAD}z,zoe@example.org,yes,\nb,ben@example.org,yes,\nc,carl@example.org,yes,\n"
    bring("users", later, now=NOW + DAY)
    assert reasons(database) == {"z": "opted_out", "b": "opted_out", "c": None}


def test_a_no_to_personalization_is_not_lost_either(database: sa.Engine, bring: Import) -> None:
    bring("users", USERS)
    bring("users", "user_id,email_consent,personalization,signed_up_at\na,yes,no,never\n")
    assert everything(database, consent, "user_no", "purpose", "granted")[2:] == [
        (0, "personalization", False)
    ]


def test_tracking_is_as_the_file_says_until_the_person_says_no(database: sa.Engine, bring: Import) -> None:
    bring("users", USERS)

    def tracked(word: str, day: int) -> bool:
        bring("users", f"user_id,email_consent,tracking\na,yes,{word}\n", now=NOW + day * DAY)
        with reading(database) as connection:
            may = trackable(sa.literal(0), NOW + day * DAY)
            return bool(connection.scalar(sa.select(may)))

    assert [tracked(word, day) for day, word in enumerate(("", "yes", "no", "yes"))] == [
        False,
        True,
        False,
        True,
    ]
    with writing(database) as connection:
        record_consent(connection, [Consent(0, "tracking", False, NOW + 4 * DAY, "page")])
    assert [tracked(word, 5 + day) for day, word in enumerate(("no", "yes"))] == [False, False]


def test_who_was_erased_is_not_written_about(database: sa.Engine, bring: Import) -> None:
    bring("users", USERS)
    with writing(database) as connection:
        connection.execute(users.update().where(users.c.user_no == 0).values(erased_at=NOW))
    assert bring("users", f"{HEAD}a,ana@example.org,no,never\n").counts == Counts()
    assert len(everything(database, consent, "consent_no")) == 2
    assert everything(database, suppressions, "reason") == []


def test_a_dry_run_records_no_no(database: sa.Engine, bring: Import) -> None:
    bring("users", USERS)
    result = bring("users", f"{HEAD}a,ana@example.org,no,never\n", dry_run=True)
    assert result.warnings == {_KEPT: 1}
    assert reasons(database)["a"] is None


def test_a_dry_run_does_not_pile_up_what_it_does_not_record(
    database: sa.Engine, bring: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[importing_users.Users] = []

    class Kept(importing_users.Users):
        def __init__(self, setting: Setting) -> None:
            super().__init__(setting)
            made.append(self)

    monkeypatch.setattr(importing_users, "Users", Kept)
    bring("users", f"{HEAD}a,ana@example.org,no,never\n", dry_run=True)
    assert made[0].objections == []


@pytest.mark.parametrize(
    "line", ["a,ana@example.org,unsubscribed", " a ,Smith, Ana,no,ana@example.org,", "a"]
)
def test_nobody_is_mailed_on_a_line_that_cannot_be_told_apart(
    database: sa.Engine, bring: Import, line: str
) -> None:
    bring("users", USERS)
    others = "z,zoe@example.org\n\x01\nb,ben@example.org,yes,\n"
    result = bring("users", f"{HEAD}{line}\n{others}", now=NOW + DAY)
    assert (result.counts.consents, result.rejected, result.warnings[BROKEN]) == (1, 3, 2)
    assert reasons(database) == {"a": "opted_out", "b": None}
    with reading(database) as connection:
        assert list(unsubscribes(connection, NOW + 9 * DAY)) == []
    bring("users", USERS, now=NOW + 2 * DAY)  # the very row of before
    assert reasons(database) == {"a": None, "b": None}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_line_that_says_nothing_about_consent_takes_nothing_back(
    database: sa.Engine, bring: Import
) -> None:
    bring("users", USERS)
    result = bring("users", "user_id,first_name\na,Ana,\n", consent_basis="customers", now=NOW + DAY)
    assert (result.rejected, result.warnings) == (1, {})
    assert reasons(database) == {"a": None, "b": None}


def test_of_two_noes_in_rejected_rows_the_later_counts(database: sa.Engine, bring: Import) -> None:
    head = "user_id,email_consent,email_consent_at,signed_up_at\n"
    bring("users", f"{head}a,yes,2026-02-01,\n")
    bring("users", f"{head}a,no,2026-10-01,never\na,no,2026-03-01,never\n")
    bring("users", f"{head}a,yes,2026-05-01,\n")
    found = everything(database, consent, "granted", "at")
    assert found == [(True, datetime(2026, 2, 1, tzinfo=UTC)), (False, datetime(2026, 10, 1, tzinfo=UTC))]


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("yes Y TRUE 1 1.0 on SUBSCRIBED opted-in Opted_In", None),
        (
            "no N false 0 0.0 off UNSUBSCRIBED opted-out OPTED_OUT opt-out cleaned bounced Suppressed",
            "opted_out",
        ),
        ("NEVER_SUBSCRIBED not_subscribed pending NOT_SPECIFIED Unconfirmed unknown n/a null", "no_consent"),
    ],
)
def test_the_words_of_other_tools_are_read(
    database: sa.Engine, bring: Import, words: str, reason: str | None
) -> None:
    people = {f"u{number}": word for number, word in enumerate(words.split())}
    rows = [
        f"{user_id},{user_id}@example.org,{word.replace('_', ' ', 1)},\n" for user_id, word in people.items()
    ]
    assert bring("users", HEAD + "".join(rows)).rejects == {}
    assert reasons(database) == dict.fromkeys(people, reason)


def test_nobody_is_mailed_on_a_word_that_cannot_be_read(database: sa.Engine, bring: Import) -> None:
    bring("users", USERS)
    result = bring("users", f"{HEAD}a,ana@example.org,perhaps,\nz,zoe@example.org,ja,\n", now=NOW + DAY)
    assert rejected(result) == [(line, f"email_consent: neither yes nor no; {_READ}") for line in (2, 3)]
    assert result.warned_lines == {_TAKEN_BACK: [2, 3]}
    assert result.counts == Counts(consents=1)
    assert reasons(database) == {"a": "opted_out", "b": None}
    assert everything(database, consent, "user_no", "granted", "channel", "proof")[2:] == [
        (0, False, "unread", "email_consent: perhaps")
    ]
    with reading(database) as connection:
        assert list(unsubscribes(connection, NOW + 9 * DAY)) == []  # no opt-out to tell the CRM of


@pytest.mark.parametrize("date", ["", "2026-01-01", "2026-11-20"])
def test_the_next_yes_answers_a_word_that_could_not_be_read(
    database: sa.Engine, bring: Import, date: str
) -> None:
    text = "user_id,email,email_consent,email_consent_at\na,ana@example.org,{},{}\n"
    bring("users", text.format("yes", date), now=NOW + 18 * DAY)
    bring("users", text.format("perhaps", date), now=NOW + 19 * DAY)
    assert reasons(database, NOW + 20 * DAY) == {"a": "opted_out"}
    bring("users", text.format("yes", date), now=NOW + 20 * DAY)  # the very row of before
    assert reasons(database, NOW + 21 * DAY) == {"a": None}
    assert bring("users", text.format("yes", date), now=NOW + 22 * DAY).counts == Counts(unchanged=1)


def test_a_yes_that_answers_it_overrules_no_earlier_no(database: sa.Engine, bring: Import) -> None:
    text = "user_id,email,email_consent,email_consent_at\na,ana@example.org,{},{}\n"
    for day, (said, date) in enumerate([("no", ""), ("yes", "2026-11-05"), ("perhaps", ""), ("yes", "")]):
        bring("users", text.format(said, date), now=NOW + day * DAY + 4 * DAY)
    assert reasons(database) == {"a": "opted_out"}
    bring("users", text.format("yes", "2026-11-09"), now=NOW + 9 * DAY)
    assert reasons(database, NOW + 10 * DAY) == {"a": None}


def test_pending_takes_a_yes_back_until_it_is_confirmed(database: sa.Engine, bring: Import) -> None:
    for day, (said, reason) in enumerate([("yes", None), ("pending", "opted_out"), ("subscribed", None)]):
        result = bring("users", f"{HEAD}a,ana@example.org,{said},\n", now=NOW + day * DAY)
        assert result.counts.consents == 1
        assert reasons(database) == {"a": reason}


# --- columns of noes ------------------------------------------------------------------------------


def test_a_column_of_noes_says_no_and_its_others_need_a_basis(database: sa.Engine, bring: Import) -> None:
    text = "user_id,email,Unsubscribed from all email\na,a@a.org,true\nb,b@a.org,false\nc,c@a.org,\n"
    with pytest.raises(RefusedError, match="if Unsubscribed from all email says who said no: --map 'Unsub"):
        bring("users", text)
    columns = {"Unsubscribed from all email": "email_consent"}
    with pytest.raises(RefusedError, match="of nobody that they said yes; say why the others may be mailed"):
        bring("users", text, columns=columns)
    assert bring("users", text, columns=columns, consent_basis="customers").counts.consents == 3
    assert reasons(database) == {"a": "opted_out", "b": None, "c": None}
    everybody = text.replace("true", "false")
    bring("users", everybody, columns=columns, consent_basis="customers", now=NOW + DAY)
    assert reasons(database)["a"] == "opted_out"
    bring("users", text.replace("false", "unsubscribed"), columns=columns, consent_basis="x", now=NOW + DAY)
    assert reasons(database)["b"] == "opted_out"


@pytest.mark.parametrize("says_no", [True, False])
def test_the_name_of_a_column_tells_whether_it_is_one_of_noes(says_no: bool) -> None:
    noes = "unsubscribed hs_email_optout do_not_mail Email-Disabled DNC no_marketing NoEmail has_no_e-mail"
    yeses = "subscribed opt_in accepts_marketing newsletter casino_email piano_newsletter email_consent"
    for column in (noes if says_no else yeses).split():
        assert is_of_noes(column) == says_no, column


def test_a_date_in_a_column_of_noes_is_no_yes(database: sa.Engine, bring: Import) -> None:
    text = "user_id,email,unsubscribed_at\na,ana@example.org,2026-01-01 10:00:00\n"
    result = bring("users", text, columns={"unsubscribed_at": "email_consent"}, consent_basis="customers")
    assert result.rejected == 1
    assert reasons(database, datetime(2027, 1, 1, tzinfo=UTC)) == {}
