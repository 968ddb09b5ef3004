"""Mail leaves this machine only when everything that the world will see is in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import AT, read_json, recmail

Planned = Callable[..., tuple[int, int]]
# Port 587 of this machine is a relay: what it takes goes out into the world. Nothing is connected here.
RELAY = """
[provider.relay]
type = "smtp"
host = "127.0.0.1"
port = 587
tls = "none"
"""


def edit(project: Path, *changes: tuple[str, str]) -> None:
    file = project / "recmail.toml"
    text = file.read_text("utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file.write_text(text, "utf-8")


def refusal(project: Path, run: int, people: int, *options: str) -> str:
    result = recmail("send", run, "--yes", "--expect", people, *options, project=project, code=4)
    return " ".join(result.stderr.split())


def test_every_guard_stands_before_the_first_message(project: Path, planned: Planned) -> None:
    edit(project, ('provider = "files"', 'provider = "relay"'))
    with (project / "recmail.toml").open("a", encoding="utf-8") as file:
        file.write(RELAY)
    run, people = planned()
    at = ("--now", AT)
    assert "set public_url or unsubscribe_url" in refusal(project, run, people, *at)
    edit(project, ('unsubscribe_url = ""', 'unsubscribe_url = "https://acme.test/u/{token}"'))
    assert "who sends is still an example" in refusal(project, run, people, *at)
    edit(project, ("learn@acme.example", "learn@acme-courses.in"), ("= 100", "= 10"))
    later = AT.replace("09:00:00", "09:00:01")
    run = read_json(recmail("plan", "weekly-picks", "--now", later, "--json", project=project))["run"]
    recmail("approve", run, "--now", later, project=project)
    assert "pictures without a web address" in refusal(project, run, people, *at)
    edit(project, ('public_url = ""', 'public_url = "https://acme-courses.in"'))
    assert "--now is for trying out" in refusal(project, run, people, *at)
    assert "is not what was planned" not in refusal(project, run, people, *at)


def test_a_quota_that_is_used_up_is_said_and_the_same_command_goes_on(
    project: Path, planned: Planned
) -> None:
    edit(project, ('folder = "outbox"', 'folder = "outbox"\nat_most = "5 per day"'))
    run, people = planned()
    sent = recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project)
    assert "5 per day of provider files are used up until" in sent.stderr
    assert f"{people - 5:,} still wait; the same command goes on with them" in sent.stderr
    again = read_json(recmail("send", run, "--now", AT, "--json", project=project))
    assert (again["mailed"], again["waiting"]) == (0, people - 5)
    assert "5 per day of provider files are used up until" in again["goes_on"]


def test_a_new_project_cannot_mail_the_world_as_an_example(tmp_path: Path) -> None:
    recmail("init", tmp_path / "mine", "--name", "Mine")
    text = (tmp_path / "mine" / "recmail.toml").read_text("utf-8")
    assert "(fill in your postal address)" in text
    assert "@company.example" in text
