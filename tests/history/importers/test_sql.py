"""Queries on other databases: every type, read only, streamed, from the watermark, no passwords."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recmail.db.tables import courses, imports, interactions, users
from recmail.history.importers.sql import Sql
from recmail.history.importers.sql_statement import as_template, check_query, has_since
from recmail.history.importing import Counts
from recmail.history.importing_sources import SourceReport
from recmail.history.watermarks import everything as again
from tests.history.imported import NOW, everything
from tests.history.importers.contract import ImporterContract
from tests.history.sourced import bring_all, errors, write_project

TABLES = """
create table people (id bigint, mail text, consent boolean, tz text, at {time});
create table catalogue (id text, name text, tags {list}, price numeric(10, 2), closes {time});
create table events (no bigint, person bigint, course text, what text, at {time});
insert into people values (1, 'ana@example.org', true, 'Europe/Berlin', '2026-10-01 10:00:00');
insert into people values (2, 'ben@example.org', false, null, '2026-10-01 10:00:00');
insert into catalogue values ('sql', 'SQL: 100% at 10:30', {tags}, 49.50, null);
insert into events values (1, 1, 'sql', 'viewed', '2026-10-01 10:00:00.25');
insert into events values (2, 2, 'sql', 'enrolled', '2026-10-20 10:00:00');
"""
SQLITE = {"time": "text", "list": "text", "tags": "'a;b'"}
POSTGRESQL = {"time": "timestamptz", "list": "text[]", "tags": "'{a,b}'"}
SOURCES = """
[sources.users]
sql = "select id as user_id, mail as email, consent as email_consent, tz as timezone from people"
url = "env:REPLICA_URL"
[sources.courses]
sql = "select id as course_id, name as title, tags, price, closes as closes_at from catalogue"
url = "env:REPLICA_URL"
[sources.events]
sql = '''
    -- all of them; those before :since are known
    select no as event_id, person as user_id, course as course_id, what as kind, at
    from events where at >= :since and what <> ':x' and course like 's%' order by no;
'''
url = "env:REPLICA_URL"
"""


@pytest.fixture
def replica(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """Another system's database; on PostgreSQL in a schema beside ours, its password in the URL."""
    if database_url.startswith("sqlite"):
        url, words = f"sqlite:///{tmp_path / 'other.db'}", SQLITE
    else:
        made = sa.make_url(database_url).update_query_dict({"options": "-csearch_path=other"})
        url, words = made.render_as_string(hide_password=False), POSTGRESQL
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("create schema other")
        for statement in TABLES.format(**words).strip().split(";\n"):
            connection.execute(sa.text(statement.rstrip(";").replace(":30", r"\:30")))
    monkeypatch.setenv("REPLICA_URL", url)
    yield engine
    engine.dispose()


