"""A new project on disk, and the demo that fills it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from recmail.campaign.schema import write_schema
from recmail.errors import RefusedError
from recmail.history.demo import write_demo
from recmail.history.importing import ImportOptions, ImportResult, import_file
from recmail.runs.project import TO_FILL_IN, Project, copy_shipped, upgrade_project
from recmail.settings import load_settings, write_default
from recmail.settings.values import timezone as read_timezone

DEMO = {
    "name": "Acme Courses",
    "sender": "Acme Courses <learn@acme.example>",
    "postal_address": "Acme Learning, 12 Residency Road, Bengaluru 560025, India",
    "timezone": "Asia/Kolkata",
    "currency": "INR",
}
EXAMPLE = "weekly-picks"
"""The campaign of a new project that a first look is taken at."""
DEMO_KINDS = ("users", "courses", "interactions", "suppressions")


def example_answers(name: str) -> dict[str, str]:
    """Return what a new project of a company says until somebody fills it in.

    No mail leaves this machine with this sender or this postal address.
    """
    spoken = f'"{name}"' if re.search(r"[(),.:;<>@\[\]]", name) else name
    return {
        "name": name,
        "sender": f"{spoken} <learn@company.example>",
        "postal_address": TO_FILL_IN,
        "timezone": _zone_of_this_machine(),
        "currency": "EUR",
    }


def _zone_of_this_machine() -> str:
    """Return the time zone that TZ or /etc/localtime names, else UTC."""
    linked = os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
    for name in (os.environ.get("TZ", ""), linked):
        try:
            return read_timezone(name.replace("Etc/UTC", "UTC"))
        except ValueError:
            continue
    return "UTC"


def check_folder(folder: Path) -> None:
    """Check that a project can be made here.

    Raises:
        RefusedError: there is one already.
    """
    if (folder / "recmail.toml").exists():
        advice = f"upgrade its database with: recmail init {folder} --upgrade"
        raise RefusedError(f"{folder} is a recmail project already; {advice}")


def create_project(
    folder: Path, *, name: str, sender: str, postal_address: str, currency: str, timezone: str = "UTC"
) -> Project:
    """Make a project: settings, key, templates, campaigns and an empty database.

    Raises:
        RefusedError: there is a project in this folder already.
        ConfigError: a value is not what recmail.toml may hold.
    """
    check_folder(folder)
    write_default(
        folder,
        name=name,
        sender=sender,
        postal_address=postal_address,
        timezone=timezone,
        currency=currency,
    )
    copy_shipped("templates", folder)
    copy_shipped("campaigns", folder)
    return upgrade_project(folder)


def left_to_fill_in(project: Project) -> list[str]:
    """Return the keys of [sender] that still hold an example."""
    sender = project.settings.sender
    examples = {
        "from": "@company.example" in sender.from_,
        "postal_address": sender.postal_address == TO_FILL_IN,
    }
    return [key for key, is_example in examples.items() if is_example]


def fill_with_demo(
    project: Project,
    *,
    now: datetime,
    seed: int,
    users: int,
) -> Iterator[ImportResult]:
    """Write made-up people, courses and histories as CSV, and bring them in by the ordinary importers."""
    folder = project.folder / "data"
    write_demo(folder, now=now, seed=seed, users=users)
    shutil.move(folder / "images", project.folder / "images")
    toml = project.folder / "recmail.toml"
    declared = toml.read_text("utf-8").replace('# plan = "text"', 'plan = "text"  ')
    toml.write_text(declared, "utf-8")
    settings = load_settings(project.folder)
    write_schema(project.folder, settings)
    options = ImportOptions(source="demo", attributes=settings.attributes, currency=settings.project.currency)
    for kind in DEMO_KINDS:
        file = folder / f"{kind}.csv"
        yield import_file(project.engine, kind, file, now=now, key=settings.address_key, options=options)
