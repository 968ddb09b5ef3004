"""GA4's tables in BigQuery: nested parameters, items, ids that stay when days are written again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recmail.errors import DataError
from recmail.history.importers.ga4 import Ga4
from tests.history.importers.contract import ImporterContract
from tests.history.importers.exported import DATA, Read, objects_of, options_of, read, write_lines

KINDS = {
    "page_view": "viewed",
    "view_item": "viewed",
    "purchase": "enrolled",
    "view_search_results": "searched",
}
COURSE = [
    "items[].item_id",
    {"from": "event_params.page_location", "match": "^https://learn.example.org/courses/([a-z0-9-]+)"},
]
P1, P2 = "1234567890.1790000000", "987654321.1790000001"
WHOLE = {"event_timestamp", "event_bundle_sequence_id", "int_value", "quantity", "item_list_index"}


def options(**keys: Any) -> Any:
    return options_of(Ga4, **{"kinds": KINDS, "course_id": COURSE, **keys})


def typed(value: Any, key: str = "") -> Any:
    """BigQuery's JSON has whole numbers as texts; Parquet has them as numbers."""
    if isinstance(value, dict):
        return {name: typed(cell, name) for name, cell in value.items() if cell != {}}
    if isinstance(value, list):
        return [typed(cell) for cell in value]
    return int(value) if key in WHOLE else value


def parquet(path: Path, objects: list[dict[str, Any]], **options: Any) -> Path:
    rows = [typed(one) for one in objects]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    pq.write_table(pa.table(columns), path, **options)
    return path


def check(found: Read) -> None:
    assert [list(record.values())[1:] for record in found.records] == [
        [P1, "sql", "viewed", "2026-10-01T10:00:00.000002+00:00", "41.5"],
        [P1, "py", "viewed", "2026-10-01T10:00:00.000003+00:00"],
        ["a", P1, "sql", "enrolled", "2026-10-01T10:00:00.000005+00:00", "16.67", "EUR"],
        ["a", P1, "py", "enrolled", "2026-10-01T10:00:00.000005+00:00", "39.98", "EUR"],
        ["b", P2, "searched", "2026-10-01T10:00:00.000006+00:00", "excel pivot"],
    ]
    assert len(set(found.column("event_id"))) == 5
    assert found.links == [(P1, "a"), (P2, "b")]
    assert found.unmapped == {"session_start": 1, "login": 1, "scroll": 1}
    assert found.notes == {
        "page_view: about no course": 1,
        "page_view: of nobody, without any id": 1,
    }
    assert not found.broken


def test_json_lines_are_read_as_the_schema_has_them() -> None:
    check(read(options(), DATA / "ga4.ndjson"))


def test_parquet_files_are_read_alike(tmp_path: Path) -> None:
    found = read(options(), parquet(tmp_path / "ga4.parquet", objects_of("ga4.ndjson")))
    check(found)
    assert found.records == read(options(), DATA / "ga4.ndjson").records


