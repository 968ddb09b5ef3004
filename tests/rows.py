"""Rows of people, courses and runs for tests, and the empty project that they go into."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from recmail.runs.create import create_project
from recmail.runs.project import Project


def empty_project(folder: Path) -> Project:
    """A project on the database that RECMAIL_PROJECT_DATABASE names."""
    return create_project(
        folder, name="Acme", sender="Acme <a@acme.example>", postal_address="1 Road", currency="INR"
    )


def course_row(number: int, now: datetime, **more: Any) -> dict[str, Any]:
    """A row of courses, active; `more` replaces or adds columns."""
    return {
        "course_no": number,
        "course_id": f"c{number}",
        "title": f"Course {number}",
        **{name: [] for name in ("topics", "tags", "prerequisites")},
        "staff_pick": False,
        "active": True,
        **_imported(now),
        **more,
    }


def user_row(number: int, now: datetime, *, email: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of users with an address of their own; `more` replaces or adds columns."""
    address = email or f"u{number}@example.org"
    return {
        "user_no": number,
        "user_id": f"u{number}",
        **dict.fromkeys(("email", "email_key", "email_hash"), address),
        **_imported(now),
        **more,
    }


def run_row(run_no: int, due: datetime, **more: Any) -> dict[str, Any]:
    """A row of runs with nothing frozen; `more` replaces or adds columns."""
    return {
        "run_no": run_no,
        "campaign": f"campaign-{run_no}",
        "due_instant": due,
        "state": "sending",
        "campaign_yaml": "",
        "template_bundle": {},
        "settings": {},
        "courses": {},
        "settings_hash": "",
        "seed": 0,
        "recmail_version": "0",
        **more,
    }


def _imported(now: datetime) -> dict[str, Any]:
    return {"source": "test", "source_row_hash": "", "imported_at": now}
