"""`recmail why USER CAMPAIGN`: what became of every candidate, as planning decides it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import AT, read_json, recmail

LIMITED = "exposure: {max_share_per_course: 5%, respect_seats: true}\n"


@pytest.fixture
def limited(project: Path) -> Path:
    """The demo with weekly-picks, and the same under limits."""
    text = (project / "campaigns" / "weekly-picks.yaml").read_text()
    (project / "campaigns" / "limited.yaml").write_text(text + LIMITED)
    return project


def explained(project: Path, who: str, campaign: str, *arguments: str) -> dict[str, Any]:
    return read_json(recmail("why", who, campaign, "--json", "--now", AT, *arguments, project=project))


def frozen(project: Path, campaign: str) -> dict[str, list[tuple[str, str | None]]]:
    """What a plan shows to everybody: course_id and reason, top to bottom."""
    run = read_json(recmail("plan", campaign, "--now", AT, "--json", project=project))["run"]
    slots = (
        "SELECT user_id, course_id, json_extract(slot.value, '$[2]') FROM ledger_context"
        " JOIN users USING (user_no), json_each(context, '$.slots') AS slot"
        " JOIN courses ON course_no = json_extract(slot.value, '$[1]')"
        " WHERE run_no = ? ORDER BY user_no, slot.key"
    )
    found: dict[str, list[tuple[str, str | None]]] = {}
    with sqlite3.connect(project / "recmail.db") as connection:
        for user_id, course_id, reason in connection.execute(slots, [run]):
            found.setdefault(user_id, []).append((course_id, reason))
    return found


def shown(story: dict[str, Any]) -> list[tuple[str, str | None]]:
    places = [
        (one["block"], int(one["says"].removeprefix("shown, place ")), one["course_id"], one["reason"])
        for one in story["candidates"]
        if one["outcome"] == "shown"
    ]
    return [(course_id, reason) for _, _, course_id, reason in sorted(places)]


@pytest.mark.parametrize("campaign", ["weekly-picks", "limited"])
def test_what_is_shown_is_what_a_plan_freezes(limited: Path, campaign: str) -> None:
    everybody = frozen(limited, campaign)
    for who in list(everybody)[::20]:
        story = explained(limited, who, campaign)
        assert story["verdict"] == "would get an email"
        assert shown(story) == everybody[who]


def test_every_candidate_has_a_fate_and_displaced_ones_had_a_better_score(limited: Path) -> None:
    story = explained(limited, next(iter(frozen(limited, "limited"))), "limited")
    outcomes = {one["outcome"] for one in story["candidates"]}
    assert {"shown", "filter", "exposure", "rank"} <= outcomes
    offers = {(one["block"], one["source"]) for one in story["candidates"]}
    for offer in offers:
        mine = [one for one in story["candidates"] if (one["block"], one["source"]) == offer]
        assert len({one["course_id"] for one in mine}) == len(mine) == 240
        scores = [one["score"] for one in mine if one["score"] is not None]
        assert scores == sorted(scores, reverse=True)
        for one in mine:
            assert (one["outcome"] == "filter") <= bool(one["filters"])
            assert (one["outcome"] == "not_offered") == (one["score"] is None)


def test_the_table_lists_the_first_and_one_course_can_be_asked_for(limited: Path) -> None:
    who = next(iter(frozen(limited, "weekly-picks")))
    first = recmail("why", who, "weekly-picks", "--now", AT, project=limited).stdout
    every = recmail("why", who, "weekly-picks", "--all", "--now", AT, project=limited).stdout
    assert first.startswith(f"{who}  weekly-picks: would get an email\n")
    assert "shown, place 1: " in first
    assert "others rank higher" in every
    assert len(every.splitlines()) > len(first.splitlines()) > 10
    one = explained(limited, who, "weekly-picks", "--course", "python-101")
    assert {candidate["course_id"] for candidate in one["candidates"]} == {"python-101"}


def test_who_may_not_be_mailed_is_told_so_and_takes_part_in_no_limit(limited: Path) -> None:
    with sqlite3.connect(limited / "recmail.db") as connection:
        [other] = connection.execute("SELECT user_id FROM users WHERE email_key IS NULL").fetchone()
    story = explained(limited, other, "limited")
    assert story["verdict"].startswith("would get no email: ")
    assert story["note"] == "limits count only those who may be mailed: this is without `exposure`"
    assert not any(one["outcome"] == "exposure" for one in story["candidates"])


def test_who_would_have_too_few_courses_is_asked_all_the_same(project: Path) -> None:
    """Two courses of one category are wanted, and one allowed: nobody gets an email, or takes a course."""
    block = 'popular: {show: 2, at_least: 2, variety: {per_category: 1}, where: category == "Finance"}'
    blocks = f'subject: "x"\naudience: everyone\nblocks:\n  - {block}\n'
    (project / "campaigns" / "few.yaml").write_text(blocks + LIMITED)
    planned = read_json(recmail("plan", "few", "--now", AT, "--json", project=project))
    assert planned["waiting"] == 0
    assert planned["exposure"]["displaced"] == 0
    with sqlite3.connect(project / "recmail.db") as connection:
        asked = connection.execute(
            "SELECT user_id FROM ledger JOIN users USING (user_no)"
            " WHERE reason = 'too_few_courses' ORDER BY user_no"
        ).fetchall()
    stories = [explained(project, who, "few") for (who,) in asked[:4]]
    assert {story["verdict"] for story in stories} == {"would get no email: too few courses to show"}
    assert {story["note"] for story in stories} == {None}
    assert "exposure" not in {one["outcome"] for story in stories for one in story["candidates"]}


def test_who_switched_personalization_off_is_told_so(project: Path) -> None:
    with sqlite3.connect(project / "recmail.db") as connection:
        (who,) = connection.execute(
            "SELECT user_id FROM consent JOIN users USING (user_no) WHERE purpose = 'personalization'"
            " AND NOT granted ORDER BY 1"
        ).fetchone()
    said = recmail("why", who, "weekly-picks", "--now", AT, project=project).stdout
    assert "Block 2, top_picks: nothing, because personalization is off\n" in said
    assert "Block 2, top_picks, filled up by popular\n" in said
    one = recmail("why", who, "weekly-picks", "--course", "python-101", "--now", AT, project=project).stdout
    assert "Block 2, top_picks\n" in one


def test_wrong_names_are_helped_with(limited: Path) -> None:
    wrong = recmail("why", "u00001", "weekly-pick", project=limited, code=4)
    assert "did you mean weekly-picks?" in wrong.stderr
    wrong = recmail("why", "u00001", "weekly-picks", "--course", "python-100", project=limited, code=4)
    assert "did you mean python-101?" in wrong.stderr
    wrong = recmail("why", "u00001", "12", "--all", project=limited, code=2)
    assert "recmail why USER CAMPAIGN" in wrong.stderr
    text = (limited / "campaigns" / "weekly-picks.yaml").read_text()
    (limited / "campaigns" / "wrong.yaml").write_text(text.replace("last_seen within 90d", 'in_cluster("x")'))
    wrong = recmail("why", "u00001", "wrong", project=limited, code=3)
    assert "there is no cluster 'x'" in wrong.stderr
    assert "there is no run 12" in recmail("why", "u00001", "12", project=limited, code=4).stderr


def test_preview_says_that_it_leaves_limits_out(limited: Path) -> None:
    made = read_json(
        recmail("preview", "limited", "--user", "u00001", "--now", AT, "--json", project=limited)
    )
    assert made["note"] == "exposure is left out here: plan settles it over the whole audience"
    assert made["note"] in Path(made["page"]).read_text("utf-8")
    free = read_json(
        recmail("preview", "weekly-picks", "--user", "u00001", "--now", AT, "--json", project=limited)
    )
    assert free["note"] is None


def test_plan_says_what_limits_took(limited: Path) -> None:
    said = recmail("plan", "limited", "--now", AT, project=limited).stdout
    assert "reached the limit" in said
    assert "course at its limit" in said
    assert "of the score" in said
