"""`recmail report` on the demo: sent to files, enrolments imported afterwards, and every way to read it."""

from __future__ import annotations

import csv
import io
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import AT, read_json, recmail

LATER = "2026-11-12T09:00:00+00:00"


@dataclass(frozen=True)
class Sent:
    """A project whose weekly-picks went out, and another campaign that waits for approval.

    Attributes:
        course: that one person took, at least; its title would be markup if anybody let it.
    """

    folder: Path
    run: int
    people: int
    course: str
    waiting: int


@pytest.fixture(scope="module")
def sent(_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """Everybody's email went out, and three people enrolled two days later."""
    folder = tmp_path_factory.mktemp("reported") / "acme"
    shutil.copytree(_trained, folder)
    plans = [
        read_json(recmail("plan", name, "--now", AT, "--json", project=folder))
        for name in ("weekly-picks", "popular-now")
    ]
    run, people = plans[0]["run"], plans[0]["waiting"]
    recmail("approve", run, "--now", AT, project=folder)
    recmail("send", run, "--yes", "--expect", people, "--now", AT, project=folder)
    return Sent(folder, run, people, enrol(folder, run, 3), plans[1]["run"])


def enrol(project: Path, run: int, people: int) -> str:
    """So many people take the first course of their email two days later; returns the course of the last."""
    query = """
        SELECT user_id, json_extract(context, '$.slots[0][1]') FROM ledger_context
        JOIN users USING (user_no) WHERE run_no = ? ORDER BY user_no LIMIT ?
    """
    with sqlite3.connect(project / "recmail.db") as database:
        found = database.execute(query, (run, people)).fetchall()
        # A title that would be markup if anybody let it.
        database.execute("UPDATE courses SET title = '<b>Bold</b>' WHERE course_no = ?", (found[-1][1],))
        ids = dict(database.execute("SELECT course_no, course_id FROM courses"))
    rows = [f"later-{user},{user},{ids[no]},enrolled,2026-11-04T09:00:00Z,49.5,USD" for user, no in found]
    lines = ["event_id,user_id,course_id,kind,at,amount,currency", *rows]
    (project / "later.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recmail("import", "interactions", project / "later.csv", "--now", LATER, project=project)
    return str(ids[found[-1][1]])


def test_a_report_says_what_came_of_a_campaign(sent: Sent, tmp_path: Path) -> None:
    page = tmp_path / "report.html"

    result = recmail("report", "weekly-picks", "--now", LATER, "--json", "--html", page, project=sent.folder)

    (report,) = read_json(result)["reports"]
    assert report["account"]["adds_up"]
    assert report["account"]["states"]["sent"] == report["figures"]["sent"] == sent.people
    figures = report["figures"]
    assert (figures["enrolled"], figures["enrolments"], figures["enrolments_shown"]) == (3, 3, 3)
    assert figures["value_minor"] == {"USD": 3 * 4_950}
    assert (figures["delivered"], figures["clicked"], figures["windows_open"]) == (None, None, 0)
    assert sum(row["enrolments"] for row in report["by_block"]) == 3
    assert next(row for row in report["by_course"] if row["course_id"] == sent.course)["enrolments"] >= 1
    assert {note["key"] for note in report["notes"]} == {
        *("known_until", "no_control_group", "no_feedback", "tracking_off"),
    }
    html = page.read_text("utf-8")
    assert "&lt;b&gt;Bold&lt;/b&gt;" in html
    assert "<b>Bold" not in html
    assert "http" not in html.replace("http-equiv", "")


def test_csv_has_each_figure_of_json_in_a_row_of_its_own(sent: Sent) -> None:
    arguments = ("report", sent.run, "--now", LATER)

    rows = list(csv.DictReader(io.StringIO(recmail(*arguments, "--csv", project=sent.folder).stdout)))

    (report,) = read_json(recmail(*arguments, "--json", project=sent.folder))["reports"]
    of_all = {
        row["figure"]: row["value"] for row in rows if row["dimension"] == "all" and not row["currency"]
    }
    plain = {name: value for name, value in report["figures"].items() if not isinstance(value, dict)}
    assert of_all == {name: "" if value is None else str(value) for name, value in plain.items()}
    money = [(row["currency"], row["value"]) for row in rows if row["figure"] == "value_minor"]
    assert ("USD", str(3 * 4_950)) in money
    states = {row["key"]: int(row["value"]) for row in rows if row["dimension"] == "state"}
    assert states.pop("") == sum(states.values()) == report["account"]["audience"]
    assert states["sent"] == sent.people
    assert {row["run"] for row in rows} == {str(sent.run)}


def test_text_says_what_is_not_known(sent: Sent) -> None:
    text = recmail("report", "--now", "2026-11-03T09:00", project=sent.folder).stdout
    assert f"sent          {sent.people}" in text
    assert "delivered     not known" in text
    assert "Clicks are not tracked: they are not known." in text
    assert "No feedback from provider files" in text
    assert f"not over yet, or not imported, for {sent.people} of {sent.people} messages" in text
    assert text.startswith("weekly-picks: 1 run went out, 2026-11-02")
    of_run = recmail("report", sent.run, "--now", LATER, project=sent.folder).stdout
    assert of_run.startswith(f"Run {sent.run}, weekly-picks: finished")


def test_what_did_not_go_out_has_its_account_only(sent: Sent) -> None:
    text = recmail("report", sent.waiting, "--now", LATER, project=sent.folder).stdout
    assert text.startswith(f"Run {sent.waiting}, popular-now: no message left yet")
    assert "waiting" in text
    assert "enrolled" not in text
    assert "not counted here" in recmail("report", "popular-now", "--now", LATER, project=sent.folder).stdout


def test_before_anything_went_out_a_report_says_what_is_next(project: Path) -> None:
    nothing = recmail("report", "--now", LATER, project=project)
    assert nothing.stdout == ""
    assert "plan one with: recmail plan CAMPAIGN" in nothing.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("weekly-pick",), 4, "did you mean weekly-picks?"),
        ((77,), 4, "there is no run 77"),
        (("--within", "soon"), 2, "expected a duration such as 7d, 3h, 30m or 2w"),
        (("--within", "400d"), 2, "expected up to 365d"),
        (("--csv", "--json"), 2, "give one of --csv and --json"),
        (("--html", "there/is/no/such.html"), 1, "choose another file for --html"),
    ],
)
def test_mistakes_are_said(project: Path, arguments: tuple[Any, ...], code: int, said: str) -> None:
    result = recmail("report", *arguments, project=project, code=code)
    assert said in result.output
