"""Approving and sending by a campaign's name, with what was edited since, and by two people."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import AT, read_json, recmail


def plan(project: Path, campaign: str = "weekly-picks", at: str = AT) -> tuple[int, int]:
    document = read_json(recmail("plan", campaign, "--now", at, "--json", project=project))
    return document["run"], document["waiting"]


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), "utf-8")


def test_a_campaigns_name_stands_for_its_only_run(project: Path) -> None:
    assert "has no runs yet" in recmail("approve", "weekly-picks", project=project, code=4).stderr
    assert "did you mean weekly-picks?" in recmail("send", "weekly-pick", project=project, code=4).stderr
    run, people = plan(project)
    said = recmail("send", "weekly-picks", project=project, code=4).stderr
    assert "no run of weekly-picks is approved or sending" in said
    assert f"run {run} is approved" in recmail("approve", "weekly-picks", "--now", AT, project=project).stdout
    expect = ("--yes", "--expect", people, "--now", AT)
    sent = read_json(recmail("send", "weekly-picks", *expect, "--json", project=project))
    assert (sent["run"], sent["mailed"]) == (run, people)
    assert [
        one["run"] for one in read_json(recmail("runs", "weekly-picks", "--json", project=project))["runs"]
    ]
    none = recmail("run", "retry", "weekly-picks", project=project, code=4).stderr
    assert "no run of weekly-picks has failed messages" in none


def test_several_runs_that_may_be_meant_are_listed(project: Path) -> None:
    first, people = plan(project)
    second, _ = plan(project, at="2026-11-02T10:00")
    said = recmail("approve", "weekly-picks", "--now", AT, project=project, code=4).stderr
    assert "2 runs of weekly-picks may be meant" in said
    for run in (first, second):
        assert f"run {run}: planned, {people:,} wait" in said


def test_what_was_edited_since_the_plan_is_shown(project: Path) -> None:
    run, people = plan(project)
    edit(project / "campaigns" / "weekly-picks.yaml", "within 90d", "within 60d")
    edit(project / "templates" / "style.css", "/*", "/* ours")
    approved = recmail("approve", run, "--now", AT, project=project)
    sent = recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project)
    for said in (approved.stderr, sent.stderr):
        assert "campaigns/weekly-picks.yaml was edited since the plan" in said
        assert "+    last_seen within 60d" in said
        assert "templates/style.css was edited since the plan" in said
        assert f"run {run} does not contain these edits; to have them, plan again" in said
    assert "edited" not in recmail("runs", run, project=project).stderr, "the run has ended"


def test_two_people_approve_and_runs_says_who(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(project / "recmail.toml", "[delivery]", "[delivery]\napprovers = 2")
    run, people = plan(project)
    monkeypatch.setenv("RECMAIL_USER", "ana@acme.example")
    first = read_json(recmail("approve", run, "--now", AT, "--json", project=project))
    assert (first["state"], first["approvers"]) == ("planned", 2)
    assert "already; somebody else" in recmail("approve", run, "--now", AT, project=project, code=4).stderr
    waits = f"approved by ana@acme.example; somebody else has to approve it too: recmail approve {run}"
    assert waits in recmail("runs", run, project=project).stderr
    recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project, code=4)
    monkeypatch.setenv("RECMAIL_USER", "ben@acme.example")
    assert f"recmail send {run}" in recmail("approve", run, "--now", AT, project=project).stderr
    shown = read_json(recmail("runs", run, "--json", project=project))
    assert shown["state"] == "approved"
    assert [one["by"] for one in shown["approvals"]] == ["ana@acme.example", "ben@acme.example"]


@pytest.mark.parametrize("approvers", ["0", "10", "true", "'two'"])
def test_a_number_of_approvers_that_makes_no_sense_is_refused(project: Path, approvers: str) -> None:
    edit(project / "recmail.toml", "[delivery]", f"[delivery]\napprovers = {approvers}")
    assert "[delivery] approvers" in recmail("runs", project=project, code=3).stderr


def test_a_plan_says_whom_it_takes_from_another_campaign(project: Path) -> None:
    edit(project / "recmail.toml", '"2 per 7d"', '"1 per 7d"')
    low, _ = plan(project, "popular-now")
    recmail("approve", low, "--now", AT, project=project)
    file = project / "campaigns" / "weekly-picks.yaml"
    file.write_text(file.read_text("utf-8") + "\npriority: 1\nspeed: 10 per day\n", "utf-8")
    said = recmail("plan", "weekly-picks", "--now", AT, project=project).stdout
    assert f"people get this instead of run {low} (popular-now), of lower priority" in said
    assert "an ordinary learner" in said
    assert "Sending takes at least" in said
    assert "because of 10 per day (campaign weekly-picks)" in said
    assert "but the plan is good until" in said
    assert "UTC: who still waits then will not get it" in said
