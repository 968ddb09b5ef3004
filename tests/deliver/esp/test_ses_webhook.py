"""What Amazon SES tells, in the words of recmail."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from recmail.deliver.esp import sns
from recmail.deliver.esp.ses_webhook import read, read_saved
from recmail.errors import DataError
from recmail.records import Event, EventKind
from tests.conftest import NOW
from tests.deliver.esp.signing import TOPIC, by_sns, certificate, confirmation, envelope
from tests.deliver.esp.webhook_payloads import (
    SES_BOUNCE,
    SES_CLICK,
    SES_COMPLAINT,
    SES_DELAY,
    SES_DELIVERY,
    SES_MAIL,
    SES_OPEN,
    SES_REJECT,
    SES_SUBSCRIPTION,
)


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sns, "_certificates", {})


def events(message: Any) -> list[Event]:
    return read(by_sns(envelope(message, NOW)), TOPIC, now=NOW, get=lambda _: certificate(NOW))


def bounce(**changes: Any) -> Event:
    """The documented bounce, some of its words replaced."""
    changed = deepcopy(SES_BOUNCE)
    person = changed["bounce"]["bouncedRecipients"][0]
    for name, value in changes.items():
        (person if name in ("status", "diagnosticCode") else changed["bounce"])[name] = value
    return events(changed)[0]


def test_a_bounce_in_full() -> None:
    assert events(SES_BOUNCE) == [
        Event(
            key="01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
            kind=EventKind.BOUNCED,
            at=datetime(2026, 11, 2, 8, 41, 2, 669000, tzinfo=UTC),
            provider_id="EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
            message_id="r1.7@learn.example",
            email="recipient@example.com",
            status="5.1.1",
            dead=True,
            detail="Permanent/General: smtp; 550 5.1.1 user unknown",
            raw=json.dumps(SES_BOUNCE, separators=(",", ":")),
        )
    ]


@pytest.mark.parametrize(
    ("message", "kind", "detail"),
    [
        (SES_COMPLAINT, EventKind.COMPLAINED, "abuse"),
        (SES_DELIVERY, EventKind.DELIVERED, "250 2.6.0 Message received"),
        (
            SES_DELAY,
            EventKind.DEFERRED,
            "TransientCommunicationFailure: smtp; 421 4.4.1 Unable to connect to remote host",
        ),
        (SES_OPEN, EventKind.OPENED, ""),
        (SES_CLICK, EventKind.CLICKED, ""),
        (SES_REJECT, EventKind.BOUNCED, "Bad content"),
        (SES_SUBSCRIPTION, EventKind.UNSUBSCRIBED, ""),
    ],
    ids=lambda one: str(one) if isinstance(one, EventKind) else "",
)
def test_each_kind_of_event(message: dict[str, Any], kind: EventKind, detail: str) -> None:
    [event] = events(message)
    assert (event.kind, event.detail, event.dead) == (kind, detail, False)
    assert (event.email, event.message_id) == ("recipient@example.com", "r1.7@learn.example")


def test_a_click_says_what_was_clicked_and_who_did_it() -> None:
    [event] = events(SES_CLICK)
    assert event.url == "http://docs.example.com/send-email-smtp.html"
    assert not event.by_machine
    prefetched = {**SES_OPEN, "open": {**SES_OPEN["open"], "userAgent": "Mozilla/5.0"}}
    assert events(prefetched)[0].by_machine


def test_the_older_notifications_are_read_too() -> None:
    old = {name: value for name, value in SES_BOUNCE.items() if name != "eventType"}
    mail = {name: value for name, value in SES_MAIL.items() if name != "tags"}
    [event] = events({**old, "notificationType": "Bounce", "mail": mail})
    assert event.key == events(SES_BOUNCE)[0].key  # so that having both counts it once
    assert event.message_id == "r1.7@learn.example"


def test_an_id_that_ses_wrote_is_not_ours() -> None:
    headers = [{"name": "Message-ID", "value": "<0102015@eu-west-1.amazonses.com>"}]
    assert events({**SES_BOUNCE, "mail": {**SES_MAIL, "tags": {}, "headers": headers}})[0].message_id is None


def test_each_recipient_has_an_event_and_a_key() -> None:
    people = [{"emailAddress": "jane@example.com"}, {"emailAddress": "Rich <rich@example.com>"}]
    found = events({**SES_BOUNCE, "bounce": {**SES_BOUNCE["bounce"], "bouncedRecipients": people}})
    assert [event.email for event in found] == ["jane@example.com", "rich@example.com"]
    assert found[1].key == f"{found[0].key}/1"


@pytest.mark.parametrize(
    ("sub_type", "status", "said", "dead"),
    [
        ("General", None, "smtp; 550 user unknown", True),
        ("NoEmail", None, None, True),
        ("Suppressed", "5.1.1", "Amazon SES has suppressed sending to this address", True),
        ("General", "5.0.0", "smtp; 550 5.7.1 blocked by policy", False),
        ("General", "5.7.26", "smtp; 550 5.7.26 unauthenticated", False),
        ("OnAccountSuppressionList", "5.1.1", "it is on the suppression list of your account", False),
    ],
)
def test_only_an_address_that_does_not_exist_is_dead(
    sub_type: str, status: str | None, said: str | None, dead: bool
) -> None:
    event = bounce(bounceSubType=sub_type, status=status, diagnosticCode=said)
    assert event.kind is EventKind.BOUNCED
    assert event.dead is dead


@pytest.mark.parametrize("sub_type", ["General", "MailboxFull", "ContentRejected"])
def test_a_transient_bounce_kills_no_address(sub_type: str) -> None:
    assert not bounce(bounceType="Transient", bounceSubType=sub_type, status="5.1.1").dead


@pytest.mark.parametrize("feedback", ["not-spam", "auth-failure"])
def test_a_report_that_is_no_complaint_is_none(feedback: str) -> None:
    said = {**SES_COMPLAINT["complaint"], "complaintFeedbackType": feedback}
    assert events({**SES_COMPLAINT, "complaint": said}) == []


def test_somebody_who_keeps_a_topic_has_not_unsubscribed() -> None:
    kept = {**SES_SUBSCRIPTION["subscription"], "newTopicPreferences": {"unsubscribeAll": False}}
    assert events({**SES_SUBSCRIPTION, "subscription": kept}) == []


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        {"eventType": "Send", "mail": SES_MAIL, "send": {}},
        {"eventType": "Something New"},
        {},
    ],
)
def test_what_tells_nothing_is_no_event(message: Any) -> None:
    assert events(message) == []


@pytest.mark.parametrize("message", ["hello", "[1]", ""])
def test_what_is_no_event_at_all_is_to_come_again(message: str) -> None:
    with pytest.raises(DataError):
        events(message)


SES_REJECT = {"eventType": "Reject", "mail": SES_MAIL, "reject": {"reason": "Bad content"}}


@pytest.mark.parametrize("message", [SES_BOUNCE, SES_DELIVERY, SES_CLICK, SES_REJECT])
def test_what_was_saved_is_the_same_event(message: dict[str, Any]) -> None:
    [event] = events(message)
    posted = json.dumps(envelope(message, NOW)).encode()
    assert read_saved(posted) == read_saved(event.raw.encode()) == [event]


def test_what_was_saved_and_tells_nothing_is_no_event() -> None:
    assert read_saved(json.dumps(confirmation(NOW)).encode()) == []
    for body in (b"", b"[]", b'{"eventType": "Bounce"}'):
        with pytest.raises(DataError):
            read_saved(body)


def test_an_event_with_little_in_it_is_not_lost() -> None:
    [event] = events({"eventType": "Bounce"})
    assert (event.kind, event.at, event.email) == (EventKind.BOUNCED, NOW, None)
    odd = {"eventType": "Bounce", "bounce": {"bouncedRecipients": 7, "timestamp": 7}, "mail": []}
    assert events(odd)[0].kind is EventKind.BOUNCED
