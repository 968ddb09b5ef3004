"""Lists of addresses come in whatever tool wrote them, and nobody who said no is taken for a yes."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.tables import suppressions
from recmail.errors import DataError
from recmail.history.importing import Counts, ImportOptions, import_file
from recmail.tokens import email_hash
from tests.history.imported import KEY, NOW, Import, everything, rejected

SUBSCRIBED = [
    *("Email Address", "First Name", "Last Name", "Address", "Phone Number", "Birthday", "MEMBER_RATING"),
    *("OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME", "CONFIRM_IP", "GMTOFF", "DSTOFF", "TIMEZONE", "CC", "REGION"),
    *("LAST_CHANGED", "LEID", "EUID", "NOTES", "TAGS"),
]
UNSUBSCRIBED = [
    *SUBSCRIBED[: SUBSCRIBED.index("LAST_CHANGED")],
    *("UNSUB_TIME", "UNSUB_CAMPAIGN_TITLE", "UNSUB_CAMPAIGN_ID", "UNSUB_REASON", "UNSUB_REASON_OTHER"),
    *("LEID", "EUID", "NOTES", "TAGS"),
]
CLEANED = [
    *SUBSCRIBED[: SUBSCRIBED.index("LAST_CHANGED")],
    *("CLEAN_TIME", "CLEAN_CAMPAIGN_TITLE", "CLEAN_CAMPAIGN_ID", "LEID", "EUID", "NOTES", "TAGS"),
]
LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at\n"


def export(columns: list[str], *members: dict[str, str]) -> str:
    """A file as Mailchimp writes it; a member is given by the columns that say something."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    for member in members:
        writer.writerow({"OPTIN_TIME": "2021-01-01 00:00:00", "LEID": "1", "Address": "1 Main St"} | member)
    return text.getvalue()


def found(engine: sa.Engine) -> dict[str, tuple[str, datetime]]:
    """Reason and time of each of these people's addresses."""
    names = {email_hash(KEY, f"{name}@example.org"): name for name in ("ana", "ben", "cleo", "dan", "eve")}
    rows = everything(engine, suppressions, "email_hash", "reason", "at")
    return {names[str(key)]: (str(reason), at) for key, reason, at in rows if isinstance(at, datetime)}


def test_suppressions_come_in_as_hashes(database: sa.Engine, bring: Import) -> None:
    text = (
        "email,reason,at\nAna@example.org,complaint,2026-01-01\nben@example.org,bored,\nnobody,,\n"
        "ana@example.org,manual,\n"
    )
    result = bring("suppressions", text, source="mailer")
    assert rejected(result) == [(4, "email: no usable address")]
    assert result.warnings == {"reason: unknown, kept as imported": 1}
    assert result.counts == Counts(added=2, unchanged=1)
    assert set(everything(database, suppressions, "email_hash", "reason", "at", "source")) == {
        (email_hash(KEY, "ana@example.org"), "complaint", datetime(2026, 1, 1, tzinfo=UTC), "mailer"),
        (email_hash(KEY, "ben@example.org"), "imported", NOW, "mailer"),
    }
    assert bring("suppressions", text).counts == Counts(unchanged=3)


@pytest.mark.parametrize(
    "text",
    [
        "email\nana@example.org\nben@example.org\n",
        "ana@example.org\nben@example.org\n",
        "\n\nAna@Example.org\r\nben@example.org",
        "Kontakte\nana@example.org\nben@example.org\n",
        "Name,E-Mail-Adresse\nAna,ana@example.org\n,ben@example.org\n",
        "Name;E-mail;Address\nAna;ana@example.org;1 Main St\n;ben@example.org;\n",
        "id\tRecipient\n1\tana@example.org\n2\tben@example.org\n",
        "id,address\n1,ana@example.org\n2,ben@example.org\n",
    ],
)
def test_a_list_of_addresses_needs_no_heading_of_ours(database: sa.Engine, bring: Import, text: str) -> None:
    result = bring("suppressions", text)
    assert (result.rows, result.counts) == (2, Counts(added=2))
    assert found(database) == {"ana": ("imported", NOW), "ben": ("imported", NOW)}


