"""Small projects on both databases, worked on by this process: twelve people in five shards; a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from recmail.db.connect import writing
from recmail.db.consent import Consent, record_consent
from recmail.db.tables import courses, users
from recmail.runs import lint_run
from recmail.runs.project import Project
from tests import scheduled
from tests.rows import course_row, empty_project, user_row
from tests.scheduled import write_plain
from tests.shards import as_worker

PEOPLE, APART = 12, 900  # user_no 0, 900, ...: five shards
CAMPAIGN = """\
subject: "{{ user.first_name or 'Hello' }}"
template: plain
audience: everyone
blocks:
  - popular: 2
"""
LIMITED = CAMPAIGN + "exposure: {max_share_per_course: 50%}\n"


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """Twelve people, every third without a name and the last without consent; four courses."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    folder = tmp_path / "acme"
    made = empty_project(folder)
    numbers = [number * APART for number in range(PEOPLE)]
    with writing(made.engine) as connection:
        connection.execute(courses.insert(), [_course(number, now) for number in range(4)])
        connection.execute(users.insert(), [person(number, now) for number in numbers])
        yes = [Consent(number, "email", True, now - timedelta(days=9), "page") for number in numbers[:-1]]
        record_consent(connection, yes)
    write_plain(folder)
    for name, text in {"free": CAMPAIGN, "limited": LIMITED}.items():
        (folder / "campaigns" / f"{name}.yaml").write_text(text)
    with as_worker(made):
        yield made
    lint_run._linter.cache_clear()


def _course(number: int, now: datetime) -> dict[str, object]:
    return course_row(number, now, url=f"https://acme.example/c{number}")


def person(number: int, now: datetime) -> dict[str, object]:
    """A row of users; every third of the twelve has no name."""
    return user_row(number, now, first_name=None if number % (3 * APART) == 0 else f"Person {number}")


@pytest.fixture
def tuesdays(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Twelve people; the campaign `tuesdays` is due each Tuesday at nine and planned an hour before."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    made = scheduled.make(tmp_path / "acme")
    with as_worker(made):
        yield made
    made.engine.dispose()
    lint_run._linter.cache_clear()
