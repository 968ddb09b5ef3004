"""A new project on disk, and the demo that fills it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from recmail.errors import RefusedError
from recmail.history.demo import write_demo
from recmail.history.importing import ImportOptions, ImportResult, import_csv
from recmail.runs.project import TO_FILL_IN, Project, copy_shipped, open_project, upgrade_project
from recmail.settings import write_default

DEMO = {
    "name": "Acme Courses",
    "sender": "Acme Courses <learn@acme.example>",
    "postal_address": "Acme Learning, 12 Residency Road, Bengaluru 560025, India",
    "currency": "INR",
}
DEMO_KINDS = ("users", "courses", "interactions", "suppressions")


def create_project(
    folder: Path,
    *,
    name: str,
    sender: str = "",
    postal_address: str = TO_FILL_IN,
    currency: str,
) -> Project:
    """Make a project: settings, key, templates, campaigns and an empty database.

    What is not given stays to be filled in; until then no mail leaves this machine.

    Raises:
        RefusedError: there is a project in this folder already.
        ConfigError: a value is not what recmail.toml may hold.
    """
    if (folder / "recmail.toml").exists():
        advice = f"upgrade its database with: recmail init {folder} --upgrade"
        raise RefusedError(f"{folder} is a recmail project already; {advice}")
    sender = sender or f"{name} <learn@company.example>"
    write_default(folder, name=name, sender=sender, postal_address=postal_address, currency=currency)
    copy_shipped("templates", folder)
    copy_shipped("campaigns", folder)
    return upgrade_project(folder)


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
    settings = open_project(project.folder).settings
    options = ImportOptions(source="demo", attributes=settings.attributes, currency=settings.project.currency)
    for kind in DEMO_KINDS:
        file = folder / f"{kind}.csv"
        yield import_csv(project.engine, kind, file, now=now, key=settings.key, options=options)
