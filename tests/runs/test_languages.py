"""How many people get which language, and text templates drafted for a project."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.tables import users
from recmail.runs.check import check
from recmail.runs.create import create_project
from recmail.runs.project import Project
from recmail.runs.text_drafts import write_text_drafts

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
LANGUAGES = ["hi", "hi-IN", "en-GB", "de", None]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = create_project(
        tmp_path / "acme",
        name="Acme",
        sender="Acme <learn@acme.example>",
        postal_address="Road 12",
        currency="INR",
    )
    about = {"source": "test", "source_row_hash": "", "imported_at": NOW}
    rows = [
        {"user_no": at, "user_id": f"u{at}", "language": language, **about}
        for at, language in enumerate(LANGUAGES)
    ]
    with writing(made.engine) as connection:
        connection.execute(sa.insert(users), rows)
    lines = "subject: {en: Hello, hi: नमस्ते}\naudience: everyone\nblocks: [popular]\n"
    (made.folder / "campaigns" / "spring.yaml").write_text(lines, encoding="utf-8")
    return made


def test_a_line_without_template_is_a_mistake_and_then_people_are_counted(project: Project) -> None:
    found = check(project, "spring", now=NOW)
    assert "nobody gets this line: there is no template 'weekly' in hi" in found.problems[0].message
    folder = project.folder / "templates"
    (folder / "weekly.hi.html.j2").write_text((folder / "weekly.html.j2").read_text())
    (problem,) = check(project, "spring", now=NOW).problems
    assert "draft it with: recmail check spring --write-text" in problem.message
    assert sorted(path.name for path in write_text_drafts(project, "spring")) == [
        "card.txt.j2",
        "weekly.hi.txt.j2",
        "words.txt.j2",
    ]
    assert write_text_drafts(project, "spring") == []
    checked = check(project, "spring", now=NOW)
    assert (checked.good, dict(checked.languages)) == (True, {"en": 3, "hi": 2})


def test_with_one_language_nothing_is_counted(project: Project) -> None:
    assert dict(check(project, "popular-now", now=NOW).languages) == {}
