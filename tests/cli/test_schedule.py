"""`recmail schedule`: in words when a campaign goes out, and what keeps it from doing so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from recmail.cli import main
from recmail.db.connect import connect, writing
from recmail.db.leases import take_lease
from tests import scheduled
from tests.cli.conftest import read_json, recmail
from tests.scheduled import CAMPAIGN, HOUR, MONDAY, TUESDAY, WHEN

AT = MONDAY.isoformat()


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose campaign is due on Tuesday."""
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    made = scheduled.make(tmp_path / "acme")
    made.engine.dispose()
    for shipped in (made.folder / "campaigns").glob("*.yaml"):
        if shipped.stem != "tuesdays":
            shipped.unlink()  # the doctor would prove their templates
    return made.folder


def campaign(small: Path, schedule: str) -> None:
    (small / "campaigns" / "tuesdays.yaml").write_text(CAMPAIGN + schedule, "utf-8")


def test_switching_on_says_when_and_how(small: Path) -> None:
    said = recmail("schedule", "tuesdays", "--now", AT, project=small)
    assert said.stdout.splitlines() == [
        "tuesdays goes out by itself:",
        "  goes out Tue 03 Nov 2026 09:00 in UTC, 03 Nov 09:00 UTC",
        "           Tue 10 Nov 2026 09:00 in UTC, 10 Nov 09:00 UTC",
        "           Tue 17 Nov 2026 09:00 in UTC, 17 Nov 09:00 UTC",
        "  prepared 1h before, the next time 03 Nov 08:00 UTC: sources, model, plan",
        "  each run waits for a person: recmail approve RUN",
        "  given up if it cannot begin by 03 Nov 12:00 UTC",
    ]
    assert "nothing is running that would prepare and send it: start recmail serve" in said.stderr
    listed = recmail("schedule", "--now", AT, project=small)
    assert "tuesdays  on" in listed.stdout
    assert "Tue 03 Nov 2026 09:00 in UTC" in listed.stdout
    [one] = read_json(recmail("schedule", "--json", "--now", AT, project=small))["schedules"]
    assert (one["campaign"], one["on"], one["next"][0]["first_due"]) == (
        "tuesdays",
        True,
        TUESDAY.isoformat(),
    )


def test_everybodys_own_clock_is_said_with_the_first_and_the_last(small: Path) -> None:
    campaign(small, WHEN.replace("UTC", "recipient"))
    said = recmail("schedule", "tuesdays", "--now", AT, project=small)
    assert (
        "goes out Tue 03 Nov 2026 09:00 on everybody's own clock, 02 Nov 19:00 UTC to 03 Nov 21:00 UTC"
        in said.stdout
    )
    assert "prepared 36h before, the next time at once" in said.stdout


@pytest.mark.parametrize(
    ("schedule", "arguments", "code", "message"),
    [
        ("", ["tuesdays"], 3, "campaigns/tuesdays.yaml:5: there is no schedule; to let it go out by itself"),
        ("schedule: 2026-11-01 09:00\n", ["tuesdays"], 4, "the schedule in campaigns/tuesdays.yaml is over"),
        ("schedule: tuesdays\n", ["tuesdays"], 3, "campaigns/tuesdays.yaml:6:11: schedule: found"),
        (WHEN, ["tusdays"], 4, "did you mean tuesdays?"),
        (WHEN, ["tuesdays", "--off"], 4, "tuesdays does not go out by itself; recmail schedule lists"),
        (WHEN, ["--off"], 2, "--off needs the CAMPAIGN"),
    ],
)
def test_mistakes(small: Path, schedule: str, arguments: list[str], code: int, message: str) -> None:
    campaign(small, schedule)
    assert message in recmail("schedule", *arguments, "--now", AT, project=small, code=code).stderr


def test_what_is_in_the_way_is_listed_and_found_by_the_doctor(small: Path) -> None:
    recmail("schedule", "tuesdays", "--now", AT, project=small)
    campaign(small, "schedul: every day 09:00\n")
    recmail("work", "--once", "--now", TUESDAY.isoformat(), project=small, code=3)
    listed = recmail("schedule", "--now", TUESDAY.isoformat(), project=small)
    assert "cannot be prepared" in listed.stdout
    assert "tuesdays cannot be prepared: campaigns/tuesdays.yaml:6:1: schedul: unknown key" in listed.stderr
    assert doctors(small) == [
        (
            "wrong",
            "tuesdays cannot be prepared: campaigns/tuesdays.yaml:6:1: schedul: unknown key; did you mean "
            "schedule?",
        ),
        ("ok", "schedules are looked at, and what is due is sent"),
    ]


def test_the_doctor_says_whether_somebody_is_there(small: Path) -> None:
    off = ("warning", "tuesdays has a schedule that is switched off; it is sent by hand")
    assert doctors(small) == [off]
    recmail("schedule", "tuesdays", "--now", AT, project=small)
    goes_out = ("ok", "tuesdays goes out Tue 03 Nov 2026 09:00 in UTC, 03 Nov 09:00 UTC")
    assert doctors(small) == [goes_out, ("wrong", "nothing is running that would prepare and send it")]
    engine = connect(f"sqlite:///{small / 'recmail.db'}")
    with writing(engine) as connection:
        take_lease(connection, "scheduler host:1", "host:1", HOUR)
    assert doctors(small) == [goes_out, ("wrong", "nothing is running that would send it")]
    with writing(engine) as connection:
        take_lease(connection, "sender host:1", "host:1", HOUR)
    assert doctors(small) == [goes_out, ("ok", "schedules are looked at, and what is due is sent")]
    engine.dispose()


def doctors(small: Path) -> list[tuple[str, str]]:
    arguments = ["doctor", "--offline", "--json", "--now", AT, "--project", str(small)]
    document = json.loads(CliRunner().invoke(main, arguments).stdout)
    return [(one["state"], one["found"]) for one in document["findings"] if one["check"] == "scheduler"]


def test_whoever_approves_is_told_that_it_goes_out_by_itself(small: Path) -> None:
    recmail("schedule", "tuesdays", "--now", AT, project=small)
    before = (TUESDAY - HOUR).isoformat()
    recmail("work", "--once", "--now", before, project=small)
    assert (
        "it goes out by itself, from 2026-11-03 09:00 UTC on"
        in recmail("approve", 1, "--now", before, project=small).stderr
    )


def test_whoever_approves_is_told_when_nothing_runs_that_would_send_it(small: Path) -> None:
    recmail("schedule", "tuesdays", "--now", AT, project=small)
    recmail("plan", "tuesdays", "--now", AT, project=small)
    said = recmail("approve", 1, "--now", AT, project=small).stderr
    assert "it goes out by itself, from 2026-11-03 09:00 UTC on" in said
    assert "nothing is running that would prepare and send it: start recmail serve" in said


def test_off_says_what_becomes_of_a_run_that_is_planned(small: Path) -> None:
    recmail("schedule", "tuesdays", "--now", AT, project=small)
    recmail("work", "--once", "--now", (TUESDAY - HOUR).isoformat(), project=small)
    said = recmail("schedule", "tuesdays", "--off", "--now", TUESDAY.isoformat(), project=small)
    assert said.stdout == "tuesdays does not go out by itself any more\n"
    assert "run 1 is planned" in said.stderr
    assert "is not sent by itself: recmail run cancel 1, or recmail send 1" in said.stderr
    assert "off" in recmail("schedule", project=small).stdout
