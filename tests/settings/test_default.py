"""What `recmail init` writes: settings that load, a private key, and what git ignores."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.errors import ConfigError, RefusedError
from recmail.settings import load_settings, write_default

ACME = {"name": 'Acme "Courses" \\ Ünits', "sender": "Acme <learn@acme.example>", "postal_address": "Road 12"}


def test_the_first_settings_load_and_hold_the_answers(tmp_path: Path) -> None:
    write_default(tmp_path / "acme", **ACME, timezone="Asia/Kolkata", currency="INR")
    found = load_settings(tmp_path / "acme")
    assert found.project.name == ACME["name"]
    assert (found.project.timezone, found.project.currency) == ("Asia/Kolkata", "INR")
    assert found.topics == {"course-tips": "Course tips"}
    assert found.delivery.provider == "files"
    assert len(found.key) == 64


def test_the_key_is_private_ignored_by_git_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.log")
    write_default(tmp_path, **ACME)
    key = tmp_path / ".recmail" / "key"
    assert key.stat().st_mode & 0o777 == 0o600
    lines = (tmp_path / ".gitignore").read_text().splitlines()
    assert lines[:4] == ["*.log", ".recmail/key", "recmail.db*", "outbox/"]
    assert {"preview/", "person-*.json", "*.rejects.csv"} < set(lines)  # they name people
    before = key.read_text()
    (tmp_path / "recmail.toml").unlink()
    write_default(tmp_path, **ACME)
    assert key.read_text() == before
    assert (tmp_path / ".gitignore").read_text().count("outbox/") == 1


def test_settings_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "recmail.toml").write_text("# mine\n")
    with pytest.raises(RefusedError, match=r"already has a recmail.toml"):
        write_default(tmp_path, **ACME)
    assert (tmp_path / "recmail.toml").read_text() == "# mine\n"


def test_a_wrong_answer_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean Asia/Kolkata"):
        write_default(tmp_path / "acme", **ACME, timezone="Asia/Kolkatta")
    with pytest.raises(ConfigError, match="illegal character"):
        write_default(tmp_path / "acme", **{**ACME, "name": "Acme\x7f"})
    assert not (tmp_path / "acme").exists()
