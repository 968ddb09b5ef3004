"""SMTP looked at without sending: what a server says before the first message."""

from __future__ import annotations

from typing import Any

import pytest

from recmail.deliver.esp.smtp import Smtp
from recmail.errors import AccountRefused, TemporaryFailure
from recmail.settings import Secret
from tests.servers import CERTIFICATES, HOST, SmtpServer, unused_port

USERS = {"learn": "open sesame"}


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """User and password, the latter in a variable."""
    monkeypatch.setenv("SMTP_PASSWORD", "open sesame")
    return {"user": "learn", "password": Secret("env:SMTP_PASSWORD", CERTIFICATES)}


def test_it_logs_in_and_says_nothing_of_a_message(login: dict[str, Any]) -> None:
    with SmtpServer(certificate=CERTIFICATES / "localhost.pem", users=USERS).running() as server:
        smtp = Smtp(host=HOST, port=server.port, ca_file=CERTIFICATES / "ca.pem", **login)
        assert smtp.probe() == f"{HOST}:{server.port} answers, encrypts with TLSv1.3, accepts the login"
    verbs = [command.split()[0].upper() for command in server.commands]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"]
    assert server.received == []


def test_a_login_that_is_missing_is_said() -> None:
    with SmtpServer(users=USERS).running() as server:
        found = Smtp(host=HOST, port=server.port, tls="none").probe()
    assert found.endswith("does not encrypt, offers a login, and there is no user and password")


def test_a_wrong_password_fails_as_sending_would(
    login: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "close sesame")
    with SmtpServer(users=USERS).running() as server:
        smtp = Smtp(host=HOST, port=server.port, tls="none", **login)
        with pytest.raises(AccountRefused, match="535"):
            smtp.probe()


def test_a_closed_port_fails_as_sending_would() -> None:
    with pytest.raises(TemporaryFailure, match="cannot reach"):
        Smtp(host=HOST, port=unused_port(), tls="none").probe()
