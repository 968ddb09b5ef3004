"""`recmail import` as people call it: what it says, and which exit code tells cron."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.cli import main
from recmail.cli.command import exit_code
from recmail.cli.imported import show_source
from recmail.errors import DataError
from recmail.history.importing import Counts, ImportResult
from recmail.history.importing_sources import SourceReport
from recmail.history.strangers import Recognised
from tests.cli.conftest import AT, read_json, recmail

SOURCES = """
[sources.crm]
table = "users"
file = "data/users.csv"
[sources.suppressions]
file = "data/suppressions.csv"
[sources.courses]
file = "data/courses.csv"
[sources.demo]
file = "data/interactions*.csv"
"""


@pytest.fixture
def sources(project: Path) -> Path:
    """The demo project with its own files as sources, whose events are known already."""
    with (project / "recmail.toml").open("a") as file:
        file.write(SOURCES)
    return project


def test_sources_are_read_in_their_order_and_then_nothing_is_new(sources: Path) -> None:
    found = recmail("import", "--now", AT, project=sources).stdout.splitlines()
    assert [line.partition(":")[0] for line in found] == ["crm", "courses", "suppressions", "demo"]
    assert all(" 0 new, 0 changed, " in line for line in found)
    again = recmail("import", "--now", AT, project=sources).stdout.splitlines()
    assert again == [f"{line.partition(':')[0]}: nothing new; 1 file is as it was" for line in found]


def test_one_source_can_be_named_and_read_again(sources: Path) -> None:
    recmail("import", "--now", AT, project=sources)
    out = recmail("import", "courses", "--now", AT, "--again", project=sources).stdout
    assert out == "courses: 240 rows read; 0 new, 0 changed, 240 known already; 0 rejected\n"


def test_the_document_has_every_source(sources: Path) -> None:
    (sources / "data/users.csv").write_text("user_id,email_consent\na,perhaps\n")
    (sources / "data/courses.csv").unlink()
    document = read_json(recmail("import", "--now", AT, "--json", project=sources, code=3))
    found = {one["source"]: one for one in document["sources"]}
    assert list(found) == ["crm", "courses", "suppressions", "demo"]
    (reason,) = found["crm"]["results"][0]["rejects"]
    assert reason.startswith("email_consent: neither yes nor no; read are yes, no, subscribed, ")
    assert found["courses"]["errors"] == [
        {"kind": "DataError", "message": "[sources.courses] data/courses.csv: there is no such file"}
    ]
    assert found["demo"]["results"][0]["counts"]["added"] == 0


def test_rejected_rows_of_any_source_are_exit_code_5(sources: Path) -> None:
    (sources / "data/interactions2.csv").write_text("user_id,kind,at\na,viewed,never\n")
    result = recmail("import", "--now", AT, project=sources, code=5)
    assert "demo: 2 files, " in result.stdout
    assert "  rejected 1 x at: bad time (interactions2.csv: line 2, id a, found 'never')\n" in result.stderr
    recmail("import", "--now", AT, project=sources)  # said once


def test_mended_rejects_come_in_as_the_source_that_they_are_of(sources: Path) -> None:
    file = sources / "data/interactions2.csv"
    person = (sources / "data/users.csv").read_text().splitlines()[1].partition(",")[0]
    file.write_text(f"event_id,user_id,kind,at,query\ne1,{person},searched,never,sql\n")
    recmail("import", "--now", AT, project=sources, code=5)
    rejects = file.with_name("interactions2.csv.demo.rejects.csv")
    for path in (rejects, file):
        path.write_text(path.read_text().replace("never", "2026-10-01"))
    document = read_json(recmail("import", "interactions", rejects, "--now", AT, "--json", project=sources))
    assert (document["source"], document["counts"]["added"]) == ("demo", 1)
    assert "demo: 1 rows read; 0 new" in recmail("import", "--now", AT, project=sources).stdout


def test_without_sources_it_shows_what_to_write(project: Path) -> None:
    result = recmail("import", project=project, code=3)
    assert "recmail.toml: has no [sources.*] yet" in result.stderr
    assert "[sources.users]\nfile = " in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("users",), 2, "users: name the FILE, or write a section [sources.users]"),
        (("data/users.csv",), 3, "there is no section [sources.data/users.csv]; there are: crm"),
        (("demoo",), 3, "no section [sources.demoo]; did you mean demo?"),
        (("user", "x.csv"), 2, "found 'user' before the FILE; did you mean users?"),
        (("users", "x.csv", "--again"), 2, "--again is for sources"),
        (("crm", "--map", "a=b"), 2, "--map is for a FILE; a source has it in its section"),
        (("--encoding", "cp1252"), 2, "--encoding is for a FILE"),
        (("users", "x.csv", "--map", "a"), 2, "--map a: expected THEIRS=OURS"),
        (("users", "x.parquet"), 3, "x.parquet: there is no such file"),
    ],
)
def test_wrong_words_are_told_what_is_expected(
    sources: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    result = recmail("import", *words, project=sources, code=code)
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_a_file_without_its_kind_is_told_what_to_add(sources: Path) -> None:
    path = sources / "data/users.csv"
    result = recmail("import", path, project=sources, code=2)
    assert "recmail import users|courses|interactions|suppressions" in " ".join(result.stderr.split())


def _result(**found: object) -> ImportResult:
    moment = datetime.fromisoformat(AT)
    plain = dict(source="events", kind="interactions", file="1.gz", dry_run=False, rows=3)  # noqa: C408
    plain |= dict(counts=Counts(added=1, pending=2, linked=4), rejects={}, rejects_file=None)  # noqa: C408
    plain |= dict(warnings={"odd": 2}, warned_lines={}, ignored_columns=(), unmapped={}, newest=None)  # noqa: C408
    plain |= dict(started_at=moment, finished_at=moment)  # noqa: C408
    return ImportResult(**(plain | found))


def test_events_without_a_kind_are_lines_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    report = SourceReport("events", "interactions")
    report.results = [
        _result(unmapped={"Course Viewed": 7, 'Say "hi"': 1}),
        _result(file="2.gz", unmapped={"Course Viewed": 5_000, "Lesson Completed": 20, "a\x1b[2J\u202eb": 1}),
    ]
    show_source(report)
    out, err = capsys.readouterr()
    assert out == (
        "events: 2 files, 6 rows read; 2 new, 0 changed, 0 known already, "
        "4 kept until their person and course are known; 0 rejected\n"
    )
    assert "  8 other ids were joined with the people who have them" in err
    assert "  4 x odd\n" in err
    pasted = err[err.index("# under [sources.events.kinds]") :]
    import tomllib

    assert tomllib.loads(pasted) == {
        "Course Viewed": "viewed",
        "Lesson Completed": "progressed",
        'Say "hi"': "ignore",
        "a\x1b[2J\u202eb": "ignore",
    }
    assert "\x1b" not in err
    assert "\u202e" not in err
    assert "# 5,007 times" in pasted


def test_each_file_has_a_line_when_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    report = SourceReport("events", "interactions")
    report.results = [_result(), _result(file="2.gz", warnings={"\x1b[1mbold": 1})]
    show_source(report, verbose=True)
    out, err = capsys.readouterr()
    assert [line.partition(";")[0] for line in out.splitlines()] == [
        "events: 2 files, 6 rows read",
        "  1.gz: 3 rows read",
        "  2.gz: 3 rows read",
    ]
    assert "  1 x ·[1mbold" in err


def test_user_ids_that_nobody_has_are_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    report = SourceReport("events", "interactions")
    strange = Recognised(60, 1, ("u-1", "u-2"), ("1", "2"))
    report.results = [_result(recognised=strange), _result(recognised=strange)]
    show_source(report)
    warning = "WARNING: of 120 events that have a user_id, 2 have one that a person has: events say u-1, u-2;"
    assert f"{warning} users have 1, 2." in capsys.readouterr().err
    report.results = [_result(recognised=replace(strange, known=3))] * 2
    show_source(report)
    assert "WARNING" not in capsys.readouterr().err


def test_many_names_are_not_all_shown(capsys: pytest.CaptureFixture[str]) -> None:
    report = SourceReport("events", "interactions")
    report.results = [_result(unmapped={f"Event {number}": 1 for number in range(100)})]
    show_source(report)
    assert "and 70 other names, see --json" in capsys.readouterr().err


def test_an_error_of_a_source_is_said_with_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    report = SourceReport("events", "interactions")
    report.add(DataError("x.csv: is empty"))
    show_source(report)
    assert capsys.readouterr().err == "[sources.events] x.csv: is empty\n"
    assert exit_code(report.errors[0]) == 3


KINDS = ("users", "courses", "interactions", "suppressions")
PIECES = st.sampled_from(
    [
        *b"user_id email email_consent kind at course_id title , yes viewed 2026-10-01 {} PAR1".split(),
        b"\n",
        b'"',
        b"\r",
        *(b"\x1f\x8b\x08\x00", b"\0", b"\xff", b"\xef\xbb\xbf"),
    ]
)
VALUES = """
"" "data/users.csv" "users" "csv" "sql" "parquet" "select\\u00201" "sqlite:///recmail.db" "*" "**" 3 true []
{} {a="b"} "3d" "env:NOBODY" "../*" 1979-05-27
"""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    name=st.sampled_from(["a.csv", "a.csv.gz", "a.parquet", "a"]),
    content=st.lists(PIECES, max_size=40).map(b"".join) | st.binary(max_size=200),
)
def test_any_bytes_end_in_a_documented_exit_code(project: Path, kind: str, name: str, content: bytes) -> None:
    (project / name).write_bytes(content)
    words = [
        "import",
        kind,
        str(project / name),
        "--consent-basis",
        "test",
        "--project",
        str(project),
        "--json",
    ]
    result = CliRunner().invoke(main, words)
    assert isinstance(result.exception, SystemExit | None)
    assert result.exit_code in (0, 3, 5)
    assert json.loads(result.stdout)["schema_version"] == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.dictionaries(
        st.sampled_from(["file", "sql", "url", "format", "table", "columns", "overlap", "encoding", "x"]),
        st.sampled_from(VALUES.split()),
        max_size=5,
    )
)
def test_any_section_ends_in_a_documented_exit_code(sources: Path, keys: dict[str, str]) -> None:
    text = (sources / "recmail.toml").read_text().partition("[sources.any]")[0]
    lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
    (sources / "recmail.toml").write_text(f"{text}[sources.any]\n{lines}\n")
    result = CliRunner().invoke(main, ["import", "any", "--project", str(sources)])
    assert isinstance(result.exception, SystemExit | None)
    assert result.exit_code in (0, 1, 3, 4, 5)
