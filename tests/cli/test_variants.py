"""Variants and a control group from the YAML to the inbox: who got what, and that it is counted."""

from __future__ import annotations

import email
import email.policy
import sqlite3
from collections import Counter
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import AT, read_json, recmail

CAMPAIGN = """\
subject: "{{ user.first_name or 'Hello' }}, some courses"
audience: {who: everyone, control_group: 15%}
blocks: [popular: 3]
variants:
  - {name: plain, share: 40%}
  - name: asks
    share: 60%
    subject: "{{ user.first_name or 'So' }}, what next?"
    preheader: Have a look at what we found for you, it will not take more than a minute
    template: new-releases
    from: Ana of Acme <ana@acme.example>
    reply_to: ana@acme.example
    blocks: [text: Nobody else reads this, new_releases: {show: 2, fallback: [popular]}]
utm: {}
"""


@pytest.fixture
def ab(project: Path) -> Path:
    (project / "campaigns" / "ab.yaml").write_text(CAMPAIGN)
    return project


def ledger(project: Path, run: int) -> dict[str, tuple[str, str | None, str | None]]:
    """State, variant and address of everybody of a run, by user_id."""
    with sqlite3.connect(project / "recmail.db") as connection:
        found = connection.execute(
            "SELECT user_id, state, variant, email FROM ledger JOIN users USING (user_no) WHERE run_no = ?",
            (run,),
        )
        return {user_id: tuple(row) for user_id, *row in found}


def outbox(project: Path) -> list[EmailMessage]:
    files = (project / "outbox" / "new").iterdir()
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def test_everybody_gets_their_own_variant_and_the_control_group_nothing(ab: Path) -> None:
    planned = read_json(recmail("plan", "ab", "--now", AT, "--json", project=ab))
    run, waiting = planned["run"], planned["waiting"]
    assert planned["subjects_by_variant"].keys() == {"plain", "asks"}
    assert all(one.endswith(", what next?") for one in planned["subjects_by_variant"]["asks"])
    assert [(block["name"], block["variant"]) for block in planned["blocks"]] == [
        ("popular", None),
        ("new_releases", "asks"),
    ]
    recmail("approve", run, "--now", AT, project=ab)
    sent = recmail("send", run, "--yes", "--expect", waiting, "--now", AT, project=ab)
    rows = ledger(ab, run)
    held = [row for row in rows.values() if row[0] == "held_out"]
    assert len(held) >= 5
    messages = {str(message["To"].addresses[0].addr_spec): message for message in outbox(ab)}
    mailed = {row[2]: row[1] for row in rows.values() if row[0] == "sent"}
    assert len(messages) == len(mailed) == waiting
    assert {address.lower() for address in messages} == {str(address).lower() for address in mailed}
    assert not {str(row[2]).lower() for row in held} & {address.lower() for address in messages}
    for address, message in messages.items():
        variant = next(name for to, name in mailed.items() if str(to).lower() == address.lower())
        asks, page = variant == "asks", text_of(message)
        assert str(message["Subject"]).endswith(", what next?" if asks else ", some courses")
        assert ("ana@acme.example" in str(message["From"])) == asks
        assert ("ana@acme.example" in str(message["Reply-To"])) == asks
        assert ("Nobody else reads this" in page) == asks
        assert ("it will not take more than a minute" in page) == asks
        assert f"utm_content={variant}." in page
        assert f"utm_content={'plain' if asks else 'asks'}" not in page
    counts = Counter(row[1] for row in rows.values() if row[1])
    assert abs(counts["plain"] - 0.4 * counts.total()) < 1
    shown = read_json(recmail("runs", run, "--json", project=ab))["account"]
    assert shown["adds_up"]
    assert {name: one["people"] for name, one in shown["variants"].items()} == counts
    assert shown["states"]["held_out"] == len(held)
    for output in (sent.output, recmail("runs", run, project=ab).output):
        assert f"{counts['asks']} sent" in output
        assert "control group" in output


def test_why_tells_the_variant_and_the_control_group(ab: Path) -> None:
    run = read_json(recmail("plan", "ab", "--now", AT, "--json", project=ab))["run"]
    rows = ledger(ab, run)
    held = next(user for user, row in rows.items() if row[0] == "held_out")
    asked = next(user for user, row in rows.items() if row[1] == "asks")
    assert "\ncontrol group\n" in recmail("why", held, run, project=ab).output
    assert f"{held}  ab: would get no email: control group" in recmail("why", held, "ab", project=ab).output
    assert "variant asks" in recmail("why", asked, run, project=ab).output


