"""People are imported with address and consent, changed only where they differ, never brought back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, consent_reason, record_consent
from recmail.db.tables import consent, users
from recmail.errors import RefusedError
from recmail.history.importing import Counts
from recmail.history.importing_consent import _READ
from recmail.tokens import email_hash
from tests.history.imported import COURSES, KEY, NOW, USERS, Import, everything, rejected


def test_people_come_in_with_address_hash_and_consent(database: sa.Engine, bring: Import) -> None:
    result = bring(
        "users",
        "user_id,email,first_name,language,country,timezone,signed_up_at,email_consent,email_consent_at,"
        "email_consent_source,personalization\n"
        "a,Ana@Example.org, Ana ,pt_BR,in,asia/kolkata,2026-01-02T03:04:05+05:30,yes,2026-02-01,signup,yes\n"
        "b,,,,,,,no,,,no\n"
        "c,cleo@example.org,,,,,,,,,\n",
    )
    assert (result.rows, result.counts, result.rejects) == (3, Counts(added=3, consents=3), {})
    names = ("user_no", "user_id", "email", "email_key", "first_name", "language", "country", "timezone")
    assert everything(database, users, *names) == [
        (0, "a", "Ana@Example.org", "ana@example.org", "Ana", "pt-BR", "IN", "Asia/Kolkata"),
        (1, "b", None, None, None, None, None, None),
        (2, "c", "cleo@example.org", "cleo@example.org", None, None, None, None),
    ]
    signed_up = datetime(2026, 1, 1, 21, 34, 5, tzinfo=UTC)
    assert everything(database, users, "email_hash", "signed_up_at")[0] == (
        email_hash(KEY, "ana@example.org"),
        signed_up,
    )
    said = everything(database, consent, "user_no", "purpose", "granted", "at", "channel", "proof")
    assert sorted(said, key=str) == [
        (0, "email", True, datetime(2026, 2, 1, tzinfo=UTC), "import", "signup"),
        (1, "email", False, NOW, "import", None),
        (1, "personalization", False, NOW, "import", None),
    ]


def test_the_same_file_again_changes_nothing(database: sa.Engine, bring: Import) -> None:
    bring("users", USERS)
    assert bring("users", USERS, now=NOW + timedelta(days=1)).counts == Counts(unchanged=2)
    assert len(everything(database, consent, "consent_no")) == 2


def test_a_changed_row_changes_its_columns_only(database: sa.Engine, bring: Import) -> None:
    bring("users", "user_id,email,first_name,country,email_consent\na,ana@example.org,Ana,IN,yes\n")
    result = bring("users", "user_id,email,first_name,email_consent\na,new@example.org,,no\nz,,Zoe,yes\n")
    assert result.counts == Counts(added=1, changed=1, consents=2)
    assert everything(database, users, "user_no", "email_key", "first_name", "country") == [
        (0, "new@example.org", None, "IN"),
        (1, None, "Zoe", None),
    ]


def test_countries_and_languages_may_be_written_as_names(database: sa.Engine, bring: Import) -> None:
    """Segments ask for codes: `country == "IN"` has to find who came in as India."""
    people = "user_id,country,language,email_consent\n" + "".join(
        f"{number},{both},yes\n"
        for number, both in enumerate(("India,Hindi", "United States,en_US", "in,HI", "Zzyzx,Klingon"))
    )
    assert bring("users", people).warnings == {"country: unknown": 1, "language: unknown": 1}
    assert everything(database, users, "country", "language") == [
        ("IN", "hi"),
        ("US", "en-US"),
        ("IN", "HI"),
        (None, None),
    ]


def test_what_is_unusable_in_a_person_is_left_out_and_said(database: sa.Engine, bring: Import) -> None:
    text = (
        "user_id,email,timezone,language,email_consent\n"
        'a,ana@nowhere,"Asia/\nCalcuta",english please,yes\n'
        "b,b@example.org,Mars,de,yes\n"
        "c,jo sé@example.org,,,yes\n"
    )
    result = bring("users", text)
    assert result.counts.added == 3
    assert result.warnings == {"email: no usable address": 2, "timezone: unknown": 2, "language: unknown": 1}
    assert result.warned_lines["timezone: unknown"] == [2, 4]
    assert everything(database, users, "email", "email_hash", "timezone") == [
        (None, None, None),
        ("b@example.org", email_hash(KEY, "b@example.org"), None),
        (None, None, None),
    ]


def test_people_are_refused_with_line_and_reason(bring: Import) -> None:
    text = (
        "user_id,email,last_seen_at,email_consent,email_consent_at\n"
        "a,a@example.org,2026-11-01,yes,\n"
        ",b@example.org,,yes,\n"
        "c,c@example.org,yesterday,yes,\n"
        "d,d@example.org,2026-11-04,yes,\n"
        "e,e@example.org,,maybe,\n"
        "a,again@example.org,,yes,\n"
        "f,f@example.org,,yes,2027-01-01\n"
        "g,g@example.org,1969-12-31,yes,\n"
    )
    result = bring("users", text)
    assert rejected(result) == [
        (3, "user_id: empty"),
        (4, "last_seen_at: bad time"),
        (5, "last_seen_at: in the future"),
        (6, f"email_consent: neither yes nor no; {_READ}"),
        (7, "user_id: a second row with this id"),
        (8, "email_consent_at: in the future"),
        (9, "last_seen_at: bad time"),
    ]
    assert (result.rows, result.counts.added, result.rejected) == (8, 1, 7)


def test_what_was_found_and_where_is_told(bring: Import) -> None:
    text = (
        "user_id,email_consent,signed_up_at\nu-7,yes,31.12.2025\nu-8,yes,never\n" + "x" * 300 + ",perhaps,\n"
    )
    result = bring("users", text)
    assert result.reject_examples == {
        "signed_up_at: bad time": "line 2, user_id u-7, found '31.12.2025'",
        "user_id: longer than 255 characters": f"line 4, user_id {'x' * 40}",
    }
    assert result.rejects_file is not None
    lines = result.rejects_file.read_text().splitlines()
    assert lines[1] == "2,\"signed_up_at: bad time, found '31.12.2025'\",u-7,yes,31.12.2025"
    assert lines[3].startswith("4,user_id: longer than 255 characters,xxx")


def test_an_id_is_found_twice_in_a_file_that_is_longer_than_a_chunk(bring: Import) -> None:
    ids = [*range(20_001), 7]
    result = bring(
        "users", "user_id,email_consent\n" + "".join(f"{user_id},\n" for user_id in ids), dry_run=True
    )
    assert rejected(result) == [(20_003, "user_id: a second row with this id")]
    assert result.counts == Counts(added=20_001)


def test_people_without_a_word_on_consent_are_refused(database: sa.Engine, bring: Import) -> None:
    with pytest.raises(RefusedError, match="--consent-basis"):
        bring("users", "user_id,email\na,ana@example.org\n")
    assert everything(database, users, "user_no") == []
    result = bring("users", "user_id,email\na,ana@example.org\n", consent_basis="customers since 2019")
    assert result.counts == Counts(added=1, consents=1)
    assert everything(database, consent, "granted", "at", "proof") == [(True, NOW, "customers since 2019")]


def test_a_column_that_may_be_consent_is_named(bring: Import) -> None:
    text = "user_id,Plan,Newsletter opt-in\na,pro,yes\n"
    with pytest.raises(RefusedError, match="--map 'Newsletter opt-in=email_consent'"):
        bring("users", text)
    assert bring("users", text, columns={"Newsletter opt-in": "email_consent"}).counts.consents == 1


@pytest.mark.parametrize("date", ["yesterday", "2031-01-01"])
def test_a_no_is_never_lost_to_a_bad_date(database: sa.Engine, bring: Import, date: str) -> None:
    head = "user_id,email,email_consent,email_consent_at\n"
    bring("users", f"{head}a,ana@example.org,yes,2026-01-01\n")
    result = bring("users", f"{head}a,ana@example.org,no,{date}\nb,ben@example.org,yes,{date}\n")
    assert (result.counts, result.rejected) == (Counts(changed=1, consents=1), 1)
    assert result.warned_lines == {"email_consent_at: no time that can be; the no counts from now on": [2]}
    assert everything(database, consent, "granted", "at", "dated")[1:] == [(False, NOW, False)]


def test_dates_of_consent_are_proof_beside_a_basis(database: sa.Engine, bring: Import) -> None:
    text = "user_id,CONFIRM_TIME,email_consent_source\na,2025-02-01 10:00:00,shop\nb,,\n"
    columns = {"CONFIRM_TIME": "email_consent_at"}
    assert bring("users", text, columns=columns, consent_basis="old tool").counts.consents == 2
    assert everything(database, consent, "granted", "at", "dated", "proof") == [
        (True, datetime(2025, 2, 1, 10, tzinfo=UTC), True, "shop"),
        (True, NOW, False, "old tool"),
    ]


def test_who_said_no_to_the_old_tool_is_not_mailed_whenever_they_are_imported(
    database: sa.Engine, bring: Import
) -> None:
    def mailable() -> list[str | None]:
        reason = consent_reason(users.c.user_no, users.c.email_hash, "", NOW)
        with reading(database) as connection:
            return list(connection.scalars(sa.select(reason).select_from(users).order_by(users.c.user_no)))

    text = "user_id,email,email_consent,email_consent_at\na,ana@example.org,yes,\nb,Ben@example.org,yes,{}\n"
    bring("users", text.format("2025-01-01"))
    bring(
        "suppressions", "email,at\nANA@example.org,2025-06-01\nben@example.org,2025-06-01\nc@example.org,\n"
    )
    assert mailable() == ["opted_out", "opted_out"]
    bring("users", text.format("2025-07-01") + "c,c@example.org,yes,\n")
    assert mailable() == ["opted_out", None, "opted_out"]


def test_a_basis_for_all_does_not_overrule_a_recorded_no(database: sa.Engine, bring: Import) -> None:
    bring("users", "user_id,email,email_consent\na,ana@example.org,no\nb,ben@example.org,\n")
    text = "user_id,email,first_name\na,ana@example.org,Ana\nb,ben@example.org,Ben\n"
    result = bring("users", text, consent_basis="customers", now=NOW + timedelta(days=1))
    assert result.counts == Counts(changed=2, consents=1)
    said = everything(database, consent, "user_no", "granted", "proof")
    assert said == [(0, False, None), (1, True, "customers")]


@pytest.mark.parametrize(("date", "counts"), [("", 0), ("2026-11-02", 0), ("2026-11-03", 1)])
def test_a_yes_overrules_a_no_of_another_file_only_with_a_later_date(
    bring: Import, date: str, counts: int
) -> None:
    bring("users", "user_id,email_consent\na,no\n")
    text = f"user_id,email_consent,email_consent_at\na,yes,{date}\n"
    later = NOW + timedelta(days=9)
    assert bring("users", text, consent_basis="customers", now=later).counts.consents == counts


def test_an_import_does_not_overrule_a_click(database: sa.Engine, bring: Import) -> None:
    bring("users", USERS)
    with writing(database) as connection:
        record_consent(connection, [Consent(0, "email", False, NOW, "page")])
    text = "user_id,email,first_name,email_consent,email_consent_at\na,ana@example.org,Ana,yes,{}\n"
    later = NOW + timedelta(days=9)
    assert bring("users", text.format(""), now=later).counts == Counts(changed=1)
    assert bring("users", text.format("2026-11-05"), now=later).counts == Counts(changed=1, consents=1)


def test_erased_people_are_never_brought_back(database: sa.Engine, bring: Import) -> None:
    bring("users", USERS)
    bring("courses", COURSES)
    with writing(database) as connection:
        connection.execute(users.update().where(users.c.user_no == 0).values(erased_at=NOW, email=None))
    assert bring("users", USERS.replace("ana@", "anna@")).counts == Counts(unchanged=1, erased=1)
    events = "user_id,course_id,kind,at\na,sql,viewed,2026-11-01\nb,sql,viewed,2026-11-01\n"
    assert bring("interactions", events).counts == Counts(added=1, erased=1)
    assert everything(database, users, "email")[0] == (None,)


def test_declared_attributes_are_kept_and_those_of_other_files_stay(
    database: sa.Engine, bring: Import
) -> None:
    declared = {"plan": "text", "team_size": "number", "trial": "boolean", "renews": "date"}
    text = "user_id,email_consent,plan,team_size\na,yes,pro,12\nb,yes,,many\n"
    result = bring("users", text, attributes=declared)
    assert rejected(result) == [(3, "team_size: bad number")]
    bring("users", "user_id,email_consent,plan,trial,renews\na,yes,,no,2027-01-31\n", attributes=declared)
    assert everything(database, users, "attributes") == [
        ({"team_size": 12.0, "trial": False, "renews": "2027-01-31"},)
    ]
