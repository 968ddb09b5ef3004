"""What recmail.toml says, with where each value comes from: flag, RECMAIL_* variable, file or default."""

from __future__ import annotations

from recmail.settings.default import write_default
from recmail.settings.loading import WRONG, find_project, load_settings, survey_settings
from recmail.settings.secret import Secret, as_secret
from recmail.settings.settings import RawTable, Settings
from recmail.settings.values import Limit, format_duration, is_loopback, parse_duration

__all__ = [
    "WRONG",
    "Limit",
    "RawTable",
    "Secret",
    "Settings",
    "as_secret",
    "find_project",
    "format_duration",
    "is_loopback",
    "load_settings",
    "parse_duration",
    "survey_settings",
    "write_default",
]
