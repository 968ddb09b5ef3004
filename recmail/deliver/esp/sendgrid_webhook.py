"""What SendGrid tells of messages, by the signed Event Webhook.

Documentation: twilio.com/docs/sendgrid/for-developers/tracking-events/event and
.../getting-started-event-webhook-security-features. Oddities: many events a request; the id that an accepted
message gets is the first part of sg_message_id; what was sent along stands among SendGrid's own fields.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import field_validator

from recmail.deliver.esp import EspOptions, Webhook
from recmail.deliver.esp.webhooks import (
    MESSAGE_TAG,
    address,
    check_age,
    check_size,
    dated,
    event_key,
    find_status,
    is_dead,
    is_robot,
    link,
    own_message_id,
    raw,
    read_json,
    read_seconds,
    words,
)
from recmail.errors import DataError, RefusedError
from recmail.records import Event, EventKind
from recmail.settings import Secret

OLDEST = timedelta(hours=25)  # it tries for 24 hours and does not say whether it signs again
_HEADER = "x-twilio-email-event-webhook-"
_KINDS = {
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "bounce": EventKind.BOUNCED,
    "dropped": EventKind.BOUNCED,  # accepted and never sent
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
_DROPPED = {  # why it sends nothing to somebody any more
    "Unsubscribed Address": EventKind.UNSUBSCRIBED,
    "Spam Reporting Address": EventKind.COMPLAINED,
}


class TellsByEcdsa(EspOptions):
    """Adds reading webhooks to [provider.NAME] with type = "sendgrid".

    Attributes:
        webhook_public_key: the verification key of the signed Event Webhook; it is no secret.
    """

    webhook_public_key: str | Secret | None = None

    @field_validator("webhook_public_key")
    @classmethod
    def _usable_public_key(cls, key: str | Secret | None) -> str | Secret | None:
        if key is not None:
            read_public_key(_text_of(key))
        return key

    @property
    def reads_webhooks(self) -> bool:
        """Once it is known whom to believe."""
        return self.webhook_public_key is not None

    def read_webhook(self, request: Webhook, *, now: datetime) -> Sequence[Event]:
        """Read what SendGrid posts, as `EspOptions.read_webhook`."""
        if self.webhook_public_key is None:
            return super().read_webhook(request, now=now)
        return read(request, _text_of(self.webhook_public_key), now=now)

    def read_events(self, body: bytes) -> Sequence[Event]:
        """Read what SendGrid posted once, or one event of it, without its signature.

        Raises:
            DataError: it cannot be read.
        """
        found = read_json(body)
        return list(_events([found] if isinstance(found, dict) else _list(body), None))


def _text_of(key: str | Secret) -> str:
    return key.reveal() if isinstance(key, Secret) else key


def read_public_key(text: str) -> ec.EllipticCurvePublicKey:
    """Read the verification key as SendGrid shows it: base64 without lines around it, or PEM.

    Raises:
        ValueError: it is no such key.
    """
    lines = [line.strip() for line in text.strip().splitlines() if "-----" not in line]
    try:
        key = serialization.load_der_public_key(base64.b64decode("".join(lines), validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(
            "expected the verification key of the Event Webhook, which begins with MFkw"
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("it is a key of another kind")  # noqa: TRY004 - validators read ValueErrors
    return key


def read(request: Webhook, public_key: str, *, now: datetime) -> list[Event]:
    """Check the signature of a request, and return what SendGrid says in it.

    Args:
        public_key: the verification key of the Event Webhook.

    Raises:
        RefusedError, DataError: as `EspOptions.read_webhook`.
    """
    check_size(request.body)
    try:
        key = read_public_key(public_key)
    except ValueError as error:
        raise RefusedError(f"webhook_public_key: {error}") from error
    _check_signature(request, key, now)
    return list(_events(_list(request.body), now))


def _list(body: bytes) -> list[Any]:
    found = read_json(body)
    if not isinstance(found, list):
        raise DataError("the body is not a list of events of SendGrid")
    return found


def _check_signature(request: Webhook, key: ec.EllipticCurvePublicKey, now: datetime) -> None:
    timestamp = request.headers.get(f"{_HEADER}timestamp", "")
    try:
        signature = base64.b64decode(request.headers.get(f"{_HEADER}signature", ""), validate=True)
        key.verify(signature, timestamp.encode() + request.body, ec.ECDSA(hashes.SHA256()))
    except (binascii.Error, ValueError, InvalidSignature) as error:
        raise RefusedError("its signature is not SendGrid's for webhook_public_key") from error
    at = read_seconds(timestamp)
    if at is None:
        raise RefusedError("it does not say when it was signed")
    check_age(at, now, most=OLDEST)


def _events(found: list[Any], now: datetime | None) -> Iterator[Event]:
    """What is no event is left out: one of them must not cost the others of its batch."""
    for one in found:
        kind = _kind(one) if isinstance(one, dict) else None
        if kind is None:
            continue
        reason = words(one.get("reason")) or words(one.get("response"))
        status = find_status(one.get("status"), one.get("reason"))
        yield Event(
            key=event_key(one.get("sg_event_id"), one),
            kind=kind,
            at=dated(read_seconds(one.get("timestamp")), now),
            provider_id=words(one.get("sg_message_id")).partition(".")[0] or None,
            message_id=_message_id(one),
            email=address(one.get("email")),
            status=status,
            dead=kind is EventKind.BOUNCED and _is_dead(one, status),
            by_machine=one.get("sg_machine_open") is True or is_robot(one.get("useragent")),
            detail=": ".join(filter(None, (words(one.get("bounce_classification")), reason))),
            url=link(one.get("url")),
            raw=raw(one),
        )


def _kind(one: Mapping[str, Any]) -> EventKind | None:
    name = words(one.get("event"))
    if name == "dropped":
        return _DROPPED.get(words(one.get("reason")), EventKind.BOUNCED)
    return _KINDS.get(name)


def _is_dead(one: Mapping[str, Any], status: str) -> bool:
    """Whether the address does not exist; a "blocked" bounce is about us or the message."""
    if one.get("event") == "dropped":
        return one.get("reason") == "Invalid"
    named = one.get("bounce_classification") == "Invalid Address"
    return one.get("type") != "blocked" and is_dead(status, provider_says_so=named)


def _message_id(one: Mapping[str, Any]) -> str | None:
    """Ours: as it was sent along, else `smtp-id`, where SendGrid has not written its own."""
    if tagged := own_message_id(one.get(MESSAGE_TAG)):
        return tagged
    found = own_message_id(one.get("smtp-id"))
    return None if found is None or "ismtpd" in found or found.endswith("sendgrid.net") else found
