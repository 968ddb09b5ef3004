"""Exports of other tools come in by what docs/sources.md says, word for word, every night again."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, reading
from recmail.db.tables import courses, interactions, users
from recmail.history import importing_courses, importing_interactions, importing_suppressions, importing_users
from tests.cli.conftest import AT, read_json, recmail
from tests.history.imported import COURSES, USERS

DOCUMENT = Path(__file__).parents[2] / "docs" / "sources.md"
DATA = Path(__file__).parents[1] / "history" / "importers" / "data"
FILES = {
    "Segment": ("segment.ndjson", "data/segment/p1/1790812800000/1.gz"),
    "Mixpanel": ("mixpanel.ndjson", "data/mixpanel/2026-10-01.jsonl"),
    "Google Analytics 4": ("ga4.ndjson", "data/ga4/events_20261001.json.gz"),
}
SOURCES = {"Segment": "web", "Mixpanel": "app", "Google Analytics 4": "analytics"}
# user_id, course_id and kind of each interaction, by time.
SEEN = {
    "Segment": [
        *(("b", "py", "viewed"), ("a", "sql", "viewed"), ("a", "sql", "enrolled"), ("a", "py", "enrolled")),
        *(("a", "sql", "rated"), ("b", None, "searched"), ("b", "py", "progressed")),
    ],
    "Mixpanel": [
        *(("b", "sql", "viewed"), ("a", "sql", "viewed"), ("a", "py", "viewed"), ("a", "sql", "enrolled")),
        *(("b", "py", "rated"), ("b", None, "searched"), ("b", "py", "viewed")),
    ],
    "Google Analytics 4": [
        *(("a", "sql", "viewed"), ("a", "py", "viewed"), ("a", "sql", "enrolled"), ("a", "py", "enrolled")),
        ("b", None, "searched"),
    ],
}


def toml_of(title: str) -> list[str]:
    """What a section of the document says to paste."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    assert blocks
    return blocks


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A project whose people and courses are in files."""
    folder = tmp_path / "acme"
    recmail("init", folder, "--now", AT)
    for name, text in (("users", USERS), ("courses", COURSES)):
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / f"{name}.csv").write_text(text)
    paste(folder, "Your own files", blocks=1)
    return folder


def paste(folder: Path, title: str, *, blocks: int | None = None) -> None:
    with (folder / "recmail.toml").open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(toml_of(title)[:blocks]))


def export(folder: Path, title: str, *, part: slice = slice(None)) -> None:
    """Put lines of a vendor's export where the document has it."""
    name, place = FILES[title]
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"".join((DATA / name).read_bytes().splitlines(keepends=True)[part])
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def imported(folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    document = read_json(recmail("import", *arguments, "--now", AT, "--json", project=folder, code=code))
    return {source["source"]: source for source in document["sources"]}


def seen(folder: Path, source: str) -> list[tuple[object, ...]]:
    query = (
        sa.select(users.c.user_id, courses.c.course_id, interactions.c.kind)
        .join(users, users.c.user_no == interactions.c.user_no)
        .outerjoin(courses, courses.c.course_no == interactions.c.course_no)
        .where(interactions.c.source == source)
        .order_by(interactions.c.at, interactions.c.interaction_no)
    )
    engine = connect(f"sqlite:///{folder / 'recmail.db'}")
    with reading(engine) as connection:
        found = [tuple(row) for row in connection.execute(query)]
    engine.dispose()
    return found


@pytest.mark.parametrize("title", FILES)
def test_an_export_comes_in_by_what_the_document_says(acme: Path, title: str) -> None:
    paste(acme, title)
    export(acme, title)
    sources = imported(acme)
    source = sources[SOURCES[title]]
    assert source["errors"] == []
    (result,) = source["results"]
    assert result["rejects"] == {}
    assert seen(acme, SOURCES[title]) == SEEN[title]
    assert imported(acme)[SOURCES[title]]["results"] == []  # nothing is new
    again = imported(acme, SOURCES[title], "--again")[SOURCES[title]]["results"][0]["counts"]
    assert (again["added"], again["settled"], again["pending"]) == (0, 0, 0)
    assert again["unchanged"] == result["rows"]


@pytest.mark.parametrize("title", FILES)
def test_a_day_that_grows_every_night_ends_the_same(acme: Path, title: str) -> None:
    paste(acme, title)
    for nights in range(1, 14, 3):
        export(acme, title, part=slice(0, nights))
        imported(acme)
    assert sorted(map(str, seen(acme, SOURCES[title]))) == sorted(map(str, SEEN[title]))


def test_all_sources_of_the_document_stand_in_one_file(acme: Path) -> None:
    for title in FILES:
        paste(acme, title)
        export(acme, title)
    output = recmail("import", "--now", AT, project=acme).output
    assert '"Button Clicked" = "viewed"' in output
    assert "2 other ids were joined with the people who have them" in output
    assert "1 x page_view: about no course" in output
    for title, source in SOURCES.items():
        assert seen(acme, source) == SEEN[title]


def test_people_who_come_a_day_later_find_their_history(acme: Path) -> None:
    paste(acme, "Segment")
    export(acme, "Segment")
    people = acme / "data" / "users.csv"
    people.write_text("user_id,email,email_consent\nb,ben@example.org,yes\n")
    assert imported(acme)["web"]["results"][0]["counts"]["pending"] == 4
    people.write_text(USERS)
    result = recmail("import", "--now", AT, project=acme)
    assert "4 kept events came in" in result.output
    assert seen(acme, "web") == SEEN["Segment"]


def test_a_broken_line_is_listed_and_the_rest_comes_in(acme: Path) -> None:
    paste(acme, "Segment")
    export(acme, "Segment")
    path = acme / FILES["Segment"][1]
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    unknown = lines[0].replace(b'"sql"', b'"gone"').replace(b"ajs-0001", b"ajs-x")
    path.write_bytes(gzip.compress(b"".join([b'{"type": \n', *lines, unknown])))
    result = imported(acme, code=5)["web"]["results"][0]
    assert result["rejects"] == {"the line cannot be read as JSON": 1}
    assert result["warnings"] == {"course_id: unknown course; kept until it is imported": 1}
    rejects = path.with_name(path.name + ".web.rejects.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in rejects] == [
        ["reject_line", "reject_reason", "event_id"],
        ["1", "the line cannot be read as JSON"],
    ]
    assert seen(acme, "web") == SEEN["Segment"]


def test_half_a_gzip_file_gives_its_half_and_the_whole_one_the_rest(acme: Path) -> None:
    paste(acme, "Segment")
    export(acme, "Segment")
    path = acme / FILES["Segment"][1]
    whole = gzip.compress(b"".join((DATA / "segment.ndjson").read_bytes().splitlines(keepends=True)), 0)
    path.write_bytes(whole[: len(whole) // 2])
    errors = imported(acme, code=3)["web"]["errors"]
    assert re.search(r"1\.gz:\d+: the gzip file ends in the middle; copy it again", errors[0]["message"])
    path.write_bytes(whole)
    imported(acme)
    assert seen(acme, "web") == SEEN["Segment"]


def test_a_project_without_its_zone_is_asked(acme: Path) -> None:
    paste(acme, "Mixpanel")
    export(acme, "Mixpanel")
    settings = acme / "recmail.toml"
    settings.write_text(re.sub("project_timezone.*\n", "", settings.read_text()))
    output = recmail("import", "--now", AT, project=acme, code=3).output
    assert "say in which zone its times are: project_timezone" in output
    assert re.search(r"recmail\.toml:\d+", output)


def test_every_vendors_mistakes_are_told_at_once(acme: Path) -> None:
    with (acme / "recmail.toml").open("a") as file:
        file.write(
            '[sources.web]\nformat = "segment"\nfile = "x"\ncourse_id = "a..b"\nzone = 1\n'
            '[sources.web.kinds]\nView = "veiwed"\n'
            '[sources.ga]\nformat = "ga4"\nfile = "x"\ncourse_id = { from = "a", match = "/c/" }\n'
            '[sources.mp]\nformat = "mixpannel"\nfile = "x"\n'
        )
    output = recmail("import", "--now", AT, project=acme, code=3).output
    for part in ("a name is missing", "zone", "did you mean viewed?", "has no group", "mean mixpanel?"):
        assert part in output
    assert "Traceback" not in output


def test_the_screens_own_table_is_refused_with_advice(acme: Path) -> None:
    paste(acme, "Google Analytics 4")
    export(acme, "Google Analytics 4")
    shutil.copy(acme / FILES["Google Analytics 4"][1], acme / "data" / "ga4" / "b.json.gz")
    (acme / "data" / "ga4" / "a.csv").write_text("# -----\n# Pages\n")
    source = imported(acme, code=3)["analytics"]
    assert "Link the property to BigQuery" in source["errors"][0]["message"]
    assert len(source["results"]) == 2  # the others came in
    assert seen(acme, "analytics") == SEEN["Google Analytics 4"]


def test_json_names_the_events_that_are_left_out(acme: Path) -> None:
    paste(acme, "Segment")
    export(acme, "Segment")
    unmapped = imported(acme)["web"]["unmapped"]
    assert [(one["event"], one["count"]) for one in unmapped] == [
        ("page", 2),
        ("screen", 1),
        ("Button Clicked", 1),
    ]
    assert json.dumps(unmapped)


def test_columns_of_other_names_are_named(acme: Path) -> None:
    paste(acme, "Your own files", blocks=None)
    text = (acme / "recmail.toml").read_text().replace("\n".join(toml_of("Your own files")[:1]), "", 1)
    (acme / "recmail.toml").write_text(text)
    (acme / "data/users.csv").write_text(
        "user_id,mail,joined,email_consent\na,ana@example.org,2026-01-01,yes\n"
    )
    assert imported(acme)["users"]["results"][0]["counts"]["added"] == 1


def test_the_table_of_columns_names_all_of_them() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split("| table | columns |")[1].split("\n\n")[0]
    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", section, re.MULTILINE))
    for kind, columns, required in (
        ("users", importing_users.COLUMNS, importing_users.REQUIRED),
        ("courses", importing_courses.COLUMNS, importing_courses.REQUIRED),
        ("interactions", importing_interactions.COLUMNS, ("user_id", "other_id", "kind", "at")),
        ("suppressions", importing_suppressions.COLUMNS[:3], importing_suppressions.REQUIRED),
    ):
        assert set(columns) <= set(re.findall(r"\w+", rows[kind]))
        assert set(required) == set(re.findall(r"\*\*(\w+)\*\*", rows[kind]))


PRODUCTION = """
create table accounts (id integer, email text, first_name text, locale text, tz text,
    created_at {time}, newsletter boolean, newsletter_at {time});
create table courses (slug text, title text, topic text, level text, tags {list},
    price numeric(8, 2), url text);
create table enrolments (id integer, account_id integer, course text, paid_at {time}, price numeric(8, 2));
create table progress (id integer, account_id integer, course text, at {time}, share double precision);
insert into accounts values (1, 'ana@example.org', 'Ana', 'en_IN', 'Asia/Kolkata',
    '2025-01-01 10:00:00', true, '2025-01-01 10:00:00');
insert into accounts values (2, 'ben@example.org', null, null, null, '2025-01-02 10:00:00', false, null);
insert into courses values ('sql', 'SQL', 'Data', 'beginner', {tags}, 49.50, 'https://acme.example/sql');
insert into enrolments values (1, 1, 'sql', '2026-10-01 10:00:00', 49.50);
insert into progress values (1, 1, 'sql', '2026-10-02 10:00:00', 0.5);
insert into progress values (2, 2, 'sql', '2026-10-30 10:00:00', 0.25)
"""
TYPES = {
    "sqlite": {"time": "text", "list": "text", "tags": "'joins;queries'"},
    "postgresql": {"time": "timestamptz", "list": "text[]", "tags": "'{joins,queries}'"},
}


@pytest.fixture
def replica(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Another system's database, as its engineers made it."""
    kind = database_url.partition(":")[0].partition("+")[0]
    url = f"sqlite:///{tmp_path / 'app.db'}" if kind == "sqlite" else database_url
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for table in ("courses",) if kind == "postgresql" else ():
            connection.exec_driver_sql(f"drop table {table} cascade")
        for statement in PRODUCTION.format(**TYPES[kind]).split(";\n"):
            connection.exec_driver_sql(statement)
    monkeypatch.setenv("REPLICA_URL", url)
    return url


def test_a_database_comes_in_by_what_the_document_says(replica: str, tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    recmail("init", folder, "--now", AT)
    paste(folder, "Your own database")
    document = imported(folder)
    assert [one["errors"] for one in document.values()] == [[], [], []]
    assert [one["results"][0]["counts"]["added"] for one in document.values()] == [2, 1, 3]
    assert seen(folder, "learning") == [
        *(("1", "sql", "enrolled"), ("1", "sql", "progressed"), ("2", "sql", "progressed"))
    ]
    again = imported(folder)["learning"]["results"][0]
    assert (again["rows"], again["counts"]["unchanged"]) == (1, 1)
