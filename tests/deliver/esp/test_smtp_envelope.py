"""What a server is told of a message: only what it offers, and only what the message needs."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.deliver.esp import open_provider
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.esp.smtp_connection import Connection
from recmail.deliver.esp.smtp_envelope import envelope, stuffed
from recmail.errors import ConfigError, MessageRefused, RecipientRefused
from recmail.records import Outgoing
from recmail.settings import load_settings
from recmail.tokens import from_mailbox, in_mailbox, read_token, sign
from tests.servers import HOST, SmtpServer

KEY = b"k" * 32
BASE = """\
[project]
name = "Acme"
currency = "EUR"
[sender]
from = "learn@acme.example"
postal_address = "12 Road"
"""
ALL = ("PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8", "DSN")


def message(recipient: str = "ana@example.org", *, mime: bytes | None = None, **fields: str) -> Outgoing:
    written = f"To: <{recipient}>\r\n\r\nHello\r\n".encode() if mime is None else mime
    return Outgoing(
        "learn@acme.example",
        recipient,
        written,
        fields.get("message_id", "1@x"),
        "Hi",
        fields.get("token", ""),
    )


def connect(stack: ExitStack, server: SmtpServer, **fields: Any) -> Connection:
    stack.enter_context(server.running())
    connection = Smtp(host=HOST, port=server.port, tls="none", **fields).connect()
    stack.callback(connection.close)
    return connection


def said(stack: ExitStack, outgoing: Outgoing, extensions: tuple[str, ...], **fields: Any) -> list[str]:
    """MAIL and RCPT as the server got them."""
    server = SmtpServer(extensions=extensions)
    connect(stack, server, **fields).send(outgoing)
    assert len(server.received) == 1
    return server.commands[1:3]


# --- extensions -----------------------------------------------------------------------------------


def test_a_server_that_offers_nothing_is_told_nothing_more(stack: ExitStack) -> None:
    assert said(stack, message(), ()) == ["MAIL FROM:<learn@acme.example>", "RCPT TO:<ana@example.org>"]


def test_a_server_that_offers_everything_is_told_what_the_message_needs(stack: ExitStack) -> None:
    assert said(stack, message(message_id="a+b=c@acme.example"), ALL) == [
        "MAIL FROM:<learn@acme.example> SIZE=32 RET=HDRS ENVID=a+2Bb+3Dc@acme.example",
        "RCPT TO:<ana@example.org> NOTIFY=FAILURE ORCPT=rfc822;ana@example.org",
    ]


def test_a_message_with_bytes_outside_ascii_says_so(stack: ExitStack) -> None:
    eight = message(mime="Subject: Hi\r\n\r\nOlá\r\n".encode())
    assert said(stack, eight, ALL)[0].startswith("MAIL FROM:<learn@acme.example> SIZE=21 BODY=8BITMIME RET")
    with pytest.raises(MessageRefused, match="no 8BITMIME"):
        connect(stack, SmtpServer(extensions=["SIZE"])).send(eight)


def test_letters_outside_ascii_travel_where_the_server_takes_them(stack: ExitStack) -> None:
    mail, rcpt = said(stack, message("añu@bücher.example"), ALL)
    assert " BODY=8BITMIME SMTPUTF8 " in mail
    assert rcpt == (
        "RCPT TO:<añu@xn--bcher-kva.example> NOTIFY=FAILURE "
        r"ORCPT=utf-8;a\x{F1}u@xn--bcher-kva.example"
    )


def test_elsewhere_only_that_recipient_is_refused_and_nothing_is_said(stack: ExitStack) -> None:
    server = SmtpServer(extensions=["8BITMIME"])
    connection = connect(stack, server)
    with pytest.raises(RecipientRefused, match="SMTPUTF8") as raised:
        connection.send(message("añu@example.org"))
    assert not raised.value.dead
    connection.send(message())
    assert [word.split()[0] for word in server.commands] == ["ehlo", "MAIL", "RCPT", "DATA"]


def test_a_message_larger_than_the_server_takes_is_refused_before_its_body(stack: ExitStack) -> None:
    server = SmtpServer(extensions=["SIZE 1000"])
    connection = connect(stack, server)
    with pytest.raises(MessageRefused, match="takes messages of up to 1,000 bytes, and this one has 1,001"):
        connection.send(message(mime=b"x" * 1_001))
    connection.send(message(mime=b"x" * 1_000))
    assert [word.split()[0] for word in server.commands] == ["ehlo", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("offer", ["SIZE 0", "SIZE", "SIZE lots"])
def test_no_maximum_refuses_nothing(stack: ExitStack, offer: str) -> None:
    assert said(stack, message(), (offer,))[0].endswith(" SIZE=32")


@pytest.mark.parametrize("message_id", ["x" * 101, "ñ@x", ""])
def test_an_id_that_cannot_be_an_envelopes_is_left_out(message_id: str) -> None:
    mail, _, _ = envelope(message(message_id=message_id), return_path=None).commands({"dsn": ""}, "here")
    assert mail.endswith(b" RET=HDRS\r\n")


@given(st.characters(categories=["L", "M", "N", "P", "S"]), st.sampled_from(["", "é"]))
def test_parameters_hold_nothing_that_could_be_another_one(letter: str, more: str) -> None:
    try:
        found = envelope(message(f"a{letter}{more}@example.org"), return_path=None)
    except RecipientRefused:
        return
    offers = {"dsn": "", "smtputf8": "", "8bitmime": ""}
    _, rcpt, _ = found.commands(offers, "here")
    assert len(rcpt.split(b" ")) == 4  # RCPT, TO:<>, NOTIFY, ORCPT
    parameter = rcpt.rstrip().split(b" ")[3].removeprefix(b"ORCPT=")
    assert parameter.isascii()
    assert b"=" not in parameter


# --- bodies ---------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"\xc3"]), max_size=30))
def test_no_body_ends_early_and_every_line_is_read_back(parts: list[bytes]) -> None:
    mime = b"".join(parts)
    body = stuffed(mime)
    lines = body.split(b"\r\n")
    assert lines.pop() == b""
    assert not any(line == b"." or b"\r" in line or b"\n" in line for line in lines)
    meant = mime.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")
    assert [line[1:] if line.startswith(b"..") else line for line in lines] == meant


# --- where bounces go -----------------------------------------------------------------------------


def test_each_message_has_a_return_path_that_says_whom_it_is_for(stack: ExitStack) -> None:
    token = sign(KEY, 12, 345, "bounce")
    mail, _ = said(stack, message(token=in_mailbox(token)), (), bounces="b+{token}@bounces.acme.example")
    written = mail.removeprefix("MAIL FROM:<b+").removesuffix("@bounces.acme.example>")
    assert read_token(KEY, from_mailbox(written) or "") == (12, 345, "bounce")
    assert "ana" not in mail


def test_without_a_token_bounces_go_to_the_sender(stack: ExitStack) -> None:
    mail, _ = said(stack, message(), (), bounces="b+{token}@bounces.acme.example")
    assert mail == "MAIL FROM:<learn@acme.example>"


@pytest.mark.parametrize(
    "bounces",
    [
        "bounces@acme.example",
        "{token}",
        "{token}@localhost",
        "b@{token}.acme.example",
        "{token}{token}@acme.example",
        "ñ{token}@acme.example",
        "return-paths-{token}@acme.example",  # longer than 64 with a token in it
        "b {token}@acme.example",
        "",
    ],
)
def test_a_return_path_that_cannot_work_is_said_at_its_line(tmp_path: Path, bounces: str) -> None:
    section = f'[provider.relay]\ntype = "smtp"\nhost = "h"\nbounces = "{bounces}"\n'
    (tmp_path / "recmail.toml").write_text(BASE + section, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        open_provider("relay", load_settings(tmp_path))
    (problem,) = raised.value.problems
    assert (problem.line, problem.column) == (BASE.count("\n") + 4, 11)
    assert "expected an address with {token} before its @, such as b+{token}@bounces.acme" in problem.message
