"""What Resend tells of messages, by webhooks that Svix signs.

Documentation: resend.com/docs/webhooks/event-types and docs.svix.com/receiving/verifying-payloads/how-manual.
Oddities: one event a request, about all recipients of the message; bounces have Amazon SES's words; every
message gets a Message-ID of Resend's own, ours comes back in a tag.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, field_validator

from recmail.deliver.esp import EspOptions, Webhook
from recmail.deliver.esp.ses_webhook import is_dead_bounce
from recmail.deliver.esp.webhooks import (
    MESSAGE_TAG,
    address,
    check_age,
    check_size,
    dated,
    event_key,
    find_status,
    first,
    is_robot,
    link,
    mapping,
    own_message_id,
    raw,
    read_json,
    read_seconds,
    read_time,
    words,
)
from recmail.errors import DataError, RefusedError
from recmail.records import Event, EventKind
from recmail.settings import Secret, as_secret

OLDEST = timedelta(minutes=5)  # Svix signs again whenever it tries again
_KINDS = {
    "email.delivered": EventKind.DELIVERED,
    "email.delivery_delayed": EventKind.DEFERRED,
    "email.bounced": EventKind.BOUNCED,
    "email.failed": EventKind.BOUNCED,  # accepted and never sent
    "email.suppressed": EventKind.BOUNCED,
    "email.complained": EventKind.COMPLAINED,
    "email.opened": EventKind.OPENED,
    "email.clicked": EventKind.CLICKED,
}
_PREFIX = "whsec_"


class TellsBySvix(EspOptions):
    """Adds reading webhooks to [provider.NAME] with type = "resend".

    Attributes:
        webhook_secret: the signing secret of the webhook, whsec_...
    """

    webhook_secret: Annotated[Secret | None, BeforeValidator(as_secret)] = None

    @field_validator("webhook_secret")
    @classmethod
    def _usable_webhook_secret(cls, secret: Secret | None) -> Secret | None:
        if secret is not None:
            try:
                read_secret(secret.reveal())
            except ValueError as error:
                raise ValueError(f"{secret}: {error}") from error
        return secret

    @property
    def reads_webhooks(self) -> bool:
        """Once it is known whom to believe."""
        return self.webhook_secret is not None

    def read_webhook(self, request: Webhook, *, now: datetime) -> Sequence[Event]:
        """Read what Resend posts, as `EspOptions.read_webhook`."""
        if self.webhook_secret is None:
            return super().read_webhook(request, now=now)
        return read(request, self.webhook_secret.reveal(), now=now)

    def read_events(self, body: bytes) -> Sequence[Event]:
        """Read what Resend posted once, without its signature.

        Raises:
            DataError: it cannot be read.
        """
        return _events(body, None)


def read_secret(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises:
        ValueError: it is no secret of Svix's.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key or not secret.startswith(_PREFIX):
        raise ValueError(f"expected the signing secret of the webhook, which begins with {_PREFIX}")
    return key


def read(request: Webhook, secret: str, *, now: datetime) -> list[Event]:
    """Check the signature of a request, and return what Resend says in it.

    Args:
        secret: the webhook's signing secret, whsec_...

    Raises:
        RefusedError, DataError: as `EspOptions.read_webhook`.
    """
    check_size(request.body)
    try:
        key = read_secret(secret)
    except ValueError as error:
        raise RefusedError(f"webhook_secret: {error}") from error
    _check_signature(request, key, now)
    return _events(request.body, now)


def _events(body: bytes, now: datetime | None) -> list[Event]:
    found = read_json(body)
    if not isinstance(found, dict):
        raise DataError("the body is not an event of Resend")
    kind = _KINDS.get(words(found.get("type")))
    if kind is None:
        return []
    data = mapping(found.get("data"))
    bounce = mapping(data.get("bounce") or data.get("suppressed") or data.get("failed"))
    opened = mapping(data.get("click") or data.get("open"))
    names = ("type", "subType", "message", "reason")
    status = find_status(*_said(bounce))
    types = words(bounce.get("type")), words(bounce.get("subType"))
    return [
        Event(
            key=event_key(None, found),
            kind=kind,
            at=dated(read_time(found.get("created_at")), now),
            provider_id=words(data.get("email_id")) or None,
            message_id=_message_id(data),
            email=address(first(data.get("to"))),
            status=status,
            dead=kind is EventKind.BOUNCED and is_dead_bounce(*types, status),
            by_machine=is_robot(opened.get("userAgent")),
            detail=": ".join(filter(None, (words(bounce.get(name)) for name in names))),
            url=link(opened.get("link")),
            raw=raw(found),
        )
    ]


def _check_signature(request: Webhook, key: bytes, now: datetime) -> None:
    event_id, timestamp, given = (
        request.headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature")
    )
    content = b".".join((event_id.encode(), timestamp.encode(), request.body))
    expected = base64.b64encode(hmac.digest(key, content, hashlib.sha256))
    versions = (one.partition(",") for one in given.split(" "))
    # Each that is given is compared, so that time tells nothing; there are two while a secret is replaced.
    valid = [hmac.compare_digest(text.encode(), expected) for version, _, text in versions if version == "v1"]
    at = read_seconds(timestamp)
    if not any(valid) or not event_id or at is None:
        raise RefusedError("its signature is not Resend's for webhook_secret")
    check_age(at, now, most=OLDEST)


def _said(bounce: Mapping[str, Any]) -> Iterator[object]:
    code = bounce.get("diagnosticCode")
    yield from code if isinstance(code, list) else (code,)
    yield bounce.get("message")


def _message_id(data: Mapping[str, Any]) -> str | None:
    """Ours: from the tag that was sent along, else from the headers."""
    tags = data.get("tags")
    pairs = [mapping(one) for one in tags] if isinstance(tags, list) else []
    named = {**{str(one.get("name")): one.get("value") for one in pairs}, **mapping(tags)}
    if tagged := tagged_message_id(words(named.get(MESSAGE_TAG))):
        return tagged
    headers = data.get("headers")
    for header in headers if isinstance(headers, list) else ():
        if words(mapping(header).get("name")).lower() == "message-id":
            return own_message_id(mapping(header).get("value"))
    return None


def tagged_message_id(tag: str) -> str | None:
    """The Message-ID that a tag stands for: base64 for URLs, as tags have letters, digits, - and _ only."""
    try:
        return own_message_id(base64.urlsafe_b64decode(tag + "=" * (-len(tag) % 4)).decode())
    except ValueError:
        return None
