"""Bounces out of an IMAP folder, over a real connection."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from recmail.feedback.bounces import ReadMailbox, read_bounces
from recmail.feedback.mailbox import ImapOptions, Mailbox
from recmail.feedback.recording import Counts
from recmail.settings import Secret
from tests.feedback.sent import KEY, people, sent_run, suppressed
from tests.feedback.test_bounces import mail
from tests.imap import ImapServer
from tests.servers import HOST

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Secret:
    monkeypatch.setenv("BOUNCES_PASSWORD", "se cret")
    return Secret("env:BOUNCES_PASSWORD", tmp_path, "recmail.toml", 1)  # type: ignore[arg-type]


def read(
    database: sa.Engine, server: ImapServer, password: Secret, now: datetime, folder: str = "INBOX"
) -> ReadMailbox:
    options = ImapOptions(
        host=HOST, port=server.port, tls="none", user="bounces", password=password, folder=folder
    )
    return read_bounces(database, Mailbox("returned", options), keys=(KEY,), now=now)


@pytest.mark.parametrize("uid_behind", [False, True])
def test_unread_mail_is_read_once(
    database: sa.Engine, now: datetime, password: Secret, uid_behind: bool
) -> None:
    people(database, now, 250)
    sent_run(database, 1, now, people=range(250))
    mails = {
        10 + number: mail("exim", user_no=number)
        .replace(b"u0@", f"u{number}@".encode())
        .replace(b"E1rXyz", f"E1r{number:03}".encode())
        for number in range(250)
    }
    with ImapServer({**mails, 900: b"spam"}, seen={10}, uid_behind=uid_behind).running() as server:
        found = read(database, server, password, now)
        assert (found.mails, found.other, found.counts) == (250, 1, Counts(new=249, suppressed=249))
        assert server.seen == server.mails.keys()
        assert read(database, server, password, now).mails == 0
    assert 0 not in suppressed(database)


@pytest.mark.parametrize(
    ("breaks_at", "folder", "said"),
    [
        ("FETCH", "INBOX", "the connection broke"),
        ("", "Elsewhere", "folder Elsewhere: no such folder"),
    ],
)
def test_what_is_wrong_is_said(
    database: sa.Engine, now: datetime, password: Secret, breaks_at: str, folder: str, said: str
) -> None:
    with ImapServer({1: mail("exim")}, breaks_at=breaks_at).running() as server:
        (error,) = read(database, server, password, now, folder).errors
    assert str(error).startswith(f"[bounces.returned] {HOST}:{server.port}: {said}")
    assert server.seen == set()


def test_a_wrong_password_and_no_server_are_said(
    database: sa.Engine, now: datetime, password: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOUNCES_PASSWORD", "no such password")
    with ImapServer({}).running() as server:
        (refused,) = read(database, server, password, now).errors
    assert "[AUTHENTICATIONFAILED] wrong" in str(refused)
    (gone,) = read(database, server, password, now).errors
    assert f"cannot read from {HOST}:{server.port}" in str(gone)
    assert "cret" not in f"{refused} {gone}"


def test_only_loopback_may_be_plain(password: Secret, database_url: str) -> None:
    with pytest.raises(ValidationError, match="on this machine only"):
        ImapOptions(host="imap.acme.example", tls="none", user="b", password=password)
