"""What can still be read of settings with mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.errors import ConfigError
from recmail.settings import WRONG, survey_settings

BROKEN = """\
[project]
name = "Acme Courses"
currency = "rupees"
timezone = "Asia/Kolkatta"
[sender]
from = "Acme Courses <learn@acme.example>"
[topics]
course-tips = 3
[provider.relay]
type = "smtp"
[delivery]
provider = "rely"
"""


def test_good_values_are_read_beside_wrong_ones(tmp_path: Path) -> None:
    (tmp_path / "recmail.toml").write_text(BROKEN)
    settings, problems = survey_settings(tmp_path)
    assert [problem.line for problem in sorted(problems)] == [3, 4, 5, 8, 12]
    assert (settings.project.name, settings.origins["project.name"]) == ("Acme Courses", "recmail.toml:2")
    wrong = {key for key, origin in settings.origins.items() if origin == WRONG}
    assert wrong == {
        "project.currency",
        "project.timezone",
        "sender.postal_address",
        "topics.course-tips",
        "delivery.provider",
    }
    assert settings.project.timezone == "UTC"  # its default
    assert (settings.project.currency, settings.sender.postal_address, settings.topics) == ("", "", {})


def test_a_section_says_where_its_values_stand(tmp_path: Path) -> None:
    (tmp_path / "recmail.toml").write_text(BROKEN)
    settings, _ = survey_settings(tmp_path)
    assert settings.providers["relay"].origin("type") == "recmail.toml:10"
    assert settings.providers["files"].origin("folder") == "default"


def test_a_broken_syntax_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "recmail.toml").write_text(BROKEN + "x = = 3\n")
    with pytest.raises(ConfigError, match=r"recmail.toml:13:5"):
        survey_settings(tmp_path)
