"""What the doctor says of what comes back by mail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.imap import ImapServer
from tests.runs.doctor.conftest import one, report, states
from tests.servers import unused_port

Change = Callable[..., None]
IMAP = """
[bounces.returned]
type = "imap"
host = "127.0.0.1"
port = {port}
tls = "none"
user = "bounces"
password = "env:BOUNCES_PASSWORD"
"""
RELAY = """
[provider.relay]
type = "smtp"
host = "smtp.acme.org"
"""


def test_a_mailbox_is_opened_and_left_as_it_is(
    project: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ImapServer({1: b"Subject: x\r\n\r\n"}).running() as server:
        change(add=IMAP.format(port=server.port))
        missing = one(report(project)["provider"], "bounces returned")
        assert (missing.state, "BOUNCES_PASSWORD is not set" in missing.found) == ("warning", True)
        monkeypatch.setenv("BOUNCES_PASSWORD", "se cret")
        found = one(report(project)["provider"], "bounces returned")
        assert (found.state, found.found) == ("ok", f"INBOX at 127.0.0.1:{server.port} can be read")
        assert server.seen == set()
        monkeypatch.setenv("BOUNCES_PASSWORD", "other")
        refused = one(report(project)["provider"], "bounces returned")
        assert (refused.state, "AUTHENTICATIONFAILED" in refused.found) == ("wrong", True)
        assert refused.next == "compare [bounces.returned] with your provider's page"


def test_a_mailbox_out_of_reach_is_said(
    project: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOUNCES_PASSWORD", "se cret")
    change(add=IMAP.format(port=unused_port()))
    found = one(report(project)["provider"], "bounces returned")
    assert (found.state, found.found.startswith("cannot read from 127.0.0.1:")) == ("wrong", True)


def test_bounces_of_a_mail_server_that_nobody_reads_are_said(project: Path, change: Change) -> None:
    change(provider='"relay"', add=RELAY)
    found = one(report(project)["provider"], "bounces")
    assert (found.state, found.next) == (
        "warning",
        "say where they arrive: [bounces.NAME], see docs/feedback.md",
    )
    change(add=IMAP.replace("127.0.0.1", "imap.acme.org").replace('tls = "none"', "").format(port=993))
    assert states(report(project)["provider"]) == {"relay": "ok", "bounces returned": "ok"}
