"""Any file is read to its end or refused with the place of the mistake; rejects have the right lines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect
from recmail.db.migrate import upgrade
from recmail.db.tables import imports, interactions, users
from recmail.history.importing import Counts, ImportOptions, import_file
from tests.history.imported import COURSES, EVENTS, KEY, NOW, USERS, Import, everything, rejected


def test_lines_are_right_after_quoted_newlines(filled: Import) -> None:
    text = (
        "user_id,course_id,kind,at,query\r\n"
        'a,,searched,2026-10-01,"two\r\nlines"\r\n'
        "a,sql,viewed,never,\r\n"
        "\r\n"
        'a,,searched,2026-10-02,"three\n\n\nlines"\n'
        "a,sql,viewed,never,\n"
        'a,sql,viewed,never,"a bad row\nof two lines"\n'
        "a,sql,viewed\n"
        "a,sql,viewed,2026-10-01,,,\n"
    )
    assert rejected(filled("interactions", text)) == [
        (4, "at: bad time"),
        (10, "at: bad time"),
        (11, "at: bad time"),
        (13, "fewer fields than the header"),
        (14, "more fields than the header"),
    ]


def test_thousands_of_blank_lines_are_not_the_end(filled: Import) -> None:
    text = "user_id,course_id,kind,at\n" + "\n" * 25_000 + "a,sql,viewed,2026-10-01\na,sql,viewed,never\n"
    result = filled("interactions", text)
    assert (result.counts.added, rejected(result)) == (1, [(25_003, "at: bad time")])


def test_mended_rejects_can_be_imported_as_they_are(
    database: sa.Engine, filled: Import, tmp_path: Path
) -> None:
    result = filled(
        "interactions", "user_id;course_id;kind;at\na;sql;viewed;never\nb;sql;viewed;2026-10-01\n"
    )
    assert result.rejects_file == tmp_path / "interactions.csv.rejects.csv"
    text = result.rejects_file.read_text()
    assert text.splitlines() == [
        "reject_line;reject_reason;user_id;course_id;kind;at",
        "2;at: bad time, found 'never';a;sql;viewed;never",
    ]
    mended = filled("interactions", text.replace("never", "2026-10-01"))
    assert (mended.counts, mended.ignored_columns) == (Counts(added=1), ())
    assert not result.rejects_file.exists()


def test_all_rejects_are_counted_and_the_first_10000_listed(filled: Import) -> None:
    result = filled("interactions", "user_id,course_id,kind,at\n" + "a,sql,viewed,never\n" * 10_050)
    assert result.rejects == {"at: bad time": 10_050}
    assert len(rejected(result)) == 10_000


def test_rejects_go_to_the_project_when_the_folder_cannot_be_written(
    filled: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests may run as root, whom no permission stops; the question is answered for them.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    project = tmp_path / "project"
    project.mkdir()
    result = filled("interactions", "user_id,course_id,kind,at\na,sql,viewed,never\n", project=project)
    assert result.rejects_file == project / "interactions.csv.rejects.csv"
    lost = filled("interactions", "user_id,course_id,kind,at\na,sql,viewed,never\n", project=tmp_path / "no")
    assert (lost.rejects_file, lost.rejected) == (None, 1)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_mark_and_the_usual_delimiters_and_line_ends_are_accepted(
    database: sa.Engine, bring: Import, mark: bytes, delimiter: str, end: str
) -> None:
    text = 'USER_ID,email_consent,"first_name"\n\na,yes,"Smith, Ana; B"\nb,yes,'
    text = text.replace("\n", end)
    if delimiter != ",":
        text = text.replace(",", delimiter).replace("Smith" + delimiter, "Smith,")
    assert bring("users", mark + text.encode()).counts.added == 2
    assert everything(database, users, "first_name") == [("Smith, Ana; B",), (None,)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_other_encodings_are_read_when_they_are_named(database: sa.Engine, bring: Import) -> None:
    text = "user_id,email_consent,first_name\na,yes,Zoë\n"
    bring("users", text.encode("cp1252"), encoding="cp1252")
    bring("users", text.replace("a,", "b,").encode("utf-16"), encoding="utf-16")
    assert everything(database, users, "first_name") == [("Zoë",), ("Zoë",)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_control_characters_are_taken_out(database: sa.Engine, bring: Import) -> None:
    bring("users", 'user_id,email_consent,first_name\na,yes,"\x07An\x1b\u2028a\r\n\tB\x9f"\n')
    assert everything(database, users, "first_name") == [("An a B",)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_columns_are_renamed_and_strange_ones_left_out(bring: Import) -> None:
    text = "Id,Mail,email_consent,favourite colour\na,ana@example.org,yes,red\n"
    result = bring("users", text, columns={"id": "user_id", "Mail": "email"})
    assert (result.counts.added, result.ignored_columns) == (1, ("favourite colour",))


def test_a_dry_run_counts_the_same_and_changes_nothing(database: sa.Engine, bring: Import) -> None:
    bring("courses", COURSES)
    for kind, text in {
        "users": USERS + "a,,yes\n",
        "courses": COURSES + "c,,\nd,D\n",
        "suppressions": "email\na@example.org\na@example.org\nx\n",
    }.items():
        rehearsed = bring(kind, text, dry_run=True)
        real = bring(kind, text)
        assert (rehearsed.rejects, rehearsed.rows) == (real.rejects, real.rows)
        assert (rehearsed.counts.added, rehearsed.counts.changed, rehearsed.counts.unchanged) == (
            real.counts.added,
            real.counts.changed,
            real.counts.unchanged,
        )
    before = everything(database, imports, "import_no")
    twice = EVENTS + EVENTS.splitlines()[2] + "\n"
    assert bring("interactions", twice, dry_run=True).counts == Counts(added=4, unchanged=1)
    assert everything(database, interactions, "event_key") == []
    assert everything(database, imports, "import_no") == before


def test_each_import_is_written_down(database: sa.Engine, filled: Import) -> None:
    filled("interactions", EVENTS + ",a,sql,viewed,never,,,,,\n", source="app")
    names = ("source", "kind", "file", "watermark", "started_at", "counts", "rejects")
    source, kind, file, watermark, started_at, counts, rejects = everything(database, imports, *names)[-1]
    assert (source, kind, file, started_at) == ("app", "interactions", "interactions.csv", NOW)
    assert watermark == "2026-10-04T00:00:00+00:00"
    assert (counts["rows"], counts["added"], counts["rejected"]) == (5, 4, 1)
    assert rejects == {"at: bad time": 1}
    finished = everything(database, imports, "finished_at")[-1][0]
    assert NOW <= finished < NOW + timedelta(minutes=5)


def test_progress_goes_from_the_first_chunk_to_the_last_byte(database: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("user_id,email_consent\n" + "".join(f"{number},yes\n" for number in range(25_000)))
    seen: list[tuple[int, int, int]] = []
    import_file(
        database,
        "users",
        file,
        now=NOW,
        key=KEY,
        options=ImportOptions(),
        progress=lambda *told: seen.append(told),
    )
    size = file.stat().st_size
    assert [rows for rows, _, _ in seen] == [10_000, 20_000, 25_000]
    assert seen[-1] == (25_000, size, size)


def test_two_imports_at_once_give_no_number_twice(database_url: str, tmp_path: Path) -> None:
    setup = connect(database_url)
    upgrade(setup)
    setup.dispose()

    def bring_in(name: str) -> Counts:
        file = tmp_path / f"{name}.csv"
        file.write_text("user_id,email_consent\n" + "".join(f"{name}{row},yes\n" for row in range(6_000)))
        engine = connect(database_url)
        try:
            return import_file(engine, "users", file, now=NOW, key=KEY, options=ImportOptions()).counts
        finally:
            engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(bring_in, ["a", "b"])) == [Counts(added=6_000, consents=6_000)] * 2
    engine = connect(database_url)
    assert [row for (row,) in everything(engine, users, "user_no")] == list(range(12_000))
    engine.dispose()
