"""What Resend tells, in the words of recmail, and when it is believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recmail.deliver.esp import Webhook
from recmail.deliver.esp.resend import Resend
from recmail.deliver.esp.resend_webhook import read, read_secret
from recmail.deliver.esp.webhooks import LARGEST_BYTES
from recmail.errors import DataError, RefusedError
from recmail.records import Event, EventKind
from recmail.settings import Secret
from tests.conftest import NOW
from tests.deliver.esp.signing import SVIX_SECRET, by_svix
from tests.deliver.esp.webhook_payloads import RESEND_BOUNCE, RESEND_CLICK, RESEND_DATA
from tests.servers import CERTIFICATES


def events(event: Any) -> list[Event]:
    return read(by_svix(event, NOW), SVIX_SECRET, now=NOW)


def bounce(**changes: Any) -> Event:
    said = {**RESEND_BOUNCE["data"]["bounce"], **changes}
    return events({**RESEND_BOUNCE, "data": {**RESEND_DATA, "bounce": said}})[0]


def test_a_bounce_in_full() -> None:
    assert events(RESEND_BOUNCE) == [
        Event(
            key=events(RESEND_BOUNCE)[0].key,
            kind=EventKind.BOUNCED,
            at=datetime(2026, 11, 2, 8, 41, 12, 126000, tzinfo=UTC),
            provider_id="56761188-7520-42d8-8898-ff6fc54ce618",
            message_id="r1.7@learn.example",
            email="delivered@resend.dev",
            status="5.5.0",
            dead=False,
            detail="Permanent: Suppressed: The recipient's email address is on the suppression list.",
            raw=json.dumps(RESEND_BOUNCE, separators=(",", ":")),
        )
    ]


@pytest.mark.parametrize(
    ("changes", "dead"),
    [
        ({"diagnosticCode": ["smtp; 550 5.1.1 user unknown"], "subType": "General"}, True),
        ({"diagnosticCode": None, "subType": "NoEmail"}, True),
        ({"diagnosticCode": "smtp; 550 5.7.1 no", "subType": "General"}, False),
        ({"diagnosticCode": ["5.1.1"], "subType": "OnAccountSuppressionList"}, False),
        ({"diagnosticCode": ["5.1.1"], "type": "Transient", "subType": "MailboxFull"}, False),
    ],
)
def test_only_an_address_that_does_not_exist_is_dead(changes: dict[str, Any], dead: bool) -> None:
    assert bounce(**changes).dead is dead


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("email.delivered", EventKind.DELIVERED),
        ("email.delivery_delayed", EventKind.DEFERRED),
        ("email.complained", EventKind.COMPLAINED),
        ("email.opened", EventKind.OPENED),
        ("email.failed", EventKind.BOUNCED),
        ("email.suppressed", EventKind.BOUNCED),
    ],
)
def test_each_kind_of_event(name: str, kind: EventKind) -> None:
    [event] = events({**RESEND_BOUNCE, "type": name, "data": RESEND_DATA})
    assert (event.kind, event.dead) == (kind, False)


@pytest.mark.parametrize(
    "tags",
    [{"message_id": "bjdAbGVhcm4uZXhhbXBsZQ"}, [{"name": "message_id", "value": "bjdAbGVhcm4uZXhhbXBsZQ"}]],
)
def test_our_message_id_comes_back_in_a_tag(tags: Any) -> None:
    assert (
        events({**RESEND_BOUNCE, "data": {**RESEND_DATA, "tags": tags}})[0].message_id == "n7@learn.example"
    )
    odd: list[Any] = [{"message_id": "é"}, {"message_id": 7}, ["x"], "x"]
    for one in odd:
        found = events({**RESEND_BOUNCE, "data": {**RESEND_DATA, "tags": one}})
        assert found[0].message_id == "r1.7@learn.example"


def test_a_click_says_what_was_clicked() -> None:
    [event] = events(RESEND_CLICK)
    assert (event.kind, event.url, event.by_machine) == (EventKind.CLICKED, "https://resend.com", False)


@pytest.mark.parametrize("name", ["email.sent", "email.scheduled", "contact.created", None])
def test_what_changes_nothing_is_no_event(name: str | None) -> None:
    assert events({**RESEND_BOUNCE, "type": name}) == []


def test_an_event_is_known_again_however_often_it_comes() -> None:
    [event] = events(RESEND_BOUNCE)
    [again] = read(by_svix(RESEND_BOUNCE, NOW, event_id="msg_again"), SVIX_SECRET, now=NOW)
    assert again.key == event.key != bounce(type="Transient").key


def test_while_a_secret_is_replaced_one_of_two_signatures_is_enough() -> None:
    old = by_svix(RESEND_BOUNCE, NOW, secret="whsec_b2xk")
    new = by_svix(RESEND_BOUNCE, NOW)
    both = {
        **new.headers,
        "svix-signature": f"{old.headers['svix-signature']} {new.headers['svix-signature']}",
    }
    assert read(Webhook(both, new.body), SVIX_SECRET, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"svix-signature": "v1,AAAA"},
        {"svix-signature": "v1,"},
        {"svix-signature": ""},
        {"svix-signature": "v2,é"},
        {"svix-id": "msg_another"},
        {"svix-timestamp": str(int(NOW.timestamp()) - 1)},
        {"svix-timestamp": "soon"},
    ],
)
def test_nothing_of_it_may_be_changed(change: dict[str, str]) -> None:
    sent = by_svix(RESEND_BOUNCE, NOW)
    for request in (Webhook({**sent.headers, **change}, sent.body), Webhook({}, sent.body)):
        with pytest.raises(RefusedError, match="signature"):
            read(request, SVIX_SECRET, now=NOW)


def test_another_body_or_secret_is_refused() -> None:
    sent = by_svix(RESEND_BOUNCE, NOW)
    with pytest.raises(RefusedError, match="signature"):
        read(Webhook(sent.headers, sent.body + b" "), SVIX_SECRET, now=NOW)
    with pytest.raises(RefusedError, match="signature"):
        read(sent, "whsec_b3RoZXI=", now=NOW)


def test_a_replay_is_refused() -> None:
    for minutes in (-6, 6):
        with pytest.raises(RefusedError, match="signed"):
            read(by_svix(RESEND_BOUNCE, NOW + timedelta(minutes=minutes)), SVIX_SECRET, now=NOW)


def test_what_cannot_be_read_is_to_come_again() -> None:
    for body in (b"", b"[]", b"hello", b"\xff"):
        with pytest.raises(DataError):
            events(body)
    with pytest.raises(RefusedError, match="bytes"):
        events(b" " * (LARGEST_BYTES + 1))


def resend(patch: pytest.MonkeyPatch, secret: str = SVIX_SECRET, **more: Any) -> Resend:
    patch.setenv("RESEND_TEST_SECRET", secret)
    patch.setenv("RESEND_TEST_KEY", "re_key")
    key = Secret("env:RESEND_TEST_KEY", CERTIFICATES)
    return Resend(api_key=key, webhook_secret=Secret("env:RESEND_TEST_SECRET", CERTIFICATES), **more)


def test_the_provider_reads_its_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = resend(monkeypatch)
    assert provider.reads_webhooks
    [event] = provider.read_webhook(by_svix(RESEND_BOUNCE, NOW), now=NOW)
    assert provider.read_events(event.raw.encode()) == [event]
    assert SVIX_SECRET not in repr(provider)
    with pytest.raises(RefusedError):
        provider.read_webhook(by_svix(RESEND_BOUNCE, NOW, secret="whsec_b3RoZXI="), now=NOW)
    with pytest.raises(ValueError, match="env:RESEND_TEST_SECRET: expected the signing secret"):
        resend(monkeypatch, "re_wrong")
    bare = Resend(api_key=provider.api_key)
    assert not bare.reads_webhooks
    with pytest.raises(RefusedError, match="no webhooks"):
        bare.read_webhook(by_svix(RESEND_BOUNCE, NOW), now=NOW)


def test_a_secret_of_another_kind_is_said() -> None:
    for wrong in ("", "whsec_", "whsec_???", "b3RoZXI=", "re_123"):
        with pytest.raises(ValueError, match="whsec_"):
            read_secret(wrong)
        with pytest.raises(RefusedError, match="webhook_secret"):
            read(by_svix(RESEND_BOUNCE, NOW), wrong, now=NOW)
