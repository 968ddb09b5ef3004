"""SMTP with real servers: what is accepted, what each refusal means, what is certain when it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.esp.smtp_connection import Connection
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
)
from recmail.records import Outgoing
from recmail.settings import Secret
from tests.servers import CERTIFICATES, CUT, HANG, HOST, SMTP_SINK, SmtpServer, smtp_sink, unused_port

TRUSTED = {"ca_file": CERTIFICATES / "ca.pem"}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends servers and connections after the test."""
    with ExitStack() as stack:
        yield stack


def options(server: SmtpServer, **fields: Any) -> Smtp:
    return Smtp(**{"host": HOST, "port": server.port, "tls": "none", **fields})


def connect(stack: ExitStack, server: SmtpServer, **fields: Any) -> Connection:
    stack.enter_context(server.running())
    connection = options(server, **fields).connect()
    stack.callback(connection.close)
    return connection


def message(recipient: str = "ana@example.org", body: bytes = b"Hello\r\n") -> Outgoing:
    return Outgoing("learn@acme.example", recipient, b"Subject: Hi\r\n\r\n" + body, "1@acme.example", "Hi")


def test_a_message_arrives_as_it_was_written(stack: ExitStack) -> None:
    server = SmtpServer()
    connection = connect(stack, server)
    body = b".one dot\r\n..two\r\nno dot\r\n.\r\nlast line without an end"
    assert connection.send(message(body=body)) == "TEST1"
    (found,) = server.received
    assert (found.sender, found.recipient) == ("learn@acme.example", "ana@example.org")
    assert found.body == b"Subject: Hi\r\n\r\n" + body + b"\r\n"
    assert server.commands[1] == f"MAIL FROM:<learn@acme.example> SIZE={len(message(body=body).mime)}"


def test_a_lone_line_feed_cannot_end_a_message_early(stack: ExitStack) -> None:
    server = SmtpServer()
    connect(stack, server).send(message(body=b"a\n.\nMAIL FROM:<evil@example.org>\rb\r\n"))
    assert server.received[0].body.endswith(b"a\r\n.\r\nMAIL FROM:<evil@example.org>\r\nb\r\n")


def test_one_connection_carries_many_messages(stack: ExitStack) -> None:
    server = SmtpServer()
    connection = connect(stack, server)
    for number in range(5):
        connection.send(message(f"u{number}@example.org"))
    assert [one.recipient for one in server.received] == [f"u{number}@example.org" for number in range(5)]
    assert server.connections == 1
    assert [word.split()[0] for word in server.commands] == ["ehlo", *["MAIL", "RCPT", "DATA"] * 5]


def test_a_large_message_arrives_whole(stack: ExitStack) -> None:
    server = SmtpServer()
    body = b"x" * 70 + b"\r\n"
    connect(stack, server).send(message(body=body * 5_000))
    assert server.received[0].body.count(body) == 5_000


@pytest.mark.parametrize(
    ("answer", "queue_id"),
    [
        ("250 2.0.0 Ok: queued as 4bXyZ1", "4bXyZ1"),
        ("250 OK id=1rXa2b-0003", "1rXa2b-0003"),
        ("250 Ok 0100018f-abc", "Ok 0100018f-abc"),
        ("250", ""),
    ],
)
def test_the_servers_id_is_kept(stack: ExitStack, answer: str, queue_id: str) -> None:
    assert connect(stack, SmtpServer(answers={"BODY": [answer]})).send(message()) == queue_id


@pytest.mark.skipif(SMTP_SINK is None, reason="needs smtp-sink: apt-get install postfix")
def test_a_server_that_is_not_ours_takes_it() -> None:
    with smtp_sink() as (port, folder):
        connection = Smtp(host=HOST, port=port, tls="none").connect()
        for _ in range(3):
            connection.send(message(body=b"..dots\r\n.\r\nend\r\n"))
        connection.close()
        found = [path.read_bytes() for path in folder.iterdir()]
    assert len(found) == 3
    assert all(b"\n..dots" in one.replace(b"\r", b"") and b"\nend" in one for one in found)


