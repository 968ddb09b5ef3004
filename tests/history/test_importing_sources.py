"""Every source from its watermark: what is new is read, what is known is not, what breaks stops nothing."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.tables import imports, interactions, users
from recmail.history.freshness import survey
from recmail.history.importing import Counts
from recmail.history.importing_interactions import UNCHECKED
from recmail.history.importing_sources import SourceReport
from recmail.history.watermarks import everything
from tests.history.imported import COURSES, NOW, USERS
from tests.history.imported import everything as whole
from tests.history.sourced import bring_all, errors, write_project

FILES = """
[sources.events]
file = "data/*.csv"
[sources.courses]
file = "courses.csv"
[sources.users]
file = "users.csv"
"""
HEADER = "event_id,user_id,course_id,kind,at\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with three sources of files, events first, and no events yet."""
    folder = write_project(tmp_path / "project", FILES)
    (folder / "data").mkdir()
    (folder / "users.csv").write_text(USERS)
    (folder / "courses.csv").write_text(COURSES)
    return folder


def events(project: Path, name: str, *lines: str) -> None:
    """Write a file of events, newer than any before."""
    path = project / "data" / name
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    moment = 1_790_000_000 + len(list(path.parent.iterdir()))
    os.utime(path, (moment, moment))


def read(reports: list[SourceReport]) -> dict[str, tuple[int, int, int]]:
    """Files read, rows added and files known, by source."""
    return {
        one.source: (len(one.results), sum(result.counts.added for result in one.results), one.known)
        for one in reports
    }


def test_users_and_courses_come_before_events_and_each_file_once(database: sa.Engine, project: Path) -> None:
    events(project, "1.csv", "1,a,sql,viewed,2026-10-01")
    assert read(bring_all(database, project)) == {
        "users": (1, 2, 0),
        "courses": (1, 2, 0),
        "events": (1, 1, 0),
    }
    assert read(bring_all(database, project)) == {
        "users": (0, 0, 1),
        "courses": (0, 0, 1),
        "events": (0, 0, 1),
    }
    events(project, "2.csv", "1,a,sql,viewed,2026-10-01", "2,b,py,viewed,2026-10-02")
    assert read(bring_all(database, project))["events"] == (1, 1, 1)
    events(project, "1.csv", "1,a,sql,viewed,2026-10-01", "3,b,py,viewed,2026-10-03")
    assert read(bring_all(database, project))["events"] == (1, 1, 1)
    assert read(bring_all(database, project, find=everything))["events"] == (2, 0, 0)
    assert len(whole(database, interactions, "event_key")) == 3


def test_a_file_that_was_not_read_to_its_end_is_read_again(database: sa.Engine, project: Path) -> None:
    events(project, "1.csv", "1,a,sql,viewed,2026-10-01", '"2,a,sql,viewed,2026-10-01')
    for _ in range(2):
        (error,) = errors(bring_all(database, project))
        assert "1.csv:3: a quoted field begins here" in error


def test_a_broken_file_or_source_does_not_stop_the_others(database: sa.Engine, project: Path) -> None:
    (project / "users.csv").write_bytes(b"user_id,email_consent\n\xff,yes\n")
    events(project, "1.csv")
    (project / "data/1.csv").write_bytes(b"")
    events(project, "2.csv", "1,a,sql,viewed,2026-10-01")
    reports = bring_all(database, project)
    assert all(error.startswith("[sources.") for error in errors(reports))
    assert [error.partition(": ")[0].rpartition("/")[2] for error in errors(reports)] == [
        "users.csv:2",
        "1.csv",
    ]
    assert read(reports)["courses"] == (1, 2, 0)
    assert reports[2].results[0].counts == Counts(pending=1)


def test_what_is_the_same_for_every_file_is_said_once(database: sa.Engine, project: Path) -> None:
    (project / "courses.csv").unlink()
    events(project, "1.csv", "1,a,sql,viewed,2026-10-01")
    events(project, "2.csv", "2,a,sql,viewed,2026-10-01")
    assert errors(bring_all(database, project)) == [
        "[sources.courses] courses.csv: there is no such file",
        "[sources.events] there are no courses yet; import the courses before the interactions",
    ]


def test_a_changed_section_makes_its_files_new(database: sa.Engine, project: Path) -> None:
    (project / "users.csv").write_text("user_id,email_consent,surname\na,yes,Smith\n")
    bring_all(database, project)
    section = '[sources.users.columns]\nsurname = "last_name"\n'
    write_project(project, FILES + section)
    assert read(bring_all(database, project))["users"] == (1, 0, 0)
    assert whole(database, users, "last_name") == [("Smith",)]
    assert read(bring_all(database, project))["users"] == (0, 0, 1)


def test_a_wrong_column_of_a_source_is_told_with_the_line_to_write(
    database: sa.Engine, project: Path
) -> None:
    (project / "courses.csv").write_text("course_id,titel\nsql,SQL\n")
    found = [
        line.partition("courses.csv:1: ")[2] for line in errors(bring_all(database, project))[0].splitlines()
    ]
    assert found == [
        'titel: unknown column; did you mean title? (then [sources.courses.columns] "titel" = "title", '
        "or rename it)",
        "title: this column is missing; found course_id, titel (if one of them holds it: "
        '[sources.courses.columns] "THEIRS" = "title")',
    ]


