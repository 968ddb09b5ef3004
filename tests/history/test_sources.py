"""Sections of recmail.toml: what a source is when little is said, its order, all mistakes at their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail import plugins
from recmail.errors import ConfigError, DataError
from recmail.history.importers import PACKAGE
from recmail.history.importers.csv import Csv
from recmail.history.importers.parquet import Parquet
from recmail.history.importers.sql import Sql
from recmail.history.sources import EXAMPLE, file_piece, read_source, read_sources
from recmail.settings import load_settings
from tests.history.sourced import mistakes, write_project


def test_a_source_is_what_its_name_its_file_and_its_keys_say(tmp_path: Path) -> None:
    text = """
        [sources.clicks]
        file = "a/*.csv.gz"
        [sources.suppressions]
        file = "b.tsv"
        [sources.courses]
        sql = "select 1 as course_id"
        url = "sqlite:///x.db"
        [sources.crm]
        table = "users"
        format = "parquet"
        file = "c"
    """
    found = read_sources(load_settings(write_project(tmp_path, text)))
    assert [(one.name, one.table, type(one.options)) for one in found] == [
        ("crm", "users", Parquet),
        ("courses", "courses", Sql),
        ("suppressions", "suppressions", Csv),
        ("clicks", "interactions", Csv),
    ]


def test_the_example_that_is_shown_to_paste_is_right(tmp_path: Path) -> None:
    found = read_sources(load_settings(write_project(tmp_path, EXAMPLE)))
    assert [one.table for one in found] == ["users", "courses", "interactions"]


def test_all_mistakes_of_all_sections_are_told_at_their_places(tmp_path: Path) -> None:
    text = """
[sources.users]
fiel = "users.csv"
[sources.courses]
format = "cvs"
file = "courses.csv"
[sources.events]
file = "s3://bucket/*.csv"
tabel = "users"
columns = { at = 3 }
[sources.other]
file = "data/*"
[sources.empty]
[sources.query]
sql = "delete from users"
url = ""
overlap = "3 days"
"""
    assert mistakes(tmp_path, text) == [
        "3:8: [sources.users] fiel: unknown key; did you mean file?",
        "5:10: [sources.courses] format: found 'cvs'; did you mean csv?",
        "8:8: [sources.events] file: expected files on this machine; fetch them first, such as with: "
        "aws s3 sync",
        "9:9: [sources.events] tabel: unknown key; did you mean table?",
        "10:18: [sources.events] columns.at: input should be a valid string",
        f"11:1: [sources.other]: format is missing; expected one of {', '.join(plugins.names(PACKAGE))}",
        "13:1: [sources.empty]: has neither file nor sql",
        "15:7: [sources.query] sql: begins with delete; expected one SELECT: sources are only read",
        "16:7: [sources.query] url: found ''; expected a database's URL, as env:NAME or file:PATH",
        "17:11: [sources.query] overlap: found '3 days'; expected a duration such as 7d, 3h, 30m or 2w",
    ]


def test_a_name_that_is_nearly_a_table_has_to_say_what_it_brings(tmp_path: Path) -> None:
    text = """
[sources.user]
file = "a.csv"
[sources.cources]
file = "a.csv"
[sources.users_2025]
file = "a.csv"
[sources.suppression]
file = "a.csv"
table = "suppressions"
[sources.users-of-the-app]
file = "a/*.gz"
format = "segment"
[sources.sessions]
file = "a.csv"
[sources.interaction]
file = "a.csv"
[sources.user_events]
file = "a.csv"
"""
    say = "Say what it brings:"
    assert mistakes(tmp_path, text) == [
        f"2:1: [sources.user]: did you mean [sources.users]? {say} "
        'table = "users", or table = "interactions"',
        f"4:1: [sources.cources]: did you mean [sources.courses]? {say} "
        'table = "courses", or table = "interactions"',
        f"6:1: [sources.users_2025]: did you mean [sources.users]? {say} "
        'table = "users", or table = "interactions"',
    ]


def test_a_folder_is_no_file_and_a_pattern_of_what_lies_in_it_is_proposed(tmp_path: Path) -> None:
    for name in ("csv/a.csv", "csv/b.csv", "csv/notes.txt", "web/2026-11-01/1.gz", "empty/.keep"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    text = """
[sources.plain]
file = "csv"
[sources.web]
format = "segment"
file = "web/"
[sources.empty]
format = "csv"
file = "empty"
"""
    assert mistakes(tmp_path, text) == [
        "3:8: [sources.plain] file: is a folder; name the files in it: csv/*.csv",
        "6:8: [sources.web] file: is a folder; name the files in it: web/**/*.gz",
        "9:8: [sources.empty] file: is a folder; name the files in it: empty/*.csv",
    ]
    with pytest.raises(DataError, match=r"web: is a folder; name the files in it: web/\*\*/\*.gz"):
        file_piece(tmp_path / "web", "utf-8")
    with pytest.raises(DataError, match=r"a.json.gz: is JSON by its name; such files come in by a section"):
        file_piece(tmp_path / "a.json.gz", "utf-8")


def test_a_source_is_either_a_query_or_files(tmp_path: Path) -> None:
    text = '[sources.users]\nsql = "select 1"\nfile = "a.csv"\nurl = "sqlite:///x.db"\n'
    assert mistakes(tmp_path, text) == ["3:8: [sources.users] file: expected either sql or file, not both"]


def test_a_password_in_a_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    write_project(tmp_path, '[sources.a]\nsql = "select 1"\nurl = "mysql://joe:hunter2@db/x"\n')
    with pytest.raises(ConfigError, match="a secret may not stand here") as caught:
        load_settings(tmp_path)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_name_is_told_the_nearest(tmp_path: Path) -> None:
    settings = load_settings(write_project(tmp_path, '[sources.events]\nfile = "a.csv"\n'))
    assert read_source("events", settings).name == "events"
    with pytest.raises(ConfigError, match=r"no section \[sources.event\]; did you mean events\?"):
        read_source("event", settings)


def test_the_shape_changes_with_what_decides_about_the_rows_and_with_nothing_else(tmp_path: Path) -> None:
    def shape(keys: str, besides: str = "") -> str:
        text = f'[sources.users]\nfile = "a.csv"\n{keys}\n{besides}'
        return read_sources(load_settings(write_project(tmp_path, text)))[0].shape

    plain = shape("")
    assert plain == shape('table = "users"')
    others = {
        shape('columns = { mail = "email" }'),
        shape('encoding = "cp1252"'),
        shape('consent_basis = "customers"'),
        shape("", '[attributes]\nplan = "text"\n'),
    }
    assert len(others | {plain}) == 5
