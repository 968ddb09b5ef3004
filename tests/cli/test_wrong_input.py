"""Whatever is wrong, the message says what, where and what to do; the exit code is the documented one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import AT, recmail

USERS = "user_id,email,first_name,email_consent\n"
GOOD = "x1,x1@example.org,Ana,yes\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("kind", "content", "code", "says"),
    [
        ("users", "email,first_name\na@x.example,Ana\n", 3, "user_id"),
        ("users", "", 3, "empty"),
        ("users", USERS + 'x1,"x1@example.org,Ana,yes\n' + GOOD, 3, "quote"),
        ("users", USERS.encode() + b"x1,x1@example.org,Ren\xe9,yes\n", 3, "UTF-8"),
        ("users", USERS + GOOD + GOOD, 5, "a second row with this id"),
        ("interactions", "user_id,course_id,kind,at\nu00040,python-101,viewed,yesterday\n", 5, "time"),
        ("interactions", "user_id,course_id,kind,at\nu00040,no-such,viewed,2026-01-01\n", 5, "course"),
        ("courses", "course_id,titel\nc1,One\n", 3, "title"),
    ],
)
def test_a_wrong_csv_is_explained(
    project: Path, tmp_path: Path, kind: str, content: str | bytes, code: int, says: str
) -> None:
    file = write(tmp_path / f"{kind}.csv", content)
    result = recmail("import", kind, file, "--now", AT, project=project, code=code)
    assert says in result.output
    assert "Traceback" not in result.output


def test_a_missing_file_is_named(project: Path) -> None:
    result = recmail("import", "users", "nowhere.csv", project=project, code=3)
    assert "nowhere.csv" in result.stderr


def test_people_without_consent_information_are_not_guessed_at(project: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "users.csv", "user_id,email\nx1,x1@example.org\n")
    assert "--consent-basis" in recmail("import", "users", file, project=project, code=4).stderr
    recmail("import", "users", file, "--consent-basis", "customers of 2026", project=project)
    assert "email: yes, by import (customers of 2026)" in recmail("why", "x1", project=project).stdout


def test_what_is_held_against_an_address_is_told(project: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "old.csv", "email,reason,at\nx1@example.org,,2025-06-01\n")
    recmail("import", "suppressions", file, "--now", AT, project=project)
    people = write(tmp_path / "users.csv", USERS + GOOD)
    recmail("import", "users", people, "--now", AT, project=project)
    story = recmail("why", "x1", "--now", AT, project=project).stdout
    assert "x1  Ana: is not mailed: unsubscribed" in story
    assert "2025-06-01  the address: said no to another tool (csv)" in story


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("subject: Hi\naudience: everyone\nblocks:\n\t- popular: 3\n", "test.yaml:4:"),
        ("subjct: Hi\naudience: everyone\nblocks:\n  - popular: 3\n", "did you mean"),
        ("subject: Hi\naudience: everyone\nblocks:\n  - popular: many\n", "test.yaml:4:"),
        ("subject: Hi\naudience: last_seen < 30d\nblocks:\n  - popular: 3\n", "last_seen within 30d"),
        ('subject: Hi\naudience: not completed("pyton-101")\nblocks:\n  - popular: 3\n', "python-101?"),
        ("subject: Hi\naudience: everyone\nblocks:\n  - popular: {where: prise < 3}\n", "did you mean price"),
    ],
)
def test_a_wrong_campaign_is_explained(project: Path, yaml: str, says: str) -> None:
    write(project / "campaigns" / "test.yaml", yaml)
    for command in ("check", "plan"):
        result = recmail(command, "test", "--now", AT, project=project, code=3)
        assert says in result.stderr
        assert "Traceback" not in result.output


def test_an_undefined_name_in_a_template_is_found_before_planning(project: Path) -> None:
    card = project / "templates" / "weekly.html.j2"
    card.write_text(
        card.read_text("utf-8").replace("{% block content %}", "{% block content %}{{ user.frist_name }}")
    )
    for command in ("check", "plan"):
        result = recmail(command, "weekly-picks", "--now", AT, project=project, code=3)
        assert "weekly.html.j2" in result.stderr
        assert "first_name" in result.stderr


def test_an_unknown_campaign_gets_the_nearest(project: Path) -> None:
    assert "weekly-picks" in recmail("plan", "weekly-pick", project=project, code=4).stderr


def test_without_a_project_the_first_step_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "recmail init" in recmail("data", code=3).stderr


def test_without_a_model_training_is_advised(project: Path) -> None:
    import sqlite3

    with sqlite3.connect(project / "recmail.db") as connection:
        connection.execute("DELETE FROM model_parts")
        connection.execute("DELETE FROM models")
    assert "recmail train" in recmail("plan", "weekly-picks", "--now", AT, project=project, code=1).stderr
    recmail("plan", "popular-now", "--now", AT, project=project)


def test_a_model_of_another_catalogue_is_refused(project: Path) -> None:
    import sqlite3

    with sqlite3.connect(project / "recmail.db") as connection:
        connection.execute("UPDATE courses SET course_id = course_id || '-other'")
    result = recmail("plan", "weekly-picks", "--now", AT, project=project, code=1)
    assert "recmail train" in result.stderr


def test_a_missing_database_is_named(project: Path) -> None:
    (project / "recmail.db").unlink()
    assert "recmail init --upgrade" in recmail("data", project=project, code=1).stderr


def test_an_initialised_folder_is_not_overwritten(project: Path) -> None:
    before = (project / ".recmail" / "key").read_text()
    assert "already" in recmail("init", project, code=4).stderr
    assert (project / ".recmail" / "key").read_text() == before
