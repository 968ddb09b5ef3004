"""The main job from an empty folder to emails in a Maildir, as a marketer does it."""

from __future__ import annotations

import email
import email.policy
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import AT, read_json, recmail

Planned = Callable[..., tuple[int, int]]


def messages(project: Path) -> list[email.message.EmailMessage]:
    files = sorted((project / "outbox" / "new").iterdir())
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def send(project: Path, run: int, people: int, code: int = 0):
    arguments = ("send", run, "--yes", "--expect", people, "--now", AT)
    return recmail(*arguments, project=project, code=code)


def test_a_campaign_goes_out_to_everybody_once_and_never_again(project: Path, planned: Planned) -> None:
    run, people = planned()
    assert people > 50
    send(project, run, people)
    account = read_json(recmail("runs", run, "--json", project=project))["account"]
    assert account["states"]["sent"] == people
    assert sum(account["states"].values()) == account["audience"]
    addresses = Counter(message["To"].addresses[0].addr_spec.lower() for message in messages(project))
    assert len(messages(project)) == people
    assert max(addresses.values()) == 1
    again = recmail("send", run, "--yes", "--now", AT, project=project)
    assert "0 emails" in again.stderr
    assert len(messages(project)) == people


def test_each_email_is_whole(project: Path, planned: Planned) -> None:
    run, people = planned()
    send(project, run, people)
    for message in messages(project):
        assert not message.defects
        assert message["List-Unsubscribe"].startswith("<https://unsubscribe.invalid/")
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        html = message.get_body(("html",)).get_content()
        text = message.get_body(("plain",)).get_content()
        for part in (html, text):
            assert "Acme" in part
            assert "unsubscribe.invalid" in part
            assert "{{" not in part.replace("{{ 7*7 }}", "")  # one person is called that
            assert "Traceback" not in part
        assert html.count("Enroll now") >= 2


def test_nobody_who_said_no_is_mailed(project: Path, planned: Planned) -> None:
    run, people = planned()
    send(project, run, people)
    addresses = {message["To"].addresses[0].addr_spec.lower() for message in messages(project)}
    users = (project / "data" / "users.csv").read_text("utf-8").splitlines()
    header = users[0].split(",")
    at, said = header.index("email"), header.index("email_consent")
    import csv

    refused = [row[at].lower() for row in csv.reader(users[1:]) if row[said] != "yes" and row[at]]
    agreed = {row[at].lower() for row in csv.reader(users[1:]) if row[said] == "yes"}
    assert refused
    assert not (set(refused) - agreed) & addresses


def test_a_plan_must_be_approved(project: Path) -> None:
    run = read_json(recmail("plan", "weekly-picks", "--now", AT, "--json", project=project))["run"]
    refused = recmail("send", run, "--yes", "--expect", 1, "--now", AT, project=project, code=4)
    assert f"recmail approve {run}" in refused.stderr
    assert not (project / "outbox" / "new").exists()


def test_a_wrong_number_mails_nobody(project: Path, planned: Planned) -> None:
    run, people = planned()
    refused = recmail("send", run, "--yes", "--expect", people + 1, "--now", AT, project=project, code=4)
    assert "nothing was sent" in refused.stderr


def test_a_script_must_say_how_many(project: Path, planned: Planned) -> None:
    run, _ = planned()
    assert "--expect" in recmail("send", run, "--yes", "--now", AT, project=project, code=2).stderr
    assert "--yes --expect" in recmail("send", run, "--now", AT, project=project, code=4).stderr


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE runs SET campaign_yaml = campaign_yaml || ' # later'",
        "UPDATE runs SET settings = replace(settings, 'Residency Road', 'Evil Street')",
        "UPDATE runs SET courses = replace(courses, 'Python', 'Snakes')",
        "UPDATE ledger_context SET context = json_set(context, '$.user.first_name', 'Eve') WHERE user_no = "
        "(SELECT max(user_no) FROM ledger_context)",
        "UPDATE ledger SET due_at = due_at + 1 WHERE user_no = (SELECT max(user_no) FROM ledger_context)",
    ],
)
def test_a_changed_plan_is_refused(project: Path, planned: Planned, change: str) -> None:
    run, people = planned()
    with sqlite3.connect(project / "recmail.db") as connection:
        connection.execute(change)
    refused = recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project, code=4)
    assert "is not what was planned" in refused.stderr


def test_why_tells_the_whole_story(project: Path, planned: Planned) -> None:
    run, people = planned()
    send(project, run, people)
    with sqlite3.connect(project / "recmail.db") as connection:
        query = "SELECT user_id, message_id FROM ledger JOIN users USING (user_no) WHERE state = 'sent'"
        who, message_id = connection.execute(query + " ORDER BY user_no DESC").fetchone()
    story = read_json(recmail("why", who, run, "--json", "--now", AT, project=project))
    [message] = [one for one in messages(project) if one["Message-ID"] == f"<{message_id}>"]
    assert story["verdict"] == "may be mailed"
    assert story["runs"][0]["outcome"] == "sent"
    text = " ".join(message.get_body(("plain",)).get_content().split())
    shown = story["runs"][0]["shown"]
    assert len(shown) >= 4
    assert all(title in text for title, _, _ in shown)


def test_preview_shows_people_who_matter_and_sends_nothing(project: Path) -> None:
    made = read_json(recmail("preview", "weekly-picks", "--now", AT, "--json", project=project))
    page = Path(made["page"]).read_text("utf-8")
    assert len({person["user"] for person in made["people"]}) == len(made["people"]) >= 15
    for person in made["people"]:
        assert person["why"] in page
    assert any("the lowest score (" in person["why"] for person in made["people"])
    assert not (project / "outbox").exists()


def test_preview_shows_who_cannot_be_rendered_and_why_beside_the_others(project: Path) -> None:
    template = project / "templates" / "weekly.html.j2"
    begun, rest = template.read_text("utf-8").split("{% block content %}")
    template.write_text(f"{begun}{{% block content %}}{{{{ user.last_name }}}}{rest}", "utf-8")
    made = read_json(recmail("preview", "weekly-picks", "--now", AT, "--json", project=project))
    verdicts = [person["verdict"] for person in made["people"]]
    line = begun.count("\n") + 1
    said = f"would fail: weekly.html.j2:{line}: the value to print is None; write {{{{ … or '' }}}}"
    assert any(verdict.startswith(said) for verdict in verdicts)
    assert "would be sent" in verdicts
    assert "the value to print is None" in Path(made["page"]).read_text("utf-8")


def test_a_test_email_has_links_that_do_nothing(project: Path) -> None:
    toml = project / "recmail.toml"
    toml.write_text(
        toml.read_text("utf-8").replace("test_recipients = []", 'test_recipients = ["me@acme.example"]')
    )
    recmail("preview", "weekly-picks", "--to", "me@acme.example", "--now", AT, project=project)
    [message] = messages(project)
    assert message["Subject"].startswith("[TEST] ")
    assert message["X-Recmail-Test"] == "yes"
    html = message.get_body(("html",)).get_content()
    assert "test-link.invalid" in html
    assert "courses.acme.example/" not in html
    assert "unsubscribe.invalid" not in html


def test_a_test_goes_only_to_those_listed(project: Path) -> None:
    refused = recmail(
        "preview", "weekly-picks", "--to", "you@acme.example", "--now", AT, project=project, code=4
    )
    assert "test_recipients" in refused.stderr
