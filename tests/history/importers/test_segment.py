"""Segment's calls become interactions by its Spec: corrected times, message ids, carts, pages by path."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import ClassVar

import pytest

from recmail.history.importers.segment import Segment
from tests.history.importers.contract import ImporterContract
from tests.history.importers.exported import DATA, objects_of, options_of, read, write_lines

KINDS = {
    "Course Viewed": "viewed",
    "Order Completed": "enrolled",
    "Lesson Completed": "progressed",
    "Product Reviewed": "rated",
    "Products Searched": "searched",
    "Course": "viewed",
}
A = "507f191e-810c-4972-9de8-60ea00000001"
TRACK = {"type": "track", "event": "Course Viewed", "messageId": "m", "timestamp": "2026-10-01T10:00:00Z"}


def test_calls_of_all_types_are_read_as_the_spec_has_them() -> None:
    found = read(options_of(Segment, kinds=KINDS), DATA / "segment.ndjson")
    assert [list(record.values()) for record in found.records] == [
        ["ajs-0001", A, "sql", "viewed", "2026-10-01T10:00:00.905Z", "42.5"],
        ["ajs-0004", "a", A, "sql", "enrolled", "2026-10-02T09:00:00.000Z", "39.98", "usd"],
        ["ajs-0004#1", "a", A, "py", "enrolled", "2026-10-02T09:00:00.000Z", "30.00", "usd"],
        ["ajs-0005", "a", A, "sql", "rated", "2026-10-03T09:00:00.000Z", "5"],
        ["ajs-0006", "b", "searched", "2026-10-03T10:00:00.000Z", "excel pivot"],
        ["ajs-0008", "ben-old", "py", "viewed", "2026-09-01T10:00:00.000Z"],
        ["ajs-0009", "b", "py", "viewed", "2026-10-04T10:00:00.000Z"],
        ["ajs-0013", "b", "py", "progressed", "2026-10-05T10:00:00.000Z", "0.25"],
    ]
    assert found.lines == [1, 4, 4, 5, 6, 8, 9, 13]
    assert found.links == [(A, "a"), ("ben-old", "b")]
    assert found.unmapped == {"page": 2, "Button Clicked": 1}
    assert not found.broken
    assert not found.notes


def test_pages_are_views_of_the_course_in_their_path_and_others_are_counted() -> None:
    course_id = {"from": "properties.path", "match": "^/courses/([a-z0-9-]+)"}
    found = read(options_of(Segment, kinds={"page": "viewed"}, course_id=course_id), DATA / "segment.ndjson")
    assert [(record["course_id"], record["other_id"]) for record in found.records] == [("py", A)]
    assert found.notes == {"page: about no course": 1}


def test_a_page_is_known_by_its_name_before_it_is_a_page() -> None:
    kinds = {"page": "viewed", "Home": "completed"}
    found = read(options_of(Segment, kinds=kinds, course_id="context.page.title"), DATA / "segment.ndjson")
    assert found.column("kind") == ["completed", "viewed"]


def test_names_of_events_are_compared_exactly(tmp_path: Path) -> None:
    events = [
        TRACK | {"userId": "a", "event": name}
        for name in ("Course Viewed", "course viewed", "Course Viewed ", "", None)
    ]
    found = read(options_of(Segment, kinds=KINDS), write_lines(tmp_path / "s.gz", events))
    assert len(found.records) == 1
    assert found.unmapped == {"course viewed": 1, "Course Viewed ": 1, "(no name)": 2}


def test_a_call_of_no_type_is_refused_and_ids_may_be_numbers(tmp_path: Path) -> None:
    events = [
        {"event": "Course Viewed"},
        {"type": "delete"},
        TRACK | {"userId": 7, "anonymousId": 8.0},
        {"type": "identify", "userId": 7, "anonymousId": 8.0},
        {"type": "identify", "userId": "7"},
        TRACK,
    ]
    found = read(options_of(Segment, kinds=KINDS), write_lines(tmp_path / "s.gz", events))
    assert found.broken == [
        (line, "type: none of track, page, screen, identify, alias, group") for line in (1, 2)
    ]
    assert (found.records[0]["user_id"], found.records[0]["other_id"]) == ("7", "8")
    assert found.links == [("8", "7")]
    assert found.notes == {"Course Viewed: of nobody, without any id": 1}


def test_an_order_without_products_has_its_revenue(tmp_path: Path) -> None:
    order = TRACK | {"event": "Order Completed", "userId": "a"}
    events = [
        order | {"properties": {"course_id": "sql", "revenue": 16.666667, "currency": "EUR"}},
        order | {"properties": {"product_id": "py", "total": "1200.4", "currency": "jpy", "products": []}},
        order | {"properties": {"revenue": 3}},
    ]
    found = read(options_of(Segment, kinds=KINDS), write_lines(tmp_path / "s.gz", events))
    assert [(one.get("course_id"), one["amount"]) for one in found.records] == [
        ("sql", "16.67"),
        ("py", "1200"),
        (None, "3.00"),
    ]


def test_a_cart_is_read_by_the_place_that_is_named(tmp_path: Path) -> None:
    order = objects_of("segment.ndjson")[3]
    keys: ClassVar[dict[str, object]] = {
        "course_id": "properties.products[].sku",
        "amount": "properties.products[].price",
    }
    found = read(options_of(Segment, kinds=KINDS, **keys), write_lines(tmp_path / "s", [order]))
    assert found.column("course_id") == ["SKU-sql", "SKU-py"]
    assert found.column("amount") == ["39.98", "30.00"]


def test_each_link_is_passed_on_once(tmp_path: Path) -> None:
    identify = {"type": "identify", "userId": "a", "anonymousId": "x"}
    events = [identify, identify | {"anonymousId": "y"}, identify]
    found = read(options_of(Segment), write_lines(tmp_path / "s", events))
    assert found.links == [("x", "a"), ("y", "a")]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_lines_changes_no_record(tmp_path: Path, seed: int) -> None:
    options = options_of(Segment, kinds=KINDS)
    calls = objects_of("segment.ndjson")
    random.Random(seed).shuffle(calls)
    shuffled = read(options, write_lines(tmp_path / "s.gz", calls))
    straight = read(options, DATA / "segment.ndjson")
    assert sorted(map(str, shuffled.records)) == sorted(map(str, straight.records))


class TestSegment(ImporterContract):
    format = Segment
    keys: ClassVar[dict[str, object]] = {"file": "*.ndjson", "kinds": KINDS}

    def write(self, folder: Path) -> None:
        shutil.copy(DATA / "segment.ndjson", folder)


def test_what_an_event_lacks_is_said_and_ignored_ones_are_neither_records_nor_unmapped(
    tmp_path: Path,
) -> None:
    events = [
        TRACK | {"userId": "a", "event": "Search", "properties": {"words": "excel", "page": 2, "none": None}},
        TRACK | {"userId": "a", "event": "Video Paused"},
    ]
    file = write_lines(tmp_path / "s.gz", events)
    kinds = {"Search": "searched", "Video Paused": "ignore"}
    found = read(options_of(Segment, kinds=kinds), file)
    advice = 'say where it stands: query = "…"; it has properties.page, properties.words'
    assert found.notes == {f"Search: no query found; {advice}": 1}
    assert (found.column("kind"), dict(found.unmapped)) == (["searched"], {})
    found = read(options_of(Segment, kinds=kinds, query="properties.words"), file)
    assert (found.column("query"), dict(found.notes)) == (["excel"], {})
