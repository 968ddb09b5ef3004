"""`check --all` and approval: what is found in anybody's email is told, and errors let nothing out."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import AT, read_json, recmail

CONTENT = "{% block content %}"
HOLE = "<tr><td><h1>{{ user.first_name or '' }}</h1></td></tr>"
FAILS = "{% if user.country == 'BR' %}<tr><td>{{ courses[9].title }}</td></tr>{% endif %}"
WORDS = "{% for n in range(4000) %}<p>Thirty letters of an email</p>{% endfor %}"
OVERSIZE = f"{{% if user.country == 'BR' %}}<tr><td>{WORDS}</td></tr>{{% endif %}}"
NULLABLE = "<tr><td>{{ courses[0].level|string }}</td></tr>"


def add_to_template(project: Path, words: str) -> int:
    """Add words to the top of the template's content; returns their line."""
    template = project / "templates" / "weekly.html.j2"
    before, after = template.read_text("utf-8").split(CONTENT, 1)
    template.write_text(f"{before}{CONTENT}{words}{after}", "utf-8")
    return before.count("\n") + 1


def checked(project: Path, code: int = 0) -> dict[str, Any]:
    words = ["check", "weekly-picks", "--all", "--json", "--now", AT]
    [found] = read_json(recmail(*words, project=project, code=code))["campaigns"]
    everybody: dict[str, Any] = found["everybody"]
    return everybody


def rule(findings: dict[str, Any], name: str, severity: str = "error") -> dict[str, Any]:
    """What one rule found."""
    [found] = [one for one in findings["rules"] if (one["rule"], one["severity"]) == (name, severity)]
    return dict(found)


def people(project: Path, where: str) -> set[str]:
    """The ids of people for whom an SQL condition holds."""
    with sqlite3.connect(project / "recmail.db") as connection:
        return {row[0] for row in connection.execute(f"SELECT user_id FROM users WHERE {where}")}


def mailed(project: Path) -> set[str]:
    """The ids of people in the newest plan who wait for an email."""
    waiting = "SELECT user_no FROM ledger WHERE state = 'planned' AND run_no = (SELECT max(run_no) FROM runs)"
    return people(project, f"user_no IN ({waiting})")


def test_it_says_what_a_plan_then_freezes(project: Path) -> None:
    """The same people for the same reasons, and the same in their emails; nothing is written or sent."""
    everybody = checked(project)
    with sqlite3.connect(project / "recmail.db") as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    planned = read_json(recmail("plan", "weekly-picks", "--now", AT, "--json", project=project))
    assert everybody["account"] == planned["account"]
    assert everybody["account"]["adds_up"]
    assert everybody["account"]["audience"] == planned["funnel"][-1]["people"]
    assert everybody["findings"] == planned["findings"]
    assert everybody["findings"]["looked_at"] == planned["waiting"] == len(mailed(project)) > 0
    assert everybody["findings"]["errors"] == 0
    assert 20_000 < everybody["findings"]["largest"]["bytes"] < everybody["findings"]["largest"]["at_most"]
    assert everybody["compared"] > 20


def test_a_hole_for_some_people_is_an_error_with_their_number(project: Path) -> None:
    add_to_template(project, HOLE)
    findings = checked(project, code=3)["findings"]
    hole = rule(findings, "empty-slot")
    run = read_json(recmail("plan", "weekly-picks", "--now", AT, "--json", project=project))
    nameless = people(project, "first_name IS NULL") & mailed(project)
    assert hole["people"] == findings["errors"] == len(nameless) > 0
    assert hole["example"] == min(nameless)
    assert run["findings"] == findings


def test_a_message_that_gmail_would_cut_is_an_error(project: Path) -> None:
    add_to_template(project, OVERSIZE)
    findings = checked(project, code=3)["findings"]
    size = rule(findings, "size")
    recmail("plan", "weekly-picks", "--now", AT, project=project)
    there = people(project, "country = 'BR'") & mailed(project)
    assert size["people"] == len(there) > 0
    assert findings["largest"]["bytes"] > findings["largest"]["at_most"] == 102_400
    assert findings["largest"]["user_id"] in there


