"""The demo is the same for the same arguments, at any size, and its files are what an importer expects."""

from __future__ import annotations

import csv
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest

from recmail.history.demo import DemoData, demo, planted, write_demo
from recmail.history.demo.planted import FIRST_NAMES

HEADERS = {
    "users": "user_id,email,first_name,last_name,language,country,timezone,signed_up_at,last_seen_at,"
    "email_consent,email_consent_at,email_consent_source,personalization,plan",
    "courses": "course_id,title,subtitle,category,level,topics,tags,prerequisites,language,price,currency,"
    "published_at,closes_at,seats,duration_min,image_url,url,staff_pick,active",
    "interactions": "event_id,user_id,course_id,kind,at,value,amount,currency,seconds,query",
    "suppressions": "email,reason,at",
}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def equal(one: DemoData, other: DemoData) -> bool:
    return all(getattr(one, table.name).equals(getattr(other, table.name)) for table in fields(DemoData))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, now: datetime) -> Path:
    made = tmp_path_factory.mktemp("demo") / "data"
    write_demo(made, now, 5, users=300)
    return made


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, pd.DataFrame]:
    """All four files as text, a missing cell empty."""
    tables = {}
    for name in HEADERS:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
        tables[name] = pd.DataFrame(rows, columns=header, dtype=object)
    return tables


def test_the_same_arguments_give_the_same_demo(now: datetime) -> None:
    first = demo(now, 4, users=200)
    assert equal(first, demo(now, 4, users=200))
    assert equal(first, demo(now.astimezone(timezone(timedelta(hours=5.5))), 4, users=200))
    assert not equal(first, demo(now, 5, users=200))


def test_a_time_without_zone_is_refused(now: datetime) -> None:
    with pytest.raises(ValueError, match="time zone"):
        demo(now.replace(tzinfo=None), 1)


def test_the_smallest_demo_has_every_planted_case(now: datetime) -> None:
    small = demo(now, 9, users=50, courses=24)
    assert len(small.courses) == 24
    assert small.courses["category"].str.lower().value_counts().to_dict() == dict.fromkeys(
        small.courses["category"].str.lower(), 2
    )
    ids = set(small.users["user_id"]) | set(small.courses["course_id"])
    assert set(planted().values()) <= ids
    everything = small.interactions[small.interactions["user_id"].eq(planted()["enrolled in everything"])]
    assert everything["kind"].eq("enrolled").sum() == 23


def test_shares_hold_for_more_users_than_are_made_at_a_time(now: datetime) -> None:
    large = demo(now, 1, users=20_500, courses=24)
    counts = large.interactions.groupby("user_id", observed=False).size()
    assert (counts == 0).sum() == 2050
    assert (counts == 1).sum() == 1640
    assert (counts.iloc[20_000:] > 1).mean() == pytest.approx(0.82, abs=0.06)
    assert large.users["user_id"].iloc[-1] == "u20500"


def test_files_have_the_columns_that_are_imported(files: dict[str, pd.DataFrame]) -> None:
    for name, header in HEADERS.items():
        assert ",".join(files[name].columns) == header
    assert len(files["users"]) == 300
    assert len(files["courses"]) == 240


def test_cells_are_written_as_an_importer_reads_them(files: dict[str, pd.DataFrame]) -> None:
    for table, column in (
        ("users", "signed_up_at"),
        ("users", "last_seen_at"),
        ("courses", "published_at"),
        ("interactions", "at"),
        ("suppressions", "at"),
    ):
        assert files[table][column].str.fullmatch(TIME).all()
    assert files["users"]["email_consent_at"].str.fullmatch(f"({TIME})?").all()
    assert files["courses"]["closes_at"].str.fullmatch(f"({TIME})?").all()
    assert files["courses"]["price"].str.fullmatch(r"\d+").all()
    assert files["courses"]["seats"].str.fullmatch(r"\d*").all()
    assert files["interactions"]["value"].str.fullmatch(r"|[1-5]|0\.\d{1,2}").all()
    assert files["interactions"]["amount"].str.fullmatch(r"\d*").all()
    assert files["interactions"]["seconds"].str.fullmatch(r"\d*").all()


def test_interactions_name_users_and_courses_that_exist_and_come_in_order(
    files: dict[str, pd.DataFrame],
) -> None:
    rows = files["interactions"]
    assert set(rows["user_id"]) <= set(files["users"]["user_id"])
    assert set(rows["course_id"]) - {""} <= set(files["courses"]["course_id"])
    assert rows["course_id"].eq("").eq(rows["kind"].eq("searched")).all()
    assert rows["event_id"].is_unique
    assert rows["at"].is_monotonic_increasing
    assert rows["event_id"].is_monotonic_increasing


def test_awkward_names_survive_the_file(files: dict[str, pd.DataFrame]) -> None:
    names = files["users"].set_index("user_id")["first_name"]
    for case, name in FIRST_NAMES.items():
        assert names[planted()[case]] == name


def test_every_image_is_beside_its_catalogue(folder: Path, files: dict[str, pd.DataFrame]) -> None:
    named = set(files["courses"]["image_url"]) - {""}
    assert named == {f"images/{path.name}" for path in (folder / "images").iterdir()}
    assert len(named) == 12


def test_writing_again_replaces_the_files(folder: Path, now: datetime) -> None:
    before = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    write_demo(folder, now, 5, users=300)
    assert {path.name: path.read_bytes() for path in folder.glob("*.csv")} == before
