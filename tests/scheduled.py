"""A small project whose campaign goes out every Tuesday, and looks at its schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.tables import courses, leases, runs, users
from recmail.errors import RecmailError
from recmail.runs.news import News
from recmail.runs.project import Project
from recmail.runs.scheduler import tick
from tests.rows import course_row, empty_project, user_row

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
TUESDAY = MONDAY + DAY
"""The campaign is due, each week."""
PEOPLE = 12
WHEN = "schedule: {when: every tuesday 09:00, timezone: UTC, if_late: 3h}\n"
ONCE = WHEN.replace(
    "if_late: 3h", "approval: 'once, while people change by at most 10% and checks stay clean'"
)
CAMPAIGN = """\
subject: "{{ user.first_name or 'Hello' }}"
template: plain
audience: everyone
blocks:
  - popular: 2
"""
# The shipped ones take two seconds to prove, for each project anew.
HTML = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ subject }}</title></head>
<body><h1>{{ user.first_name or 'Hello' }}</h1>
{% for course in courses %}<p><a href="{{ course.url }}">{{ course.title }}</a></p>{% endfor %}
<p>{{ sender.postal_address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a></p></body></html>
"""
TEXT = """\
{{ user.first_name or 'Hello' }}
{% for course in courses %}{{ course.title }}: {{ course.url }}
{% endfor %}
{{ sender.postal_address }}
Unsubscribe: {{ links.unsubscribe }}
"""


def make(folder: Path, *, people: int = PEOPLE, apart: int = 1) -> Project:
    """A project on the database that RECMAIL_PROJECT_DATABASE names, with people and four courses.

    Args:
        apart: from one user_no to the next.
    """
    made = empty_project(folder)
    with writing(made.engine) as connection:
        connection.execute(courses.insert(), [_course(number) for number in range(4)])
    add_people(made, range(0, people * apart, apart))
    write_plain(folder)
    write(made, WHEN)
    return made


def write_plain(folder: Path) -> None:
    """The templates that the campaigns of small projects name."""
    (folder / "templates" / "plain.html.j2").write_text(HTML, "utf-8")
    (folder / "templates" / "plain.txt.j2").write_text(TEXT, "utf-8")


def add_people(project: Project, numbers: range) -> None:
    """People who may be mailed."""
    with writing(project.engine) as connection:
        connection.execute(users.insert(), [_person(number) for number in numbers])
        yes = [Consent(number, "email", True, MONDAY - 9 * DAY, "page") for number in numbers]
        record_consent(connection, yes)


def write(project: Project, schedule: str, name: str = "tuesdays") -> None:
    (project.folder / "campaigns" / f"{name}.yaml").write_text(CAMPAIGN + schedule, "utf-8")


def _course(number: int) -> dict[str, object]:
    return course_row(number, MONDAY, url=f"https://acme.example/c{number}")


def _person(number: int) -> dict[str, object]:
    named = {"first_name": "Ana", "email_hash": f"{number:064x}"}
    return user_row(number, MONDAY, email=f"u{number}@a.example", **named)


def look(project: Project, now: datetime, told: list[News] | None = None) -> list[RecmailError]:
    """One tick."""
    return tick(project, now, "recmail", tell=(told if told is not None else []).append)


def all_runs(project: Project) -> list[dict[str, Any]]:
    """Every run, oldest first, without what is heavy."""
    wanted = [
        runs.c[name] for name in ("run_no", "campaign", "due_instant", "state", "reason", "approved_by")
    ]
    with reading(project.engine) as connection:
        return [
            dict(row) for row in connection.execute(sa.select(*wanted).order_by(runs.c.run_no)).mappings()
        ]


def states(project: Project) -> list[tuple[datetime, str]]:
    """When each run is due, and where it stands."""
    return [(run["due_instant"], run["state"]) for run in all_runs(project)]


def let_leases_run_out(project: Project) -> None:
    """A minute passes: what a dead process held may be taken by others."""
    with writing(project.engine) as connection:
        connection.execute(sa.update(leases).values(until=MONDAY - 365 * DAY))
