"""What SendGrid tells, in the words of recmail, and when it is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from recmail.deliver.esp import Webhook
from recmail.deliver.esp.sendgrid import Sendgrid
from recmail.deliver.esp.sendgrid_webhook import read, read_public_key
from recmail.deliver.esp.webhooks import LARGEST_BYTES
from recmail.errors import DataError, RefusedError
from recmail.records import Event, EventKind
from recmail.settings import Secret
from tests.conftest import NOW
from tests.deliver.esp.signing import by_sendgrid, sendgrid_key
from tests.deliver.esp.webhook_payloads import SENDGRID_EVENTS
from tests.servers import CERTIFICATES

BOUNCE = next(one for one in SENDGRID_EVENTS if one["event"] == "bounce")
DROPPED = next(one for one in SENDGRID_EVENTS if one["event"] == "dropped")


def events(found: Any) -> list[Event]:
    return read(by_sendgrid(found, NOW), sendgrid_key(), now=NOW)


def test_a_bounce_in_full() -> None:
    assert events([BOUNCE]) == [
        Event(
            key="6g4ZI7SA-xmRDv57GoPIPw==",
            kind=EventKind.BOUNCED,
            at=datetime(2026, 11, 2, 8, 59, 30, tzinfo=UTC),
            provider_id="14c5d75ce93",
            message_id="r1.7@learn.example",
            email="example@test.com",
            status="5.0.0",
            dead=True,
            detail="Invalid Address: 500 unknown recipient",
            raw=json.dumps(BOUNCE, separators=(",", ":")),
        )
    ]


def test_a_batch_is_read_event_by_event() -> None:
    found = events(SENDGRID_EVENTS)
    assert [event.kind for event in found] == [
        EventKind.DEFERRED,
        EventKind.DELIVERED,
        EventKind.OPENED,
        EventKind.CLICKED,
        EventKind.BOUNCED,
        EventKind.BOUNCED,
        EventKind.COMPLAINED,
        EventKind.UNSUBSCRIBED,
        EventKind.UNSUBSCRIBED,
    ]
    assert len({event.key for event in found}) == 9
    assert [event.by_machine for event in found[2:4]] == [True, False]
    assert found[3].url == "http://www.sendgrid.com/"
    assert [event.dead for event in found].count(True) == 1


def test_what_is_no_event_costs_the_others_nothing() -> None:
    odd: list[Any] = [None, 7, "x", [], {}, {"event": ["bounce"]}, {"event": "account_status_change"}]
    assert [event.email for event in events([*odd, BOUNCE, *odd])] == ["example@test.com"]
    [bare] = events([{"event": "bounce"}])
    assert (bare.kind, bare.at, bare.dead) == (EventKind.BOUNCED, NOW, False)


@pytest.mark.parametrize(
    ("changes", "dead"),
    [
        ({"status": "5.1.1", "bounce_classification": "Unclassified"}, True),
        ({"status": "", "bounce_classification": "Mailbox Unavailable"}, False),
        ({"status": "5.7.1"}, False),
        ({"status": "5.1.1", "type": "blocked"}, False),
        ({"status": None, "reason": "550 5.2.1 disabled", "bounce_classification": None}, True),
    ],
)
def test_only_an_address_that_does_not_exist_is_dead(changes: dict[str, Any], dead: bool) -> None:
    assert events([{**BOUNCE, **changes}])[0].dead is dead


@pytest.mark.parametrize(
    ("reason", "kind", "dead"),
    [
        ("Invalid", EventKind.BOUNCED, True),
        ("Invalid SMTPAPI header", EventKind.BOUNCED, False),
        ("Spam Content (if Spam Checker app is enabled)", EventKind.BOUNCED, False),
        ("Bounced Address", EventKind.BOUNCED, False),
        ("Unsubscribed Address", EventKind.UNSUBSCRIBED, False),
        ("Spam Reporting Address", EventKind.COMPLAINED, False),
    ],
)
def test_why_a_message_was_dropped_counts(reason: str, kind: EventKind, dead: bool) -> None:
    [event] = events([{**DROPPED, "reason": reason}])
    assert (event.kind, event.dead) == (kind, dead)


def test_an_id_that_sendgrid_wrote_is_not_ours() -> None:
    bare = {name: value for name, value in BOUNCE.items() if name != "message_id"}
    assert events([bare])[0].message_id is None
    assert events([{**bare, "smtp-id": "<r1.7@learn.example>"}])[0].message_id == "r1.7@learn.example"


def test_a_signature_of_another_key_is_refused() -> None:
    with pytest.raises(RefusedError, match="signature"):
        read(by_sendgrid([BOUNCE], NOW, ec.generate_private_key(ec.SECP256R1())), sendgrid_key(), now=NOW)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signature", "AAAA"),
        ("signature", "é"),
        ("signature", ""),
        ("timestamp", str(int(NOW.timestamp()) + 1)),
        ("timestamp", ""),
    ],
)
def test_nothing_of_it_may_be_changed(name: str, value: str) -> None:
    sent = by_sendgrid([BOUNCE], NOW)
    changed = {**sent.headers, f"x-twilio-email-event-webhook-{name}": value}
    for request in (Webhook(changed, sent.body), Webhook(sent.headers, sent.body + b" "), Webhook({}, b"[]")):
        with pytest.raises(RefusedError, match="signature"):
            read(request, sendgrid_key(), now=NOW)


def test_a_replay_is_refused_and_a_late_try_is_not() -> None:
    assert read(by_sendgrid([BOUNCE], NOW - timedelta(hours=24)), sendgrid_key(), now=NOW)
    for age in (timedelta(hours=26), timedelta(minutes=-6)):
        with pytest.raises(RefusedError, match="signed"):
            read(by_sendgrid([BOUNCE], NOW - age), sendgrid_key(), now=NOW)


def test_what_cannot_be_read_is_to_come_again() -> None:
    for body in (b"", b"{}", b"hello"):
        with pytest.raises(DataError):
            events(body)
    with pytest.raises(RefusedError, match="bytes"):
        events(b" " * (LARGEST_BYTES + 1))


def sendgrid(patch: pytest.MonkeyPatch, **more: Any) -> Sendgrid:
    patch.setenv("SENDGRID_TEST_KEY", "SG.key")
    return Sendgrid(api_key=Secret("env:SENDGRID_TEST_KEY", CERTIFICATES), **more)


def test_the_provider_reads_its_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_TEST_PUBLIC", sendgrid_key())
    for key in (sendgrid_key(), Secret("env:SENDGRID_TEST_PUBLIC", CERTIFICATES)):
        provider = sendgrid(monkeypatch, webhook_public_key=key)
        assert provider.reads_webhooks
        [event] = provider.read_webhook(by_sendgrid([BOUNCE], NOW), now=NOW)
        assert provider.read_events(event.raw.encode()) == [event]
        assert provider.read_events(json.dumps(SENDGRID_EVENTS).encode()) == events(SENDGRID_EVENTS)
    with pytest.raises(ValueError, match="verification key"):
        sendgrid(monkeypatch, webhook_public_key="MFkw")
    assert not sendgrid(monkeypatch).reads_webhooks
    with pytest.raises(RefusedError, match="no webhooks"):
        sendgrid(monkeypatch).read_webhook(by_sendgrid([BOUNCE], NOW), now=NOW)


def test_the_key_is_taken_as_sendgrid_shows_it_or_as_pem() -> None:
    halves = f"{sendgrid_key()[:64]}\n{sendgrid_key()[64:]}"
    pem = f"-----BEGIN PUBLIC KEY-----\n{halves}\n-----END PUBLIC KEY-----\n"
    assert read_public_key(pem).public_numbers() == read_public_key(sendgrid_key()).public_numbers()
    for wrong in ("", "x", "SG.abc", sendgrid_key()[:40]):
        with pytest.raises(ValueError, match="verification key"):
            read_public_key(wrong)
        with pytest.raises(RefusedError, match="webhook_public_key"):
            read(by_sendgrid([BOUNCE], NOW), wrong, now=NOW)
