"""What was edited since a plan is named with a diff, whatever it is; the plan keeps what it froze."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from recmail.db.connect import reading
from recmail.db.runs import find_run
from recmail.runs.edits import Edit, edits_since
from recmail.runs.plan import plan
from recmail.runs.project import Project
from recmail.settings import load_settings


def edited(project: Project) -> dict[str, Edit]:
    """The edits since run 1, by file; settings are read again."""
    with reading(project.engine) as connection:
        run = find_run(connection, 1)
    found = edits_since(replace(project, settings=load_settings(project.folder)), run)
    assert len({edit.file for edit in found}) == len(found)
    return {edit.file: edit for edit in found}


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), "utf-8")


def test_nothing_is_named_while_nothing_is_edited(project: Project, now: datetime) -> None:
    plan(project, "free", now=now, who="test")
    assert edited(project) == {}


def test_an_edit_of_each_kind_is_named_with_its_lines(project: Project, now: datetime) -> None:
    plan(project, "free", now=now, who="test")
    change(project.folder / "campaigns" / "free.yaml", "popular: 2", "popular: 3")
    change(project.folder / "templates" / "plain.html.j2", "<h1>", "<h1 dir='auto'>")
    change(project.folder / "recmail.toml", "# [brand] ", "[brand]\nink = '#000000'\n# ")
    found = edited(project)
    assert list(found) == ["campaigns/free.yaml", "templates/plain.html.j2", "recmail.toml"]
    lines = found["campaigns/free.yaml"].lines
    assert lines[:2] == ["--- campaigns/free.yaml as run 1 froze it", "+++ campaigns/free.yaml now"]
    assert lines[-2:] == ["-  - popular: 2", "+  - popular: 3"]
    assert [line for line in found["recmail.toml"].lines if line[0] in "+-"][2:] == [
        "-brand.ink = '#1d1c1a'",
        "+brand.ink = '#000000'",
    ]


def test_what_is_not_in_this_campaigns_emails_is_no_edit(project: Project, now: datetime) -> None:
    """Limits and providers count as they are when it is sent; another campaign's template is not its own."""
    plan(project, "free", now=now, who="test")
    change(project.folder / "templates" / "new-releases.css", "", "/* */")
    change(project.folder / "recmail.toml", "first_send_at_most = 100", "first_send_at_most = 7")
    assert edited(project) == {}


def test_a_sender_of_the_campaigns_own_is_not_that_of_the_settings(project: Project, now: datetime) -> None:
    file = project.folder / "campaigns" / "free.yaml"
    file.write_text(file.read_text() + "from: Own <own@acme.example>\nreply_to: Help <h@acme.example>\n")
    plan(project, "free", now=now, who="test")
    change(project.folder / "recmail.toml", "Acme <a@acme.example>", "Other <b@acme.example>")
    assert edited(project) == {}


def test_a_file_that_is_gone_or_cannot_be_read_is_named(project: Project, now: datetime) -> None:
    plan(project, "free", now=now, who="test")
    (project.folder / "campaigns" / "free.yaml").unlink()
    (project.folder / "templates" / "plain.txt.j2").write_bytes(b"\xff")
    found = edited(project)
    assert "cannot be read: No such file" in found["campaigns/free.yaml"].lines[0]
    assert "is not UTF-8 text" in found["templates"].lines[0]


def test_a_template_that_is_gone_and_one_that_was_added_are_named(project: Project, now: datetime) -> None:
    plan(project, "free", now=now, who="test")
    (project.folder / "templates" / "plain.txt.j2").rename(project.folder / "templates" / "plain.hi.txt.j2")
    found = edited(project)
    assert set(found) == {"templates/plain.txt.j2", "templates/plain.hi.txt.j2"}
    assert found["templates/plain.txt.j2"].lines[2].startswith("@@ -1,")
    assert found["templates/plain.hi.txt.j2"].lines[2].startswith("@@ -0,0 +1")


def test_control_characters_do_not_reach_a_terminal(project: Project, now: datetime) -> None:
    plan(project, "free", now=now, who="test")
    change(project.folder / "templates" / "plain.html.j2", "<h1>", "<h1>\x1b[2J")
    assert "\x1b" not in "".join(edited(project)["templates/plain.html.j2"].lines)
