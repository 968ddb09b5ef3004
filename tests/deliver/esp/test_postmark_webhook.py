"""What Postmark tells, in the words of recmail, and to whom it is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from recmail.deliver.esp import Webhook
from recmail.deliver.esp.postmark import Postmark
from recmail.deliver.esp.postmark_webhook import read
from recmail.deliver.esp.webhooks import LARGEST_BYTES
from recmail.errors import DataError, RefusedError
from recmail.records import Event, EventKind
from recmail.settings import Secret
from tests.conftest import NOW
from tests.deliver.esp.signing import LOGIN, by_postmark
from tests.deliver.esp.webhook_payloads import (
    POSTMARK_BOUNCE,
    POSTMARK_CHANGE,
    POSTMARK_CLICK,
    POSTMARK_DELIVERY,
    POSTMARK_OPEN,
)
from tests.servers import CERTIFICATES


def events(event: Any) -> list[Event]:
    return read(by_postmark(event), LOGIN, now=NOW)


def test_a_bounce_in_full() -> None:
    assert events(POSTMARK_BOUNCE) == [
        Event(
            key="Bounce:42",
            kind=EventKind.BOUNCED,
            at=datetime(2026, 11, 2, 8, 50, 50, 396393, tzinfo=UTC),
            provider_id="883953f4-6105-42a2-a16a-77a8eac79483",
            message_id="r1.7@learn.example",
            email="john@example.com",
            status="5.1.1",
            dead=True,
            detail="HardBounce: smtp;550 5.1.1 The email account that you tried to reach does not exist.",
            raw=json.dumps(POSTMARK_BOUNCE, separators=(",", ":")),
        )
    ]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (POSTMARK_DELIVERY, EventKind.DELIVERED),
        (POSTMARK_OPEN, EventKind.OPENED),
        (POSTMARK_CLICK, EventKind.CLICKED),
        (POSTMARK_CHANGE, EventKind.UNSUBSCRIBED),
        ({**POSTMARK_BOUNCE, "RecordType": "SpamComplaint", "Type": "SpamComplaint"}, EventKind.COMPLAINED),
        ({**POSTMARK_CHANGE, "SuppressionReason": "SpamComplaint"}, EventKind.COMPLAINED),
    ],
)
def test_each_kind_of_event(event: dict[str, Any], kind: EventKind) -> None:
    [found] = events(event)
    assert (found.kind, found.email, found.dead) == (kind, "john@example.com", False)
    assert found.at > datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert events(event)[0].key == found.key


def test_a_click_says_what_was_clicked() -> None:
    assert events(POSTMARK_CLICK)[0].url == "https://example.com"


@pytest.mark.parametrize(
    ("kind", "details", "found", "dead"),
    [
        ("HardBounce", "smtp;550 user unknown", EventKind.BOUNCED, True),
        ("HardBounce", "smtp;550 5.7.1 blocked", EventKind.BOUNCED, False),
        ("BadEmailAddress", "", EventKind.BOUNCED, True),
        ("SoftBounce", "smtp;552 5.2.2 mailbox full", EventKind.BOUNCED, False),
        ("Blocked", "smtp;550 5.1.1 blocked", EventKind.BOUNCED, False),
        ("SpamNotification", "", EventKind.BOUNCED, False),
        ("DMARCPolicy", "", EventKind.BOUNCED, False),
        ("Transient", "smtp;451 4.3.0 later", EventKind.DEFERRED, False),
        ("DnsError", "", EventKind.DEFERRED, False),
        ("Unsubscribe", "", EventKind.UNSUBSCRIBED, False),
    ],
)
def test_each_type_of_bounce(kind: str, details: str, found: EventKind, dead: bool) -> None:
    [event] = events({**POSTMARK_BOUNCE, "Type": kind, "Details": details})
    assert (event.kind, event.dead) == (found, dead)


@pytest.mark.parametrize(
    "event",
    [
        {**POSTMARK_BOUNCE, "Type": "AutoResponder"},
        {**POSTMARK_CHANGE, "SuppressSending": False, "SuppressionReason": None},
        {**POSTMARK_CHANGE, "SuppressionReason": "HardBounce"},
        {"RecordType": "Inbound"},
        {},
    ],
)
def test_what_changes_nothing_is_no_event(event: dict[str, Any]) -> None:
    assert events(event) == []


@pytest.mark.parametrize("login", [("recmail", "close sesame"), ("", ""), ("recmail:open sesame", "")])
def test_another_login_is_refused(login: tuple[str, str]) -> None:
    with pytest.raises(RefusedError, match="user and password"):
        read(by_postmark(POSTMARK_BOUNCE, login), LOGIN, now=NOW)


@pytest.mark.parametrize("header", ["", "Basic", "Basic ???", "Bearer cmVjbWFpbA==", "Basic \xe9"])
def test_no_login_is_refused(header: str) -> None:
    with pytest.raises(RefusedError, match="user and password"):
        read(Webhook({"authorization": header}, b"{}"), LOGIN, now=NOW)
    with pytest.raises(RefusedError):
        read(Webhook({}, b"{}"), LOGIN, now=NOW)


def postmark(patch: pytest.MonkeyPatch, **more: Any) -> Postmark:
    patch.setenv("POSTMARK_TEST_KEY", "key")
    patch.setenv("POSTMARK_TEST_PASSWORD", LOGIN[1])
    return Postmark(api_key=Secret("env:POSTMARK_TEST_KEY", CERTIFICATES), **more)


def test_the_provider_reads_its_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    password = Secret("env:POSTMARK_TEST_PASSWORD", CERTIFICATES)
    provider = postmark(monkeypatch, webhook_user=LOGIN[0], webhook_password=password)
    assert provider.reads_webhooks
    [event] = provider.read_webhook(by_postmark(POSTMARK_DELIVERY), now=NOW)
    assert provider.read_events(event.raw.encode()) == [event]
    with pytest.raises(RefusedError, match="user and password"):
        provider.read_webhook(by_postmark(POSTMARK_DELIVERY, ("recmail", "x")), now=NOW)
    for wrong in ({"webhook_user": "recmail"}, {"webhook_password": password}):
        with pytest.raises(ValueError, match="belong together"):
            postmark(monkeypatch, **wrong)
    with pytest.raises(ValueError, match="colon"):
        postmark(monkeypatch, webhook_user="a:b", webhook_password=password)
    assert not postmark(monkeypatch).reads_webhooks
    with pytest.raises(RefusedError, match="no webhooks"):
        postmark(monkeypatch).read_webhook(by_postmark(POSTMARK_DELIVERY), now=NOW)


def test_what_cannot_be_read_is_to_come_again() -> None:
    for body in (b"", b"[]", b"hello"):
        with pytest.raises(DataError):
            events(body)
    with pytest.raises(RefusedError, match="bytes"):
        events(b" " * (LARGEST_BYTES + 1))
