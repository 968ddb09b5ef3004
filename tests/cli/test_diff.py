"""`recmail diff` says what the second run changes for whom."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import AT, read_json, recmail


def test_an_edited_campaign_is_compared_with_the_one_before(project: Path) -> None:
    plan = ("plan", "popular-now", "--json")
    first = read_json(recmail(*plan, "--now", AT, project=project))
    campaign = project / "campaigns" / "popular-now.yaml"
    campaign.write_text(campaign.read_text().replace("within 30d", "within 10d"))
    second = read_json(recmail(*plan, "--now", "2026-11-02T10:00", project=project))

    found = read_json(recmail("diff", first["run"], second["run"], "--json", project=project))
    assert found["both"] + sum(found["went"].values()) == first["waiting"]
    assert found["both"] + sum(found["came"].values()) == second["waiting"] < first["waiting"]
    said = recmail("diff", first["run"], second["run"], project=project).stdout
    for words in (
        "go; now: not in the audience",
        "the campaign was edited",
        "+audience: last_seen within 10d",
    ):
        assert words in said


def test_unknown_runs_are_refused(project: Path) -> None:
    assert "there is no run 7" in recmail("diff", 7, 8, project=project, code=4).stderr
    named = recmail("diff", "weekly-picks", project=project, code=2).stderr
    assert "found 'weekly-picks'; expected the number of a run" in named


def test_one_run_is_compared_with_the_one_before_it(project: Path) -> None:
    plan = ("plan", "popular-now", "--json")
    first = read_json(recmail(*plan, "--now", AT, project=project))["run"]
    alone = recmail("diff", first, project=project, code=4).stderr
    assert f"run {first} is the first of popular-now" in alone
    recmail("plan", "weekly-picks", "--now", AT, project=project)
    second = read_json(recmail(*plan, "--now", "2026-11-02T10:00", project=project))["run"]
    said = recmail("diff", second, "--json", project=project)
    assert (read_json(said)["before"], read_json(said)["after"]) == (first, second)
    assert f"run {second} compared with run {first}" in said.stderr
