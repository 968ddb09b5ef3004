"""Mixpanel's raw export: times on the project's clocks, ids that merges leave, three sorts of links."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from recmail.history.importers.mixpanel import Mixpanel
from tests.history.importers.contract import ImporterContract
from tests.history.importers.exported import DATA, options_of, read, write_lines

KINDS = {"Course Viewed": "viewed", "Purchase": "enrolled", "Rated": "rated", "Search": "searched"}
D1, D2 = "18d0a3f2-9c1b-4d55-8e7a-0a1b2c3d4e01", "18d0a3f2-9c1b-4d55-8e7a-0a1b2c3d4e02"


def options(timezone: str = "UTC", **keys: Any) -> Any:
    return options_of(Mixpanel, project_timezone=timezone, kinds=KINDS, **keys)


def event(**properties: Any) -> dict[str, Any]:
    own = {"time": 1790848800, "distinct_id": "a", "$insert_id": "i", "course_id": "sql"}
    return {"event": "Course Viewed", "properties": own | properties}


def test_an_export_is_read_as_its_documentation_has_it() -> None:
    found = read(options(), DATA / "mixpanel.ndjson")
    assert [list(record.values())[1:] for record in found.records] == [
        [D1, "sql", "viewed", "2026-10-01T10:00:00+00:00"],
        ["a", "a", "py", "viewed", "2026-10-01T10:01:00+00:00", "12.5"],
        ["a", "a", "sql", "enrolled", "2026-10-01T10:02:00+00:00", "49.50", "EUR"],
        [D2, "py", "rated", "2026-10-01T10:03:00+00:00", "4"],
        ["b", "searched", "2026-10-01T10:04:00+00:00", "excel"],
        ["ben-2019", "sql", "viewed", "2026-09-30T10:00:00+00:00"],
        ["ben-app", "py", "viewed", "2026-10-01T10:05:10+00:00"],
    ]
    assert len(set(found.column("event_id"))) == 7
    # An alias and a merge do not say which of the two is a user_id.
    assert found.links == [
        *((D1, "a"), (D2, "b")),
        *(("b", "ben-2019"), ("ben-2019", "b"), ("b", "ben-app"), ("ben-app", "b")),
    ]
    assert found.unmapped == {"$mp_web_page_view": 1}
    assert not found.broken


@pytest.mark.parametrize(
    ("timezone", "time", "at"),
    [
        ("UTC", 1790848800, "2026-10-01T10:00:00+00:00"),
        ("Asia/Kolkata", 1790848800, "2026-10-01T04:30:00+00:00"),
        ("America/New_York", 1790848800, "2026-10-01T14:00:00+00:00"),
        ("America/New_York", 1767261600, "2026-01-01T15:00:00+00:00"),  # winter
        ("America/New_York", 1793496600, "2026-11-01T05:30:00+00:00"),  # 01:30 comes twice: the first
        ("UTC", 1790848800250, "2026-10-01T10:00:00.250000+00:00"),  # time_in_ms
        ("UTC", 1790848800.25, "2026-10-01T10:00:00.250000+00:00"),
        ("UTC", "1790848800", "2026-10-01T10:00:00+00:00"),
        ("UTC", "yesterday", "yesterday"),
        ("UTC", None, ""),
        ("UTC", 10**30, f"{10**30}"),
        ("Asia/Kolkata", -(10**30), f"-{10**30}"),
    ],
)
def test_times_are_those_of_the_projects_clocks(tmp_path: Path, timezone: str, time: Any, at: str) -> None:
    path = write_lines(tmp_path / "m", [event(time=time)])
    assert read(options(timezone), path).column("at") == [at]


def test_the_zone_is_asked_for_and_never_guessed() -> None:
    with pytest.raises(ValidationError, match='say in which zone its times are: project_timezone = "UTC"'):
        options_of(Mixpanel)
    with pytest.raises(ValidationError, match=r"'Asia/Calcuta' is no time zone; .*mean Asia/Calcutta"):
        options("Asia/Calcuta")


def test_a_merge_does_not_change_an_events_id(tmp_path: Path) -> None:
    before = event(distinct_id=f"$device:{D1}", **{"$device_id": D1})
    after = event(distinct_id="a", **{"$device_id": D1})
    older = event(distinct_id=D2)
    merged = event(distinct_id="a", **{"$distinct_id_before_identity": D2})
    path = write_lines(tmp_path / "m", [before, after, older, merged])
    ids = read(options(), path).column("event_id")
    assert ids[0] == ids[1]
    assert ids[2] == ids[3]
    assert ids[0] != ids[2]


def test_a_merge_of_many_ids_links_each_to_the_next(tmp_path: Path) -> None:
    ids = [f"i{number}" for number in range(5_000)]
    merge = {"event": "$merge", "properties": {"$distinct_ids": ids}}
    found = read(options(), write_lines(tmp_path / "m", [merge]))
    assert found.links[:4] == [("i0", "i1"), ("i1", "i0"), ("i1", "i2"), ("i2", "i1")]
    assert len(found.links) == 2 * 4_999


def test_an_insert_id_counts_within_event_person_and_day(tmp_path: Path) -> None:
    same = [event(), event(time=1790848900, course_id="py")]
    others = [
        event(time=1790848800 + 86_400),
        event(distinct_id="b"),
        event() | {"event": "Rated"},
        event(**{"$insert_id": "j"}),
        event(**{"$insert_id": "i" * 400}),
    ]
    ids = read(options(), write_lines(tmp_path / "m", [*same, *others])).column("event_id")
    assert ids[0] == ids[1]
    assert len(set(ids)) == 6
    assert max(map(len, ids)) < 50
    assert read(options(), write_lines(tmp_path / "m", [event(**{"$insert_id": None})])).column(
        "event_id"
    ) == [""]


def test_lines_that_are_no_events_are_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m", [{"event": "Course Viewed"}, {"error": "rate limit"}, event()])
    found = read(options(), path)
    assert found.broken == [(1, "properties: no object"), (2, "properties: no object")]
    assert len(found.records) == 1


class TestMixpanel(ImporterContract):
    format = Mixpanel
    keys: ClassVar[dict[str, object]] = {"file": "*.ndjson", "kinds": KINDS, "project_timezone": "UTC"}

    def write(self, folder: Path) -> None:
        shutil.copy(DATA / "mixpanel.ndjson", folder)