def test_addresses_travel_in_ascii(stack: ExitStack) -> None:
    server = SmtpServer()
    connection = connect(stack, server)
    connection.send(message("Ana@Straße.example"))
    assert server.received[0].recipient == "Ana@xn--strae-oqa.example"
    for address in ("ana", "añu@example.org", "a b@example.org", "a>b@example.org", "a@b@example.org"):
        with pytest.raises(RecipientRefused, match="cannot be written in SMTP"):
            connection.send(message(address))


# --- refusals -------------------------------------------------------------------------------------

EXTENSIONS = [["SIZE 50000000"], ["SIZE 50000000", "PIPELINING"]]
CASES = [
    # stage, answer, error, the address is dead
    ("RCPT", "550 5.1.1 no such user", RecipientRefused, True),
    ("RCPT", "550 5.1.10 null MX", RecipientRefused, True),
    ("RCPT", "550 no such user", RecipientRefused, False),
    ("RCPT", "552 5.2.2 mailbox full", RecipientRefused, False),
    ("RCPT", "554 5.7.1 blocked", RecipientRefused, False),
    ("RCPT", "450 4.2.1 busy", TemporaryFailure, None),
    ("RCPT", "421 4.7.0 come back later", TemporaryFailure, None),
    ("RCPT", "554 5.7.1 <ana@example.org>: Relay access denied", AccountRefused, None),
    ("RCPT", "530 5.7.0 log in first", AccountRefused, None),
    ("RCPT", "550 5.1.8 sender's domain does not exist", AccountRefused, None),
    ("MAIL", "451 4.3.0 try again", TemporaryFailure, None),
    ("MAIL", "530 5.7.0 must issue STARTTLS", AccountRefused, None),
    ("MAIL", "553 5.7.1 not your address", AccountRefused, None),
    ("MAIL", "552 5.3.4 too large", MessageRefused, None),
    ("MAIL", "552 too large", MessageRefused, None),
    ("DATA", "554 5.5.1 no valid recipients", MessageRefused, None),
    ("DATA", "451 4.3.0 try again", TemporaryFailure, None),
    ("DATA", "250 what?", TemporaryFailure, None),
    ("BODY", "554 5.7.1 looks like spam", MessageRefused, None),
    ("BODY", "550 5.1.1 no such user after all", RecipientRefused, True),
    ("BODY", "550 5.4.5 daily sending limit exceeded", AccountRefused, None),
    ("BODY", "451 4.7.1 greylisted", TemporaryFailure, None),
    ("BODY", "421 4.3.2 shutting down", TemporaryFailure, None),
    ("BODY", "100 perhaps", OutcomeUnknown, None),
]


@pytest.mark.parametrize(("stage", "answer", "error", "dead"), CASES)
@pytest.mark.parametrize("extensions", EXTENSIONS)
def test_each_refusal_means_one_thing(
    stack: ExitStack,
    stage: str,
    answer: str,
    error: type[DeliveryError],
    dead: bool | None,
    extensions: list[str],
) -> None:
    server = SmtpServer(answers={stage: [answer, ""]}, extensions=extensions)
    connection = connect(stack, server)
    with pytest.raises(DeliveryError) as raised:
        connection.send(message())
    assert type(raised.value) is error
    assert answer in str(raised.value)
    assert getattr(raised.value, "dead", None) == dead


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("extensions", EXTENSIONS)
@pytest.mark.parametrize(("stage", "answer"), [(stage, answer) for stage, answer, *_ in CASES])
def test_the_next_message_is_not_harmed_by_a_refusal(
    stack: ExitStack, stage: str, answer: str, extensions: list[str], eager: bool
) -> None:
    server = SmtpServer(answers={stage: [answer, ""]}, extensions=extensions, eager=eager)
    connection = connect(stack, server)
    with pytest.raises(DeliveryError):
        connection.send(message("first@example.org"))
    server.received.clear()
    connection.send(message("second@example.org"))
    assert [one.recipient for one in server.received] == ["second@example.org"]


