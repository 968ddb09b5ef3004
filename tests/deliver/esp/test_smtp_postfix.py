"""The provider `smtp` with a postfix that was not written for it: what it takes, refuses, and sends back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.esp.smtp_connection import Connection
from recmail.errors import MessageRefused, RecipientRefused, TemporaryFailure
from recmail.feedback.bounce_report import read_report
from recmail.records import EventKind, Outgoing
from recmail.tokens import from_mailbox, in_mailbox, read_token, sign
from tests.postfix import needs_postfix, postfix
from tests.servers import HOST, smtp_sink

pytestmark = needs_postfix
KEY = b"k" * 32
ANSWERS = {
    "busy@good.example": "450 4.2.1 busy",
    "full@good.example": "452 4.2.2 mailbox full",
    "gone@good.example": "550 5.1.1 no such user",
    "blocked@good.example": "554 5.7.1 blocked",
}


class Relay(NamedTuple):
    """A running postfix, and the folder where mail to good.example and bounces arrive, a file each."""

    port: int
    arrived: Path


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """Postfix before two servers: one takes everything, one knows nobody."""
    with ExitStack() as stack:
        good, arrived = stack.enter_context(smtp_sink("-8"))
        dead, _ = stack.enter_context(smtp_sink("-f", "RCPT", "-B", "550 5.1.1 no such user"))
        routes = {
            "good.example": f"smtp:[{HOST}]:{good}",
            "bounces.acme.example": f"smtp:[{HOST}]:{good}",
            "dead.example": f"smtp:[{HOST}]:{dead}",
            "letters.example": "discard:",
        }
        yield Relay(stack.enter_context(postfix(routes=routes, answers=ANSWERS, size=60_000)), arrived)


@pytest.fixture
def connection(relay: Relay) -> Iterator[Connection]:
    """One connection to it, with a return path for each person."""
    bounces = "b+{token}@bounces.acme.example"
    opened = Smtp(host=HOST, port=relay.port, tls="none", bounces=bounces).connect()
    yield opened
    opened.close()


def message(recipient: str, *, token: str = "", body: str = "Hello\r\n") -> Outgoing:
    mime = f"Subject: Hi\r\nTo: <{recipient}>\r\n\r\n{body}".encode()
    return Outgoing("learn@acme.example", recipient, mime, "a+b=1@acme.example", "Hi", token)


def await_mail(relay: Relay, text: bytes) -> bytes:
    """The file in which a text arrives, whole."""
    deadline = time.monotonic() + 60
    while True:
        for path in relay.arrived.iterdir():
            found = path.read_bytes()
            if text in found and found.endswith(b"\n"):
                return found
        assert time.monotonic() < deadline, f"{text!r} did not arrive"
        time.sleep(0.02)


def test_a_message_goes_through_it_unchanged(relay: Relay, connection: Connection) -> None:
    body = ".one dot\r\n..two dots\r\n.\r\nthe last line\r\n"
    assert len(connection.send(message("ana@good.example", body=body))) > 5
    found = await_mail(relay, b"the last line").replace(b"\r\n", b"\n")
    assert b"\n" + body.replace("\r\n", "\n").encode() in found


def test_each_refusal_is_told_apart_and_harms_nobody_else(connection: Connection) -> None:
    for who, dead in (("gone", True), ("blocked", False)):
        with pytest.raises(RecipientRefused) as refused:
            connection.send(message(f"{who}@good.example"))
        assert refused.value.dead is dead
    for who in ("busy", "full"):
        with pytest.raises(TemporaryFailure):
            connection.send(message(f"{who}@good.example"))
    with pytest.raises(MessageRefused, match="takes messages of up to 60,000 bytes"):
        connection.send(message("ana@good.example", body="x" * 70 + "\r\n" + "y" * 60_000))
    assert connection.send(message("ana@good.example"))


def test_letters_outside_ascii_are_taken(connection: Connection) -> None:
    assert connection.send(message("añu+=x@letters.example"))
    assert connection.send(message("आना@letters.example", body="Olá\r\n"))


def test_a_bounce_says_which_message_and_person_it_is_about(relay: Relay, connection: Connection) -> None:
    token = sign(KEY, 12, 345, "bounce")
    connection.send(message("nobody+x@dead.example", token=in_mailbox(token), body="SECRET\r\n"))
    arrived = await_mail(relay, b"Original-Envelope-Id")
    written = arrived.partition(b"To: b+")[2].partition(b"@bounces.acme.example")[0].decode()
    assert read_token(KEY, from_mailbox(written) or "") == (12, 345, "bounce")
    assert b"SECRET" not in arrived  # RET=HDRS: no copy of the whole message
    bounce = message_from_bytes(arrived)
    of_message, of_recipient = [*fields(bounce)]
    assert of_message["Original-Envelope-Id"] == "a+b=1@acme.example"
    assert of_recipient["Original-Recipient"] == "rfc822;nobody+x@dead.example"
    assert (of_recipient["Action"], of_recipient["Status"]) == ("failed", "5.1.1")
    (told,) = read_report(arrived, keys=(KEY,), now=datetime.now(UTC))
    assert (told.row, told.event.kind, told.event.dead) == ((12, 345), EventKind.BOUNCED, True)
    assert (told.event.message_id, told.event.email) == ("a+b=1@acme.example", "nobody+x@dead.example")
    assert told.event.detail.endswith("550 5.1.1 no such user")


def fields(bounce: Message) -> Iterator[Message]:
    """The groups of fields of a delivery status notification (RFC 3464)."""
    for part in bounce.walk():
        if part.get_content_type() == "message/delivery-status":
            groups = part.get_payload()
            assert isinstance(groups, list)
            yield from (group for group in groups if isinstance(group, Message))
