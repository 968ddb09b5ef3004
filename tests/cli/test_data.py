"""What `recmail data` says fits on a screen, and its JSON has the same in stable keys."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import AT, read_json, recmail


def test_the_demo_shows_what_was_planted_in_it(project: Path) -> None:
    shown = recmail("data", "--now", AT, project=project).stdout
    assert len(shown.splitlines()) < 40
    assert "Data Science (19) = data science (1)" in shown
    document = read_json(recmail("data", "--now", AT, "--json", project=project))
    assert {"image_missing", "level_missing", "category_spellings"} <= {
        finding["code"] for finding in document["findings"]
    }
    assert [(one["source"], one["kind"], one["state"]) for one in document["sources"]] == [
        ("demo", kind, "fresh") for kind in ("users", "courses", "interactions", "suppressions")
    ]
    assert document["people"] == document["mailable"] + sum(document["not_mailable"].values())


def test_pictures_that_nobody_would_see_are_counted(project: Path) -> None:
    def seen() -> list[int]:
        document = read_json(recmail("data", "--now", AT, "--json", project=project))
        return [one["count"] for one in document["findings"] if one["code"] == "image_relative"]

    (count,) = seen()
    doctor = recmail("doctor", "--offline", "--now", AT, project=project).stdout
    assert f"{count} courses have one without a web address" in doctor
    toml = project / "recmail.toml"
    toml.write_text(toml.read_text().replace('public_url = ""', 'public_url = "https://acme.example"'))
    assert seen() == []
    assert "without a web address" not in recmail("doctor", "--offline", "--now", AT, project=project).stdout


def test_clusters_are_listed_as_segments_ask_for_them(project: Path) -> None:
    result = recmail("data", "--now", AT, project=project)
    assert 'in_cluster("NAME")' in result.stderr
    found = read_json(recmail("data", "--now", AT, "--json", project=project))["clusters"]
    assert len(found) >= 2
    assert [one["people"] for one in found] == sorted((one["people"] for one in found), reverse=True)
    assert all(one["name"] in result.stdout and one["courses"] and one["topics"] for one in found)
    campaign = project / "campaigns" / "like-minded.yaml"
    campaign.write_text(
        f"subject: Hello\naudience: |\n  in_cluster('{found[0]['name']}')\nblocks:\n  - popular: 3\n", "utf-8"
    )
    checked = read_json(recmail("check", "like-minded", "--now", AT, "--json", project=project))
    assert found[0]["people"] == checked["campaigns"][0]["people"]


def test_what_is_old_and_what_was_rejected_is_told(project: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("user_id,course_id,kind,at\nu00040,no-such,viewed,2026-10-01\n", "utf-8")
    recmail("import", "interactions", events, "--now", AT, project=project, code=5)
    result = recmail("data", "--now", "2026-11-20", project=project)
    assert "course_id: unknown course" in result.stdout
    assert "old: does its export still run?" in result.stdout
    assert "18 days ago" in result.stdout
    assert "rejects.csv" in result.stderr


def test_an_empty_project_gets_the_first_step(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    recmail("init", folder)
    assert "[sources.*] in recmail.toml" in recmail("data", project=folder).stderr


def test_user_ids_that_nobody_has_are_told(project: Path) -> None:
    with (project / "recmail.toml").open("a") as settings:
        settings.write('[sources.web]\nfile = "web.csv"\n')
    (project / "web.csv").write_text(
        "event_id,user_id,kind,at,query\n"
        + "".join(f"{number},crm-{number},searched,2026-10-01,sql\n" for number in range(100))
    )
    warning = "WARNING: of 100 events that have a user_id, 0 have one that a person has: events say crm-0, "
    assert warning in recmail("import", "--now", AT, project=project).stderr
    said = recmail("data", "--now", AT, project=project).stderr
    assert "WARNING: no event of web came in, and 100 wait, because nobody has their user_id" in said
    assert "users have u00001, u00002, u00003." in said