def test_people_whose_email_cannot_be_written_are_counted_by_line_and_message(project: Path) -> None:
    line = add_to_template(project, FAILS)
    findings = checked(project, code=3)["findings"]
    fails = rule(findings, "render")
    recmail("plan", "weekly-picks", "--now", AT, project=project)
    there = people(project, "country = 'BR'") & mailed(project)
    [found] = fails["findings"]
    assert found["people"] == fails["people"] == len(there) > 0
    assert found["example"] in there
    assert (found["template"], found["line"]) == ("weekly.html.j2", line)
    assert found["found"] == "the email cannot be written: list object has no element 9"
    assert findings["looked_at"] == len(mailed(project))  # those are among them


def test_it_is_told_in_words(project: Path) -> None:
    line = add_to_template(project, FAILS)
    said = recmail("check", "weekly-picks", "--all", "--now", AT, project=project, code=3)
    lines = said.stdout.splitlines()
    assert lines[0].startswith("weekly-picks: good; ")
    assert "Everybody of weekly-picks" in said.stdout
    assert any(line.split()[1:] == ["waiting"] for line in lines)
    [headline] = [line for line in lines if "emails looked at" in line]
    assert "errors in " in headline
    at = next(number for number, line in enumerate(lines) if line.startswith("  error  render: "))
    said_of_it = "the email cannot be written: list object has no element 9"
    assert lines[at + 1] == f"    weekly.html.j2:{line}: {said_of_it}"
    assert " of 102,400 bytes: u0" in lines[-1]
    assert " emails were checked one by one: all as they should be" in said.stderr
    assert "nothing was sent" in said.stderr


def test_github_shows_findings_beside_the_lines_that_they_are_in(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project))
    line = add_to_template(project, FAILS)
    lines = recmail("check", "weekly-picks", "--all", "--github", "--now", AT, project=project, code=3).stdout
    [error] = [one for one in lines.splitlines() if one.startswith("::error")]
    place = f"file=templates/weekly.html.j2,line={line}"
    assert error.startswith(f"::error {place}::the email cannot be written: list object has no element 9; ")
    assert "(render: " in error
    others = [one for one in lines.splitlines() if one != error]
    assert others
    assert all(one.startswith("::warning file=") for one in others)


def test_what_is_wrong_in_the_file_is_told_before_anybody_is_looked_at(project: Path) -> None:
    file = project / "campaigns" / "weekly-picks.yaml"
    file.write_text(file.read_text("utf-8").replace("top_picks", "top_pikcs"), "utf-8")
    result = recmail("check", "weekly-picks", "--all", "--json", "--now", AT, project=project, code=3)
    [found] = read_json(result)["campaigns"]
    assert not found["good"]
    assert found["everybody"] is None


def test_all_is_for_one_look(project: Path) -> None:
    for other in ("--watch", "--schema"):
        assert "--all cannot" in recmail("check", "--all", other, project=project, code=2).stderr


def test_every_campaign_is_looked_at(project: Path) -> None:
    for file in (project / "campaigns").glob("*.yaml"):
        if file.stem != "weekly-picks":
            file.unlink()
    other = "subject: Hello\naudience: everyone\nblocks:\n  - popular: 3\n"
    (project / "campaigns" / "popular.yaml").write_text(other)
    found = read_json(recmail("check", "--all", "--json", "--now", AT, project=project))["campaigns"]
    assert [one["campaign"] for one in found] == ["popular", "weekly-picks"]
    assert all(one["everybody"]["account"]["adds_up"] for one in found)


@pytest.fixture
def four(project: Path) -> Path:
    """A project without a model: one campaign needs it, two are wrong, and the last is good."""
    with sqlite3.connect(project / "recmail.db") as connection:
        connection.execute("DELETE FROM models")
    campaigns = project / "campaigns"
    for file in campaigns.glob("*.yaml"):
        if file.stem != "weekly-picks":
            file.unlink()
    popular = "subject: Hello\naudience: everyone\nblocks:\n  - popular: 3\n"
    (campaigns / "a-typo.yaml").write_text(popular.replace("popular", "poplar"))
    (campaigns / "b-line.yaml").write_text(popular.replace("Hello", '"{{ user.frist_name }}"'))
    (campaigns / "z-good.yaml").write_text(popular)
    return project


def test_a_campaign_that_cannot_be_composed_hides_nothing_of_the_others(four: Path) -> None:
    result = recmail("check", "--all", "--now", AT, project=four, code=1)
    assert "did you mean popular?" in result.stderr
    assert "did you mean first_name?" in result.stderr
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == ["a-typo", "b-line", "weekly-picks", "z-good"]
    assert "Everybody of weekly-picks: the emails could not be looked at" in lines
    assert "no model is trained" in result.stderr
    assert "Everybody of z-good" in result.stdout
    assert "emails looked at" in result.stdout


