"""Settings that campaign tests share."""

from __future__ import annotations

from pathlib import Path

from recmail.settings import Settings, load_settings

TOML = """\
[project]
name = "Acme Courses"
currency = "INR"
[sender]
from = "Acme Courses <learn@acme.example>"
postal_address = "12 Residency Road, Bengaluru"
[topics]
course-tips = "Course tips"
"""


def project(folder: Path) -> Settings:
    """The settings of a project in that folder, with an empty folder for campaigns."""
    (folder / "recmail.toml").write_text(TOML)
    (folder / "campaigns").mkdir()
    return load_settings(folder)
