"""How much memory is free, from what Linux says."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.recommend import memory


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "meminfo").write_text("MemTotal:       4000 kB\nMemAvailable:   3000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    return tmp_path


def test_is_what_the_kernel_calls_available(linux: Path) -> None:
    assert memory.available_bytes() == 3000 * 1024


@pytest.mark.parametrize(("limit", "free"), [("max", 3000 * 1024), ("500000", 400_000), ("90000", 0)])
def test_is_not_more_than_the_container_has(linux: Path, limit: str, free: int) -> None:
    (linux / "memory.max").write_text(limit + "\n")
    (linux / "memory.current").write_text("100000\n")
    assert memory.available_bytes() == free


def test_elsewhere_it_is_half_of_the_machines(linux: Path) -> None:
    (linux / "meminfo").unlink()
    assert memory.available_bytes() > 0
