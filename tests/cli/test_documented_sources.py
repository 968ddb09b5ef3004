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


def toml_of(title: str) -> str:
    """What a section of the document says to paste."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    assert blocks
    return "\n".join(blocks)


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A project whose people and courses are in files."""
    folder = tmp_path / "acme"
    recmail("init", folder, "--now", AT)
    for name, text in (("users", USERS), ("courses", COURSES)):
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / f"{name}.csv").write_text(text)
    paste(folder, "Your own files and database")
    return folder


def paste(folder: Path, title: str) -> None:
    with (folder / "recmail.toml").open("a", encoding="utf-8") as file:
        file.write("\n" + toml_of(title))


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
    assert result["rejects"] == {"the line cannot be read as JSON": 1, "course_id: unknown course": 1}
    rejects = path.with_name(path.name + ".rejects.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in rejects] == [
        ["reject_line", "reject_reason", "event_id"],
        ["1", "the line cannot be read as JSON"],
        ["15", "course_id: unknown course", "ajs-x"],
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