def test_an_error_of_one_campaign_is_in_json_and_beside_its_file(
    four: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_json(recmail("check", "--all", "--json", "--now", AT, project=four, code=1))["campaigns"]
    typo, line, picks, good = found
    assert not typo["good"]
    assert not line["good"]
    assert picks["everybody"] is None
    assert (picks["everybody_error"]["kind"], picks["everybody_error"]["exit"]) == ("ModelError", 1)
    assert good["everybody"]["account"]["adds_up"]
    monkeypatch.setenv("GITHUB_WORKSPACE", str(four))
    noted = recmail("check", "--all", "--github", "--now", AT, project=four, code=1).stdout
    assert "::error file=campaigns/a-typo.yaml,line=4" in noted
    assert "::error file=campaigns/b-line.yaml,line=1" in noted
    assert (
        "::error file=campaigns/weekly-picks.yaml,line=1::the emails could not be looked at: no model"
        in noted
    )


def test_errors_block_approval_until_they_are_mended(project: Path) -> None:
    add_to_template(project, HOLE)
    said = recmail("plan", "weekly-picks", "--now", AT, project=project)
    assert "  error  empty-slot: " in said.stdout
    assert "cannot be approved: mend the errors and plan again" in said.stderr
    refused = recmail("approve", 1, "--now", AT, project=project, code=4).stderr
    assert "run 1 is not approved: there are errors in the emails of " in refused
    assert "<h1> is empty" in refused
    assert "mend them and plan again: recmail plan weekly-picks" in refused
    shown = recmail("runs", 1, project=project).stdout
    assert "Run 1, weekly-picks: planned" in shown
    assert "  error  empty-slot: " in shown
    assert read_json(recmail("runs", 1, "--json", project=project))["findings"]["errors"] > 0

    template = project / "templates" / "weekly.html.j2"
    template.write_text(template.read_text("utf-8").replace(HOLE, ""), "utf-8")
    later = "2026-11-02T10:00:00+00:00"
    recmail("plan", "weekly-picks", "--now", later, project=project)
    recmail("approve", 2, "--now", later, project=project)


@pytest.mark.parametrize("kept", [None, {"recmail": "0.0.1"}])
def test_a_run_at_which_this_version_did_not_look_is_looked_at_when_it_is_approved(
    project: Path, kept: dict[str, Any] | None
) -> None:
    planned = read_json(recmail("plan", "weekly-picks", "--now", AT, "--json", project=project))
    old = None if kept is None else json.dumps(kept)
    with sqlite3.connect(project / "recmail.db") as connection:
        connection.execute("UPDATE run_shards SET findings = ?", (old,))
    if kept is None:
        assert "not all emails were looked at yet" in recmail("runs", 1, project=project).stderr
    approved = read_json(recmail("approve", 1, "--now", AT, "--json", project=project))
    assert approved["findings"] == planned["findings"]
    assert read_json(recmail("runs", 1, "--json", project=project))["findings"] == planned["findings"]


def test_what_the_lint_finds_in_templates_is_told_without_writing_an_email(project: Path) -> None:
    line = add_to_template(project, NULLABLE)
    [found] = read_json(recmail("check", "weekly-picks", "--json", "--now", AT, project=project))["campaigns"]
    [warning] = found["problems"]
    assert (warning["severity"], warning["file"], warning["line"]) == (
        "warning",
        "templates/weekly.html.j2",
        line,
    )
    assert warning["message"].endswith("(nullable-value)")
    again = recmail("check", "weekly-picks", "--now", AT, project=project)
    assert f"warning: templates/weekly.html.j2:{line}:" in again.stderr
    lines = recmail("check", "weekly-picks", "--github", "--now", AT, project=project).stdout
    assert lines.startswith("::warning file=")


def test_errors_of_templates_keep_a_plan_from_being_made(project: Path) -> None:
    layout = project / "templates" / "layout.txt.j2"
    layout.write_text(layout.read_text("utf-8").replace("{{ links.unsubscribe }}", ""), "utf-8")
    said = recmail("check", "weekly-picks", "--now", AT, project=project, code=3).stderr
    assert "the text part has no link to unsubscribe" in said
    assert (
        "no link to unsubscribe"
        in recmail("plan", "weekly-picks", "--now", AT, project=project, code=3).stderr
    )
