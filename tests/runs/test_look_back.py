"""What a scheduler does about what came back, by itself."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from recmail.feedback.recording import Counts
from recmail.records import EventKind
from recmail.runs.look_back import LookBack
from recmail.runs.news import News
from recmail.runs.project import open_project
from recmail.tokens import in_mailbox, sign
from tests.feedback.sent import event, people, sent_run, told
from tests.feedback.test_bounces import mail
from tests.rows import empty_project

MINUTE = timedelta(minutes=1)
BOUNCES = '\n[bounces.returned]\ntype = "maildir"\nfolder = "Returned"\n'


def test_it_reads_mailboxes_and_looks_at_early_events_again(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "acme"
    empty_project(folder)
    with (folder / "recmail.toml").open("a") as file:
        file.write(BOUNCES)
    for part in ("new", "cur", "tmp"):
        (folder / "Returned" / part).mkdir(parents=True)
    project = open_project(folder)
    people(project.engine, now, 2)
    assert told(project.engine, event(1, 1, EventKind.DELIVERED, now), now=now) == Counts(new=1, stray=1)
    sent_run(project.engine, 1, now, people=[0, 1])
    token = in_mailbox(sign(project.settings.key, 1, 0, "bounce")).encode()
    raw = mail("delayed").replace(
        in_mailbox(sign(b"a key that is long enough to be one", 1, 0, "bounce")).encode(), token
    )
    (folder / "Returned" / "new" / "1.host").write_bytes(raw)
    news: list[News] = []
    returned = LookBack(project, "recmail", news.append, threading.Event())
    assert returned.look(now) == []
    assert [one.text for one in news] == [
        "1 mail in returned: 1 new",
        "early events: 1 found their message",
    ]
    (folder / "Returned" / "new").rmdir()
    assert returned.look(now + MINUTE / 2) == []  # not yet
    for minutes in (1, 2, 3):
        (error,) = returned.look(now + minutes * MINUTE)
        assert "expected the folder of a Maildir" in str(error)
    assert [one.what for one in news[2:]] == ["trouble"]  # said once
    project.engine.dispose()