def test_on_a_connection_that_has_delivered_a_relay_refusal_is_the_recipients(stack: ExitStack) -> None:
    server = SmtpServer(recipients={"far@example.org": "554 5.7.1 Relay access denied"})
    connection = connect(stack, server)
    connection.send(message())
    with pytest.raises(RecipientRefused):
        connection.send(message("far@example.org"))


# --- what breaks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("extensions", EXTENSIONS)
def test_a_connection_closed_between_messages_is_opened_again(
    stack: ExitStack, extensions: list[str]
) -> None:
    server = SmtpServer(most_messages=2, extensions=extensions)
    connection = connect(stack, server)
    for _ in range(5):
        connection.send(message())
    assert (len(server.received), server.connections) == (5, 3)


@pytest.mark.parametrize("extensions", EXTENSIONS)
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_cut_before_the_body_is_certain(stack: ExitStack, stage: str, extensions: list[str]) -> None:
    server = SmtpServer(answers={stage: [CUT, ""]}, extensions=extensions)
    connection = connect(stack, server)
    with pytest.raises(TemporaryFailure, match="was lost at"):
        connection.send(message())
    connection.send(message())
    assert len(server.received) == 1


@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_a_cut_in_the_body_is_certain_because_the_final_dot_had_not_left(stack: ExitStack, tls: str) -> None:
    certificate = None if tls == "none" else CERTIFICATES / "localhost.pem"
    server = SmtpServer(cut_in_body=1_000, certificate=certificate)
    connection = connect(stack, server, tls=tls, **TRUSTED)
    with pytest.raises(TemporaryFailure, match="was lost in the message"):
        connection.send(message(body=(b"x" * 70 + b"\r\n") * 300_000))
    assert server.received == []


def test_a_cut_between_body_and_answer_is_unknown(stack: ExitStack) -> None:
    server = SmtpServer(answers={"BODY": [CUT, ""]})
    connection = connect(stack, server)
    with pytest.raises(OutcomeUnknown, match="gave no answer"):
        connection.send(message())
    assert len(server.received) == 1  # it had arrived: sending again would have made two
    connection.send(message("other@example.org"))
    assert server.connections == 2


class Impatient(Smtp):
    """Waits less than any server may take."""

    reply_timeout_s = 0.05


def test_no_answer_in_time_is_unknown(stack: ExitStack) -> None:
    server = SmtpServer(answers={"BODY": [HANG]})
    stack.enter_context(server.running())
    connection = Impatient(host=HOST, port=server.port, tls="none").connect()
    with pytest.raises(OutcomeUnknown, match="timed out"):
        connection.send(message())


def test_a_server_that_is_down_is_a_temporary_failure() -> None:
    port = unused_port()
    with pytest.raises(TemporaryFailure, match=rf"cannot reach {HOST}:{port}: .*refused"):
        Smtp(host=HOST, port=port, tls="none").connect()


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"CONNECT": ["554 5.7.1 you are blocked"]}, AccountRefused),
        ({"CONNECT": ["421 4.7.0 too many connections"]}, TemporaryFailure),
        ({"CONNECT": [CUT]}, TemporaryFailure),
        ({"EHLO": ["421 4.3.2 shutting down"]}, TemporaryFailure),
    ],
)
def test_what_the_server_says_to_a_new_connection(
    stack: ExitStack, answers: dict[str, list[str]], error: type[DeliveryError]
) -> None:
    with pytest.raises(DeliveryError) as raised:
        connect(stack, SmtpServer(answers=answers))
    assert type(raised.value) is error


def test_closing_is_quiet_and_can_be_repeated(stack: ExitStack) -> None:
    server = SmtpServer()
    connection = connect(stack, server)
    connection.close()
    connection.close()
    assert server.commands[-1] == "quit"
    gone = SmtpServer(answers={"QUIT": [CUT]})
    connect(stack, gone).close()


