"""`recmail import bounces` and `recmail import events FILE`, and where what came back is shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recmail.settings import load_settings
from recmail.tokens import in_mailbox, sign
from tests.cli.conftest import AT, read_json, recmail

LATER = "2026-11-03T09:00:00+00:00"
POSTMARK = '\n[provider.pm]\ntype = "postmark"\napi_key = "env:POSTMARK_TOKEN"\n'
BOUNCES = '\n[bounces.returned]\ntype = "maildir"\nfolder = "Returned"\n'


def ask(project: Path, question: str) -> list[Any]:
    with sqlite3.connect(project / "recmail.db") as connection:
        return connection.execute(question).fetchall()


@pytest.fixture
def sent(project: Path, planned: Callable[..., tuple[int, int]]) -> list[tuple[int, int, str, str, str]]:
    """Everybody who got a run's message: run_no, user_no, user_id, address, Message-ID."""
    run, people = planned()
    recmail("send", run, "--yes", "--expect", people, "--now", AT, project=project)
    columns = "run_no, user_no, user_id, email, message_id"
    return ask(project, f"SELECT {columns} FROM ledger JOIN users USING (user_no) WHERE state = 'sent'")


def test_events_of_a_file_are_told_once_and_shown(
    project: Path,
    sent: list[tuple[int, int, str, str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POSTMARK_TOKEN", "0123")
    run, _, dead, _, dead_id = sent[0]
    _, _, _, _, other_id = sent[1]
    file = tmp_path / "saved.ndjson"
    said = [
        {"kind": "bounced", "message_id": dead_id, "dead": True, "status": "5.1.1", "detail": "no such user"},
        {"kind": "delivered", "message_id": f"<{other_id}>"},
        {"kind": "delivered", "provider_id": "of another system"},
        {"kind": "opend", "message_id": other_id},
    ]
    file.write_text("\n".join(json.dumps({"at": LATER, **one}) for one in said))
    tried = recmail("import", "events", file, "--dry-run", "--now", LATER, project=project, code=5)
    assert "events: 4 lines read; 3 new events, 0 known already; 1 rejected" in tried.stdout
    assert "nothing was changed" in tried.stderr
    with (project / "recmail.toml").open("a") as toml:
        toml.write(POSTMARK)
    (tmp_path / "other.ndjson").write_text('{"event": "delivered", "email": "a@example.org"}')
    other = recmail("import", "events", tmp_path / "other.ndjson", "--provider", "pm", project=project).stderr
    assert "1 line holds no event that is kept; is --provider the one that they are of?" in other
    first = recmail("import", "events", file, "--now", LATER, project=project, code=5)
    assert "1 address gets nothing more" in first.stderr
    assert "1 of messages that are not known here" in first.stderr
    assert "rejected 1 x kind: unknown; did you mean opened? (line 4" in first.stderr
    again = recmail("import", "events", file, "--now", LATER, "--json", project=project, code=5)
    assert read_json(again)["counts"]["known"] == 3
    assert "what came back, by people: 1 delivered, 1 bounced" in recmail("runs", run, project=project).stdout
    assert read_json(recmail("runs", run, "--json", project=project))["returned"] == {
        "bounced": 1,
        "delivered": 1,
    }
    story = recmail("why", dead, run, "--now", LATER, project=project).stdout
    assert "bounced for good, says import: 5.1.1 no such user" in story
    assert "the address: hard bounce (import)" in story


def test_bounces_out_of_a_maildir(project: Path, sent: list[tuple[int, int, str, str, str]]) -> None:
    missing = recmail("import", "bounces", project=project, code=3).stderr
    assert "has no [bounces.*] yet" in missing
    assert 'type = "imap"' in missing
    with (project / "recmail.toml").open("a") as file:
        file.write(BOUNCES)
    assert "expected the folder of a Maildir" in recmail("import", "bounces", project=project, code=3).stderr
    for part in ("new", "cur", "tmp"):
        (project / "Returned" / part).mkdir(parents=True)
    run, user_no, _, address, _ = sent[0]
    token = in_mailbox(sign(load_settings(project).key, run, user_no, "bounce"))
    text = (Path(__file__).parents[1] / "feedback" / "bounces" / "exim.eml").read_text()
    (project / "Returned" / "new" / "1.host").write_text(
        text.replace("{token}", token).replace("u0@example.org", address)
    )
    read = recmail("import", "bounces", "--now", LATER, project=project)
    assert read.stdout == "returned: 1 unread mail; 1 new event, 0 known already\n"
    assert "1 address gets nothing more" in read.stderr
    document = read_json(recmail("import", "bounces", "--json", project=project))
    assert (document["mailboxes"][0]["mails"], document["mailboxes"][0]["errors"]) == (0, [])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("bounces", "--provider", "files"), 2, "--provider is for events"),
        (("bounces", "saved.ndjson"), 2, "a FILE holds events"),
        (("users", "people.csv", "--provider", "files"), 2, "--provider is for events"),
        (("events",), 2, "events: name the FILE"),
        (("events", "gone.ndjson"), 3, "gone.ndjson: no such file"),
        (("events", "gone.ndjson", "--map", "a=b"), 2, "--map is not for events"),
        (("events", "gone.ndjson", "--provider", "fles"), 3, "did you mean files?"),
        (("evnts", "gone.ndjson"), 2, "did you mean events?"),
    ],
)
def test_wrong_words_are_told_apart(project: Path, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in recmail("import", *words, project=project, code=code).stderr