def test_names_of_events_may_be_a_dictionary(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(parquet(tmp_path / "plain.parquet", objects_of("ga4.ndjson")))
    place = table.schema.get_field_index("event_name")
    names = table.column(place).dictionary_encode()
    pq.write_table(table.set_column(place, "event_name", names), tmp_path / "ga4.parquet")
    check(read(options(), tmp_path / "ga4.parquet"))


def test_repeated_fields_may_be_wrapped(tmp_path: Path) -> None:
    objects = objects_of("ga4.ndjson")
    for one in objects:
        for name in ("event_params", "items", "user_properties"):
            one[name] = {"list": [{"element": element} for element in one[name]]}
    check(read(options(), parquet(tmp_path / "ga4.parquet", objects)))


def test_a_large_parquet_file_is_read_in_pieces(tmp_path: Path) -> None:
    objects = objects_of("ga4.ndjson") * 1_000
    found = read(options(), parquet(tmp_path / "ga4.parquet", objects, row_group_size=700))
    assert len(found.records) == 5_000
    assert found.lines[-5:] == [8_993, 8_994, 8_996, 8_996, 8_997]
    assert found.links == [(P1, "a"), (P2, "b")]


def test_an_event_keeps_its_id_when_its_day_is_written_again(tmp_path: Path) -> None:
    intraday = objects_of("ga4.ndjson")
    daily = [one | {"is_active_user": False, "user_ltv": None, "event_date": "2026"} for one in intraday]
    ids = [
        read(options(), write_lines(tmp_path / name, objects)).column("event_id")
        for name, objects in (("intraday", intraday), ("daily.gz", daily[::-1]))
    ]
    assert sorted(ids[0]) == sorted(ids[1])


def test_events_of_one_batch_about_two_courses_are_two(tmp_path: Path) -> None:
    event = objects_of("ga4.ndjson")[2]
    other = event | {"items": [event["items"][0] | {"item_id": "sql"}]}
    ids = read(options(), write_lines(tmp_path / "g", [event, other, event])).column("event_id")
    assert ids[0] == ids[2] != ids[1]


def test_an_address_as_user_id_is_refused_and_links_nobody(tmp_path: Path) -> None:
    event = objects_of("ga4.ndjson")[1] | {"user_id": "ana@example.org"}
    found = read(options(), write_lines(tmp_path / "g", [event]))
    assert found.broken == [
        (1, "user_id: an e-mail address; set your own id of the person (Google: User-ID)")
    ]
    assert not found.links
    assert not found.records


@pytest.mark.parametrize("time", ["", "soon", "9" * 40, "9" * 5_000, "-5", "12.5"])
def test_a_time_that_is_none_is_left_to_the_checks(tmp_path: Path, time: str) -> None:
    event = objects_of("ga4.ndjson")[1] | {"event_timestamp": time}
    assert read(options(), write_lines(tmp_path / "g", [event])).column("at") == [time]


def test_a_table_of_the_screen_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "Pages_and_screens.csv"
    path.write_text("# ----------------------------------------\n# Pages and screens\n# Account: Acme\n")
    with pytest.raises(DataError, match=r"screens\.csv:1: is a table from a screen .*Link the property to"):
        read(options(), path)


def test_rows_of_another_table_are_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "g", [{"pseudo_user_id": "1"}])
    assert read(options(), path).broken == [(1, "event_name: missing; this is no row of the tables events_*")]
    table = parquet(tmp_path / "users.parquet", [{"pseudo_user_id": "1", "user_id": "a"}])
    with pytest.raises(DataError, match=r"no event_name, event_timestamp, user_pseudo_id; found pseudo"):
        read(options(), table)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"x" * 100 + b"PAR1", b'{"event_name": "a"}\n'])
def test_what_is_no_parquet_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "g.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"g\.parquet: cannot be read as Parquet: "):
        read(options(), path)


def test_a_parquet_file_that_is_damaged_inside_is_said_with_its_row(tmp_path: Path) -> None:
    path = parquet(tmp_path / "g.parquet", objects_of("ga4.ndjson"), compression="none")
    damaged = bytearray(path.read_bytes())
    damaged[4:400] = b"\xff" * 396
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"g\.parquet:1: cannot be read on: "):
        read(options(), path)


def test_the_first_value_that_is_there_is_a_parameters(tmp_path: Path) -> None:
    event = objects_of("ga4.ndjson")[2]
    event["event_params"] = [
        {"key": "course", "value": {"string_value": None, "int_value": "7", "double_value": None}},
        {"key": None},
        "nonsense",
        {"key": "empty", "value": json.loads("{}")},
    ]
    path = write_lines(tmp_path / "g", [event])
    assert read(options(course_id="event_params.course"), path).column("course_id") == ["7"]
    assert read(options(course_id=["event_params.empty", "items[].item_params.level"]), path).column(
        "course_id"
    ) == ["beginner"]


class TestGa4(ImporterContract):
    format = Ga4
    keys: ClassVar[dict[str, object]] = {"file": "*.ndjson", "kinds": KINDS, "course_id": COURSE}

    def write(self, folder: Path) -> None:
        shutil.copy(DATA / "ga4.ndjson", folder)