# --- encryption and login -------------------------------------------------------------------------


def test_starttls_encrypts_before_the_login(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "open sesame")
    server = SmtpServer(certificate=CERTIFICATES / "localhost.pem", users={"learn": "open sesame"})
    secret = Secret("env:SMTP_PASSWORD", Path())
    connection = connect(stack, server, tls="starttls", user="learn", password=secret, **TRUSTED)
    connection.send(message())
    assert [word.split()[0] for word in server.commands[:4]] == ["ehlo", "STARTTLS", "ehlo", "AUTH"]
    assert len(server.received) == 1


def test_tls_can_begin_with_the_connection(stack: ExitStack) -> None:
    server = SmtpServer(certificate=CERTIFICATES / "localhost.pem", implicit=True)
    connect(stack, server, tls="implicit", **TRUSTED).send(message())
    assert server.commands[0].startswith("ehlo")
    assert len(server.received) == 1


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("certificate", "trusted"),
    [("other.pem", TRUSTED), ("localhost.pem", {})],
    ids=["another name", "an unknown authority"],
)
def test_a_wrong_certificate_stops_everything(
    stack: ExitStack, certificate: str, trusted: dict[str, Path], implicit: bool
) -> None:
    server = SmtpServer(certificate=CERTIFICATES / certificate, implicit=implicit)
    with pytest.raises(AccountRefused, match="certificate is not valid"):
        connect(stack, server, tls="implicit" if implicit else "starttls", **trusted)
    assert server.received == []


def test_nothing_is_sent_in_the_clear_when_the_server_offers_no_encryption(stack: ExitStack) -> None:
    server = SmtpServer(users={"learn": "x"})
    with pytest.raises(AccountRefused, match="STARTTLS"):
        connect(stack, server, tls="starttls")
    assert not any(word.startswith("AUTH") for word in server.commands)


def test_tls_on_a_port_without_it_is_said(stack: ExitStack) -> None:
    with pytest.raises(AccountRefused, match="check port and tls"):
        connect(stack, SmtpServer(), tls="implicit", **TRUSTED)


@pytest.mark.parametrize(
    ("answer", "error"),
    [("", AccountRefused), ("454 4.7.0 temporary authentication failure", TemporaryFailure)],
)
def test_a_refused_login(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch, answer: str, error: type[DeliveryError]
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "wrong")
    server = SmtpServer(users={"learn": "right"}, answers={"AUTH": [answer] if answer else []})
    with pytest.raises(DeliveryError) as raised:
        connect(stack, server, user="learn", password=Secret("env:SMTP_PASSWORD", Path()))
    assert type(raised.value) is error
    assert "wrong" not in str(raised.value)
    assert "answered the connection" in str(raised.value)


def test_a_server_without_login_is_said(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "x")
    with pytest.raises(AccountRefused, match="AUTH"):
        connect(stack, SmtpServer(), user="learn", password=Secret("env:SMTP_PASSWORD", Path()))


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "port", "leaves"),
    [
        ("127.0.0.1", 2525, False),
        ("localhost", 2525, False),
        ("::1", 1025, False),
        ("127.0.0.1", 25, True),
        ("localhost", 587, True),
        ("127.0.0.9", 465, True),
        ("smtp.acme.example", 2525, True),
        ("10.0.0.1", 1025, True),
    ],
)
def test_what_leaves_this_machine(host: str, port: int, leaves: bool) -> None:
    assert Smtp(host=host, port=port).leaves_machine is leaves


def test_the_port_follows_from_the_encryption() -> None:
    assert Smtp(host="h").port_no == 587
    assert Smtp(host="h", tls="implicit").port_no == 465
    assert Smtp(host="h", tls="implicit", port=2465).port_no == 2465


def test_the_lease_is_longer_than_the_server_may_take() -> None:
    assert Smtp.sending_lease.total_seconds() == Smtp.reply_timeout_s + 60 == 660
