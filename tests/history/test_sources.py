"""Sections of recmail.toml: what a source is when little is said, its order, all mistakes at their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail import plugins
from recmail.errors import ConfigError
from recmail.history.importers import PACKAGE
from recmail.history.importers.csv import Csv
from recmail.history.importers.parquet import Parquet
from recmail.history.importers.sql import Sql
from recmail.history.sources import EXAMPLE, read_source, read_sources
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