def test_rejected_rows_are_no_source_of_their_own(database: sa.Engine, project: Path) -> None:
    events(project, "1.csv", "1,a,sql,viewed,never")
    assert bring_all(database, project)[2].rejected == 1
    assert (project / "data/1.csv.events.rejects.csv").is_file()
    assert read(bring_all(database, project))["events"] == (0, 0, 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "name", [".1.csv.x7Gf", "1.csv.part", "1.csv.TMP", "1.csv.crdownload", ".~lock.1.csv#", "~$1.csv"]
)
def test_files_that_are_still_being_copied_or_held_open_are_not_read(
    database: sa.Engine, project: Path, name: str
) -> None:
    write_project(project, FILES.replace("data/*.csv", 'data/*"\nformat = "csv'))
    events(project, name, "1,a,sql,viewed,2026-10-01")
    assert read(bring_all(database, project))["events"] == (0, 0, 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_files_of_one_name_in_several_folders_are_several(database: sa.Engine, project: Path) -> None:
    write_project(project, FILES.replace("data/*.csv", "data/**/*.csv"))
    for day in ("mon", "tue"):
        (project / "data" / day).mkdir()
        events(project, f"{day}/e.csv", f"{day},a,sql,viewed,2026-10-01")
    assert read(bring_all(database, project))["events"] == (2, 2, 0)
    assert [file for (file,) in whole(database, imports, "file")][2:] == ["mon/e.csv", "tue/e.csv"]
    assert read(bring_all(database, project))["events"] == (0, 0, 2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("dta/*.csv", "there is no folder "),
        ("data/x.csv", "there is no such file"),
        ("[.csv", "there is no such file"),
    ],
)
def test_a_path_is_there_and_a_pattern_has_a_folder(
    database: sa.Engine, project: Path, pattern: str, message: str
) -> None:
    write_project(project, FILES.replace("data/*.csv", pattern))
    (error,) = errors(bring_all(database, project))
    assert error.startswith(f"[sources.events] {pattern}: {message}")


def test_a_dry_run_of_sources_changes_nothing(database: sa.Engine, project: Path) -> None:
    reports = bring_all(database, project, dry_run=True)
    assert read(reports)["users"] == (1, 2, 0)
    assert (whole(database, users, "user_id"), whole(database, imports, "file")) == ([], [])
    assert read(bring_all(database, project, NOW + timedelta(days=1)))["users"] == (1, 2, 0)


def test_a_dry_run_of_a_new_project_checks_the_events_too(database: sa.Engine, project: Path) -> None:
    events(project, "1.csv", "1,a,sql,viewed,2026-10-01", "2,a,py,bought,2026-10-02")
    reports = bring_all(database, project, dry_run=True)
    assert errors(reports) == []
    (result,) = reports[2].results
    assert (result.counts, result.rejected) == (Counts(pending=1), 1)
    assert result.warnings == {UNCHECKED: 1}


def test_two_sources_of_one_file_have_a_list_of_rejects_each(database: sa.Engine, project: Path) -> None:
    write_project(project, FILES + '[sources.crm]\ntable = "users"\nfile = "users.csv"\n')
    (project / "users.csv").write_text("user_id,email_consent\na,perhaps\n")
    lists = {project / "users.csv.users.rejects.csv", project / "users.csv.crm.rejects.csv"}
    bring_all(database, project)
    assert set(project.glob("*.rejects.csv")) == lists
    (project / "users.csv").write_text("user_id,email_consent\na,yes\n")
    bring_all(database, project, dry_run=True)
    assert set(project.glob("*.rejects.csv")) == lists  # a dry run leaves those of the last import
    bring_all(database, project)
    assert set(project.glob("*.rejects.csv")) == set()


def test_a_dry_run_lists_its_rejects_until_the_import(database: sa.Engine, project: Path) -> None:
    (project / "users.csv").write_text("user_id,email_consent\na,perhaps\n")
    for dry_run, name in ((True, "users.dry-run.rejects.csv"), (False, "users.rejects.csv")):
        (report, *_) = bring_all(database, project, dry_run=dry_run)
        assert report.results[0].rejects_file == project / f"users.csv.{name}"
        assert list(project.glob("*.rejects.csv")) == [project / f"users.csv.{name}"]


@pytest.mark.parametrize(
    ("line", "state"),
    [('"2,a,sql,viewed,2026-10-31', "unfinished"), ("2,a,sql,viewed,never", "fresh")],
)
def test_a_broken_file_that_was_deleted_is_neither_unfinished_nor_to_be_mended(
    database: sa.Engine, project: Path, line: str, state: str
) -> None:
    def found() -> tuple[str, int]:
        with reading(database) as connection:
            of_events = next(one for one in survey(connection, NOW).sources if one.kind == "interactions")
        return of_events.state, sum(of_events.rejects.values())

    events(project, "1.csv", "1,a,sql,viewed,2026-10-31", line)
    bring_all(database, project)
    assert found() == (state, int(state == "fresh"))
    (project / "data/1.csv").unlink()
    bring_all(database, project, dry_run=True)
    assert found() == (state, int(state == "fresh"))
    bring_all(database, project)
    assert found() == ("fresh", 0)


def test_events_do_not_come_in_under_two_names(database: sa.Engine, project: Path) -> None:
    lines = [f"{row},a,sql,viewed,2026-10-01 10:00:{row:02}" for row in range(30)]
    events(project, "1.csv", *lines)
    bring_all(database, project)
    write_project(project, FILES.replace("sources.events", "sources.web"))
    assert errors(bring_all(database, project)) == [
        "[sources.web] these events came in before under the name events, and would count twice under the "
        "name web; call their section [sources.events], which goes on from there"
    ]
    assert len(whole(database, interactions, "event_key")) == 30
    events(project, "1.csv", *(line.replace("2026-10", "2026-09") for line in lines))
    assert errors(bring_all(database, project)) == []  # another table's numbers
    assert len(whole(database, interactions, "event_key")) == 60
