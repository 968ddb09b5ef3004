"""Clocks, time zones and disks that a campaign cannot live with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from recmail.runs.doctor.machine import check_clock, check_machine, check_room, check_time_zones
from recmail.runs.doctor.words import age, size
from tests.conftest import NOW
from tests.runs.doctor.conftest import states


def test_this_machine_is_good_enough(tmp_path: Path) -> None:
    found = states(list(check_machine(tmp_path)))
    assert list(found) == ["versions", "clock", "time zones", "disk"]
    assert "wrong" not in found.values()


@pytest.mark.parametrize(("year", "state"), [(1970, "wrong"), (2025, "wrong"), (2026, "ok"), (2101, "wrong")])
def test_a_year_that_cannot_be_is_wrong(year: int, state: str) -> None:
    assert check_clock(NOW.replace(year=year)).state == state


@pytest.mark.parametrize(
    ("release", "where", "state", "next_step"),
    [
        ("2026b", "/usr/share/zoneinfo", "ok", ""),
        ("2025.2", "the package tzdata", "ok", ""),
        ("2024.1", "the package tzdata", "warning", "pip install --upgrade tzdata"),
        ("2019c", "/usr/share/zoneinfo", "warning", "update the system's package tzdata"),
        ("unknown", "/usr/share/zoneinfo", "ok", ""),
        ("", "", "wrong", "pip install tzdata"),
    ],
)
def test_old_time_zones_are_said(release: str, where: str, state: str, next_step: str) -> None:
    found = check_time_zones((release, where), NOW)
    assert (found.state, found.next) == (state, next_step)


@pytest.mark.parametrize(("free", "state"), [(10**8 - 1, "wrong"), (10**9 - 1, "warning"), (10**9, "ok")])
def test_a_full_disk_is_said(free: int, state: str) -> None:
    assert check_room(free).state == state


def test_sizes_and_ages_are_words() -> None:
    assert [size(bytes_) for bytes_ in (0, 999_000, 14_594_048, 83_800_000_000)] == [
        "0 kB",
        "999 kB",
        "14.6 MB",
        "83.8 GB",
    ]
    assert [age(timedelta(hours=hours)) for hours in (-1, 1, 30, 49)] == [
        "just now",
        "just now",
        "30 hours ago",
        "2 days ago",
    ]