def run(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def added(reports: list[SourceReport]) -> list[Counts]:
    return [result.counts for report in reports for result in report.results]


def test_a_database_is_brought_in_with_its_types(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path
) -> None:
    folder = write_project(tmp_path, SOURCES)
    reports = bring_all(database, folder)
    assert errors(reports) == []
    assert added(reports) == [Counts(added=2, consents=2), Counts(added=1), Counts(added=2)]
    assert everything(database, users, "user_id", "timezone") == [("1", "Europe/Berlin"), ("2", None)]
    assert everything(database, courses, "title", "tags", "price_minor") == [
        ("SQL: 100% at 10:30", ["a", "b"], 4950)
    ]
    found = everything(database, interactions, "event_key", "at")
    assert found == [
        ("events:1", datetime(2026, 10, 1, 10, 0, 0, 250_000, UTC)),
        ("events:2", datetime(2026, 10, 20, 10, tzinfo=UTC)),
    ]


def test_events_are_asked_for_from_three_days_before_the_newest(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path
) -> None:
    folder = write_project(tmp_path, SOURCES)
    bring_all(database, folder)
    run(replica, "insert into events values (3, 1, 'sql', 'viewed', '2026-10-16 10:00:00')")
    run(replica, "insert into events values (4, 1, 'sql', 'viewed', '2026-10-18 10:00:00')")
    assert added(bring_all(database, folder))[2] == Counts(added=1, unchanged=1)
    assert added(bring_all(database, folder))[2] == Counts(unchanged=2)
    assert added(bring_all(database, folder, find=again))[2] == Counts(added=1, unchanged=3)
    write_project(tmp_path, SOURCES + 'overlap = "30d"\n')
    assert added(bring_all(database, folder))[2] == Counts(unchanged=4)
    write_project(tmp_path, SOURCES.replace("order by no", "order by at"))
    assert added(bring_all(database, folder))[2] == Counts(unchanged=4)


def test_a_night_without_news_does_not_lose_the_watermark(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path
) -> None:
    folder = write_project(tmp_path, SOURCES)
    bring_all(database, folder)
    run(replica, "delete from events")
    assert added(bring_all(database, folder))[2] == Counts()
    run(replica, "insert into events values (5, 1, 'sql', 'viewed', '2026-10-16 10:00:00')")
    assert added(bring_all(database, folder))[2] == Counts()


def test_people_are_asked_for_since_they_were_last_read(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path
) -> None:
    section = SOURCES.partition("[sources.courses]")[0].replace(
        "from people", "from people where at >= :since"
    )
    folder = write_project(tmp_path, section)
    assert added(bring_all(database, folder)) == [Counts(added=2, consents=2)]
    recent = (NOW - timedelta(days=2)).replace(tzinfo=None)
    run(replica, f"update people set tz = 'Asia/Tokyo', at = '{recent}' where id = 2")
    assert added(bring_all(database, folder)) == [Counts(changed=1)]


def test_times_that_python_has_not_are_rejected_rows(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path
) -> None:
    run(replica, "insert into catalogue (id, name, closes) values ('py', 'Python', 'infinity')")
    (_, report) = bring_all(database, write_project(tmp_path, SOURCES.partition("[sources.events]")[0]))
    (result,) = report.results
    assert (result.counts.added, result.rejects) == (1, {"closes_at: bad time": 1})
    assert result.rejects_file == tmp_path / "courses.rejects.csv"


NUMBERS = """
[sources.users]
sql = "select id as user_id, consent as email_consent from people"
url = "env:REPLICA_URL"
[sources.courses]
sql = "select id as course_id, name as title from catalogue"
url = "env:REPLICA_URL"
[sources.events]
sql = '''
    select no as event_id, person as user_id, course as course_id, what as kind,
        datetime(at, 'unixepoch') as at
    from events where {where}
'''
url = "env:REPLICA_URL"
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("at > :since", None),
        ("at * 1000 > :since", None),
        ("at > unixepoch(:since)", 2),
        ("datetime(at, 'unixepoch') > :since", 2),
        ("datetime(at, 'unixepoch') > :since and no > 5", 0),
        ("at > :since and no > 5", 0),
    ],
)
def test_a_query_that_compares_since_with_numbers_is_told_how(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path, where: str, count: int | None
) -> None:
    run(replica, "alter table events rename column at to old")
    run(replica, "alter table events add column at integer")
    run(replica, "update events set at = unixepoch(old)")
    found = bring_all(database, write_project(tmp_path, NUMBERS.replace("{where}", where)))
    if count is None:
        assert errors(found)[0].startswith("[sources.events] the query compares :since")
        assert "write unixepoch(:since)" in errors(found)[0]
    else:
        assert errors(found) == []
        assert found[2].results[0].counts.added == count


WRONG = {
    "select nope from people": "[sources.users] the query is refused: ",
    "select id from nowhere": "[sources.users] the query is refused: ",
    "select * from people where": "[sources.users] the query is refused: ",
    "select id from people": "[sources.users] sql: user_id: this column is missing; found id",
}


@pytest.mark.parametrize("sql", WRONG)
def test_a_wrong_query_is_told_in_plain_words(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path, sql: str
) -> None:
    text = f'[sources.users]\nsql = "{sql}"\nurl = "env:REPLICA_URL"\nconsent_basis = "x"\n'
    (error,) = errors(bring_all(database, write_project(tmp_path, text)))
    assert error.startswith(WRONG[sql])
    assert "\n" not in error
    assert "sqlalche" not in error


@pytest.mark.parametrize(
    "sql",
    [
        "with gone as (delete from people returning *) select id as user_id from gone",
        "with x as (select 1) delete from people",
    ],
)
def test_a_query_cannot_write(database: sa.Engine, replica: sa.Engine, tmp_path: Path, sql: str) -> None:
    text = f'[sources.users]\nsql = "{sql}"\nurl = "env:REPLICA_URL"\nconsent_basis = "x"\n'
    (error,) = errors(bring_all(database, write_project(tmp_path, text)))
    assert error.startswith("[sources.users] the query is refused: ")
    with replica.connect() as connection:
        assert connection.scalar(sa.text("select count(*) from people")) == 2


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///nowhere.db", "nowhere.db: there is no such file"),
        ("postgresql://joe:hunter2@127.0.0.1:1/x", "the database cannot be read: "),
        ("postgresql://joe:hunter2@127.0.0.1:port/x", "env:REPLICA_URL is not a database's URL"),
        ("hunter2", "env:REPLICA_URL is not a database's URL"),
        (
            "mysql+nothing://joe:hunter2@h/x",
            "the driver of mysql databases is not installed; write mysql:// and run: pip install pymysql",
        ),
        (
            "mysql://joe:hunter2@h/x",
            "the driver of mysql databases is not installed; run: pip install pymysql",
        ),
        (
            "oracle://joe:hunter2@h/x",
            "the driver of oracle databases is not installed; run: pip install oracledb",
        ),
        ("hunter3://joe:hunter2@h/x", "the driver of hunter3 databases is not installed; it needs its"),
        (
            "postgresql+asyncpg://joe:hunter2@h/x",
            "postgresql+asyncpg:// is an asynchronous driver, which is of no use here; write postgresql://",
        ),
        ("mysql+aiomysql://joe:hunter2@h/x", "mysql+aiomysql:// is an asynchronous driver"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_reached_is_told_without_the_password(
    database: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("REPLICA_URL", url)
    found = errors(bring_all(database, write_project(tmp_path, SOURCES.partition("[sources.courses]")[0])))
    assert found[0].startswith(f"[sources.users] {message}")
    assert "hunter2" not in found[0]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_missing_variable_is_told_at_its_line(
    database: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REPLICA_URL", raising=False)
    (first, *_) = errors(bring_all(database, write_project(tmp_path, SOURCES)))
    assert first == "recmail.toml:10: env:REPLICA_URL: the environment variable REPLICA_URL is not set"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("", "is empty"),
        ("-- nothing", "is empty"),
        ("drop table x", "begins with drop"),
        ("select 1; drop table x", "holds several statements"),
        ("select 1 where a > :sinc", ":sinc is not known; did you mean since"),
        ("select 1 where a > :day", ":day is not known; :since is"),
    ],
)
def test_what_is_not_one_query_is_refused(statement: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_query(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select ';' as a, \";\", $x$ ; $x$ /* ; */ -- ;",
        "(select x::text, a[1:2], '10:30', ':day' from y);\n",
        "with a as (select 1) select * from a",
        "VALUES (1)",
    ],
)
def test_what_is_one_query_is_one(statement: str) -> None:
    assert check_query(statement) == statement
    assert not has_since(statement)
    compiled = sa.text(as_template(statement))
    assert not compiled._bindparams
    assert str(compiled) == statement.strip().rstrip(";")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_since_may_be_cast_and_what_is_quoted_stays(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path
) -> None:
    cast = "at >= :since::timestamptz and what <> ':x::y\\\\:z'"
    folder = write_project(tmp_path, SOURCES.replace("at >= :since and what <> ':x'", cast))
    reports = bring_all(database, folder)
    assert errors(reports) == []
    assert added(reports)[2] == Counts(added=2)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_servers_way_of_writing_times_does_not_matter(
    database: sa.Engine, replica: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "-csearch_path=other -cdatestyle=German -cintervalstyle=iso_8601"
    url = replica.url.update_query_dict({"options": words})
    monkeypatch.setenv("REPLICA_URL", url.render_as_string(hide_password=False))
    timed = SOURCES.replace("what as kind, at", "what as kind, at, interval '1 hour' as seconds")
    reports = bring_all(database, write_project(tmp_path, timed))
    assert errors(reports) == []
    assert everything(database, interactions, "at", "seconds") == [
        (datetime(2026, 10, 1, 10, 0, 0, 250_000, UTC), 3600.0),
        (datetime(2026, 10, 20, 10, tzinfo=UTC), 3600.0),
    ]


@given(st.text(alphabet="':since\";$x-/*\n aS\\%", max_size=40))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    try:
        statement = check_query(f"select {text}")
    except ValueError:
        return
    assert set(sa.text(as_template(statement))._bindparams) == ({"since"} if has_since(statement) else set())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_answers_are_streamed(database: sa.Engine, replica: sa.Engine, tmp_path: Path) -> None:
    """A million rows are asked for and 20,000 read: the server has not made the rest."""
    from recmail.history.importers.sql import Answer
    from recmail.history.importers.sql_database import Database

    url = replica.url.render_as_string(hide_password=False)
    endless = "select no, 1 / (100000 - no) as x from generate_series(1, 1000000) as no"
    answer = Answer(Database(url, tmp_path), endless, NOW, lambda _name: True)
    chunk = next(answer.chunks())
    answer.close()
    assert (len(chunk), chunk.columns[0][-1]) == (20_000, "20000")


def test_each_answer_is_written_down(database: sa.Engine, replica: sa.Engine, tmp_path: Path) -> None:
    bring_all(database, write_project(tmp_path, SOURCES))
    assert everything(database, imports, "source", "file", "watermark")[2] == (
        "events",
        "sql",
        "2026-10-20T10:00:00+00:00",
    )


class TestSql(ImporterContract):
    format = Sql
    keys: ClassVar[dict[str, object]] = {
        "sql": "select id, note from people order by id",
        "url": "sqlite:///other.db",
    }

    def write(self, folder: Path) -> None:
        with sqlite3.connect(folder / "other.db") as other:
            other.execute(
                "create table people as select value as id, null as note from json_each('[1, 2, 3]')"
            )
        other.close()