def preview(project: Path, *arguments: object) -> list[dict[str, Any]]:
    out = read_json(recmail("preview", "ab", "--now", AT, "--json", *arguments, project=project))
    people: list[dict[str, Any]] = out["people"]
    return people


def test_a_preview_shows_every_variant(ab: Path) -> None:
    everybody = preview(ab)
    mailed = [one for one in everybody if one["sent"]]
    assert {one["variant"] for one in mailed} == {"plain", "asks"}
    for one in mailed:
        assert one["subject"].endswith(", what next?" if one["variant"] == "asks" else ", some courses")
    assert any(one["verdict"] == "would not be sent: control group" for one in everybody)
    assert {one["variant"] for one in preview(ab, "--variant", "plain") if one["sent"]} == {"plain"}


def test_who_is_named_is_shown_in_each_variant(ab: Path) -> None:
    run = read_json(recmail("plan", "ab", "--now", AT, "--json", project=ab))["run"]
    rows = ledger(ab, run)
    user = next(user for user, row in rows.items() if row[:2] == ("planned", "plain"))
    held = next(user for user, row in rows.items() if row[0] == "held_out")
    shown = [
        (one["user"], one["variant"], one["file"]) for one in preview(ab, "--user", user, "--user", held)
    ]
    assert shown == [(user, "plain", f"{user}.html"), (user, "asks", f"{user}-2.html"), (held, None, None)]
    refused = recmail("preview", "ab", "--variant", "ask", project=ab, code=4)
    assert "ab has no variant 'ask'; did you mean asks?" in refused.output


def test_a_test_email_in_one_variant(ab: Path) -> None:
    toml = ab / "recmail.toml"
    toml.write_text(toml.read_text().replace("test_recipients = []", 'test_recipients = ["me@acme.example"]'))
    assert "me@acme.example" in toml.read_text()
    sent = recmail("preview", "ab", "--to", "me@acme.example", "--variant", "asks", "--now", AT, project=ab)
    assert sent.stdout.rstrip().endswith(", what next?")
    assert "ana@acme.example" in str(outbox(ab)[0]["From"])


def test_mistakes_of_one_variant_are_found_in_its_emails_alone(ab: Path) -> None:
    """Only those without a first name, and only in the variant that prints it bare."""
    file = ab / "campaigns" / "ab.yaml"
    file.write_text(CAMPAIGN.replace("{{ user.first_name or 'So' }}, what", "{{ user.first_name }}, what"))
    document = read_json(recmail("plan", "ab", "--now", AT, "--json", project=ab))
    rows = ledger(ab, document["run"])
    with sqlite3.connect(ab / "recmail.db") as connection:
        nameless = {
            one for (one,) in connection.execute("SELECT user_id FROM users WHERE first_name IS NULL")
        }
    theirs = {user for user, row in rows.items() if user in nameless and row[:2] == ("planned", "asks")}
    (found,) = [one for one in document["findings"]["rules"] if one["rule"] == "render"]
    assert found["people"] == len(theirs) > 0
    assert found["example"] in theirs
    assert found["findings"][0]["template"] == "subject of asks"


def test_the_dry_run_counts_them(ab: Path) -> None:
    counted = read_json(recmail("plan", "ab", "--dry-run", "--now", AT, "--json", project=ab))["account"]
    planned = read_json(recmail("plan", "ab", "--now", AT, "--json", project=ab))["account"]
    people = {name: one["people"] for name, one in planned["variants"].items()}
    assert {name: one["people"] for name, one in counted["variants"].items()} == people
    assert counted["states"]["held_out"] == planned["states"]["held_out"]


def test_a_template_that_only_a_variant_names_is_checked(ab: Path) -> None:
    file = ab / "campaigns" / "ab.yaml"
    file.write_text(CAMPAIGN.replace("template: new-releases", "template: new-release"))
    found = recmail("check", "ab", "--now", AT, project=ab, code=3).output
    place = "campaigns/ab.yaml:10:15: variants[1].template: there is no template 'new-release'"
    assert place in found
    recmail("plan", "ab", "--now", AT, project=ab, code=3)