@pytest.mark.parametrize("columns", [["Adresse"], ["Email Address", "n"]])
def test_a_list_in_parquet_needs_no_heading_of_ours(
    database: sa.Engine, tmp_path: Path, columns: list[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = tmp_path / "list.parquet"
    pq.write_table(pa.table({name: ["ana@example.org", "ben@example.org"] for name in columns}), file)
    result = import_file(database, "suppressions", file, now=NOW, key=KEY, options=ImportOptions())
    assert (result.rejects, result.counts) == ({}, Counts(added=2))


def test_a_list_without_a_column_of_addresses_is_refused(bring: Import) -> None:
    with pytest.raises(DataError, match="email: this column is missing; found id, kontakt"):
        bring("suppressions", "id,kontakt\n1,ana@example.org\n")
    assert bring("suppressions", "id,kontakt\n1,ana@example.org\n", columns={"kontakt": "email"}).rows == 1


def test_mailchimps_unsubscribed_said_no_when_it_says(database: sa.Engine, bring: Import) -> None:
    text = export(
        UNSUBSCRIBED,
        {"Email Address": "ana@example.org", "UNSUB_TIME": "2025-06-01 10:00:00", "UNSUB_REASON": "n/a"},
        {"Email Address": "ben@example.org", "UNSUB_TIME": "2025-06-02 10:00:00"},
        {"Email Address": "dan@example.org", "UNSUB_REASON": "SPAM"},
    )
    assert bring("suppressions", text).counts == Counts(added=3)
    assert found(database) == {
        "ana": ("imported", datetime(2025, 6, 1, 10, tzinfo=UTC)),
        "ben": ("imported", datetime(2025, 6, 2, 10, tzinfo=UTC)),
        "dan": ("imported", NOW),
    }
    assert bring("suppressions", text, now=NOW + timedelta(days=1)).counts == Counts(unchanged=3)


def test_mailchimps_cleaned_bounced(database: sa.Engine, bring: Import) -> None:
    text = export(CLEANED, {"Email Address": "cleo@example.org", "CLEAN_TIME": "2025-05-15 09:00:00"})
    assert bring("suppressions", text).counts == Counts(added=1)
    assert found(database) == {"cleo": ("hard_bounce", datetime(2025, 5, 15, 9, tzinfo=UTC))}


def test_mailchimps_subscribed_in_the_same_file_are_left_out_and_said(
    database: sa.Engine, bring: Import
) -> None:
    text = export(
        [*UNSUBSCRIBED, "CLEAN_TIME"],
        {"Email Address": "ana@example.org", "UNSUB_TIME": "2025-06-01 10:00:00"},
        {"Email Address": "ben@example.org"},
        {"Email Address": "cleo@example.org", "CLEAN_TIME": "2025-05-15 09:00:00"},
    )
    result = bring("suppressions", text)
    assert (result.rows, result.counts) == (3, Counts(added=2, left_out=1))
    assert result.warned_lines == {"still subscribed there, left out": [3]}
    assert set(found(database)) == {"ana", "cleo"}


def test_a_file_of_mailchimps_subscribed_alone_is_refused(database: sa.Engine, bring: Import) -> None:
    with pytest.raises(DataError, match="none of them said no"):
        bring("suppressions", export(SUBSCRIBED, {"Email Address": "ana@example.org"}))
    assert found(database) == {}


def test_listmonks_blocklisted_said_no_and_its_enabled_did_not(database: sa.Engine, bring: Import) -> None:
    text = LISTMONK + (
        'u1,ana@example.org,Ana,"{""city"": ""Pune""}",blocklisted,2021-01-01 10:00:00 +0000 UTC,'
        "2025-06-01 15:30:00.123456 +0530 IST\n"
        "u2,ben@example.org,Ben,{},enabled,2021-01-01 10:00:00 +0000 UTC,2025-06-01 10:00:00 +0000 UTC\n"
        "u3,cleo@example.org,Cleo,{},disabled,2021-01-01 10:00:00 +0000 +0000,"
        "2025-06-03 10:00:00 +0000 +0000\n"
    )
    result = bring("suppressions", text)
    assert result.counts == Counts(added=2, left_out=1)
    assert any("--map status=reason" in warning for warning in result.warnings)
    assert found(database) == {
        "ana": ("imported", datetime(2025, 6, 1, 10, 0, 0, 123456, tzinfo=UTC)),
        "cleo": ("imported", datetime(2025, 6, 3, 10, tzinfo=UTC)),
    }


def test_those_who_left_one_list_of_listmonk_are_enabled_there(database: sa.Engine, bring: Import) -> None:
    text = (
        LISTMONK
        + "u2,ben@example.org,Ben,{},enabled,2021-01-01 10:00:00 +0000 UTC,2025-06-01 10:00:00 +0000 UTC\n"
    )
    result = bring("suppressions", text, columns={"status": "reason"})
    assert result.counts == Counts(added=1)
    assert found(database)["ben"][0] == "imported"


def test_a_status_means_what_tools_mean_by_it(database: sa.Engine, bring: Import) -> None:
    text = (
        "email,status\nana@example.org,Unsubscribed\nben@example.org,bounced\ncleo@example.org,spam\n"
        "dan@example.org,gone fishing\neve@example.org,active\n"
    )
    result = bring("suppressions", text)
    assert result.warned_lines["status: unknown, taken for a no"] == [5]
    assert {name: reason for name, (reason, _) in found(database).items()} == {
        "ana": "imported",
        "ben": "hard_bounce",
        "cleo": "complaint",
        "dan": "imported",
    }


def test_a_no_is_never_lost_to_a_bad_date(database: sa.Engine, bring: Import) -> None:
    result = bring("suppressions", "email,at\nana@example.org,10/8/08 12:36\nben@example.org,2031-01-01\n")
    assert (result.rejects, result.counts) == ({}, Counts(added=2))
    assert result.warned_lines == {"at: no time that can be; counts from now on": [2, 3]}
    assert found(database) == {"ana": ("imported", NOW), "ben": ("imported", NOW)}


def test_a_stronger_reason_replaces_another_tools_no(database: sa.Engine, bring: Import) -> None:
    bring(
        "suppressions", "email,reason,at\nana@example.org,imported,2025-01-01\nben@example.org,complaint,\n"
    )
    result = bring(
        "suppressions", "email,reason,at\nana@example.org,hard_bounce,2024-01-01\nben@example.org,,\n"
    )
    assert result.counts == Counts(changed=1, unchanged=1)
    assert found(database) == {
        "ana": ("hard_bounce", datetime(2024, 1, 1, tzinfo=UTC)),
        "ben": ("complaint", NOW),
    }


def test_a_rehearsal_counts_what_an_import_would_do(database: sa.Engine, bring: Import) -> None:
    bring("suppressions", "email,at\nana@example.org,2025-01-01\n")
    rows = [
        "email,status,at",
        "ana@example.org,,2025-02-01",
        *["ben@example.org,,"] * 2,
        "eve@example.org,active,",
    ]
    text = "\n".join(rows)
    expected = Counts(added=1, changed=1, unchanged=1, left_out=1)
    assert bring("suppressions", text, dry_run=True).counts == expected
    assert set(found(database)) == {"ana"}
    assert bring("suppressions", text).counts == expected
