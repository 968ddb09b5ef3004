"""What Postmark tells of messages, by webhooks with a user and a password: it signs nothing.

Documentation: postmarkapp.com/developer/webhooks/webhooks-overview, and the bounce types in
postmarkapp.com/developer/api/bounce-api. Oddities: one event a request; only bounces and complaints have an
id; a hard bounce also comes as a SubscriptionChange, without what the server said.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from recmail.deliver.esp import EspOptions, Webhook
from recmail.deliver.esp.webhooks import (
    MESSAGE_TAG,
    address,
    check_size,
    dated,
    event_key,
    find_status,
    is_dead,
    is_robot,
    link,
    mapping,
    own_message_id,
    raw,
    read_json,
    read_time,
    words,
)
from recmail.errors import DataError, RefusedError
from recmail.records import Event, EventKind
from recmail.settings import Secret, as_secret

_RECORDS = {
    "Delivery": EventKind.DELIVERED,
    "Open": EventKind.OPENED,
    "Click": EventKind.CLICKED,
    "SpamComplaint": EventKind.COMPLAINED,
}
# Types of bounces that are none: still under way, or written by a machine of the recipient's.
_BOUNCES: Mapping[str, EventKind | None] = {
    "Transient": EventKind.DEFERRED,
    "DnsError": EventKind.DEFERRED,
    "Unsubscribe": EventKind.UNSUBSCRIBED,
    "SpamComplaint": EventKind.COMPLAINED,
    "Subscribe": None,
    "AutoResponder": None,
    "AddressChange": None,
    "ChallengeVerification": None,
    "OpenRelayTest": None,
}
_DEAD = {"HardBounce", "BadEmailAddress"}
# Why no more mail goes to somebody. A hard bounce is told of better by its own webhook.
_SUPPRESSIONS = {"ManualSuppression": EventKind.UNSUBSCRIBED, "SpamComplaint": EventKind.COMPLAINED}
_TIMES = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")


class TellsWithLogin(EspOptions):
    """Adds reading webhooks to [provider.NAME] with type = "postmark".

    Attributes:
        webhook_user, webhook_password: what stands in the webhook's address at Postmark.
    """

    webhook_user: str | None = None
    webhook_password: Annotated[Secret | None, BeforeValidator(as_secret)] = None

    @model_validator(mode="after")
    def _whole_webhook_login(self) -> TellsWithLogin:
        if (self.webhook_user is None) != (self.webhook_password is None):
            raise ValueError("webhook_user and webhook_password belong together")
        if self.webhook_user is not None and (not self.webhook_user or ":" in self.webhook_user):
            raise ValueError("webhook_user must be a name without a colon")
        if self.webhook_password is not None:
            self.webhook_password.reveal()  # now, so that a missing variable is said before the first event
        return self

    @property
    def reads_webhooks(self) -> bool:
        """Once it is known whom to believe."""
        return self.webhook_password is not None

    def read_webhook(self, request: Webhook, *, now: datetime) -> Sequence[Event]:
        """Read what Postmark posts, as `EspOptions.read_webhook`."""
        if self.webhook_user is None or self.webhook_password is None:
            return super().read_webhook(request, now=now)
        return read(request, (self.webhook_user, self.webhook_password.reveal()), now=now)

    def read_events(self, body: bytes) -> Sequence[Event]:
        """Read what Postmark posted once, without checking who did.

        Raises:
            DataError: it cannot be read.
        """
        return _events(body, None)


def read(request: Webhook, login: tuple[str, str], *, now: datetime) -> list[Event]:
    """Check user and password of a request, and return what Postmark says in it.

    Args:
        login: user and password that stand in the webhook's address at Postmark.

    Raises:
        RefusedError, DataError: as `EspOptions.read_webhook`.
    """
    check_size(request.body)
    _check_login(request.headers.get("authorization", ""), login)
    return _events(request.body, now)


def _events(body: bytes, now: datetime | None) -> list[Event]:
    found = read_json(body)
    if not isinstance(found, dict):
        raise DataError("the body is not an event of Postmark")
    kind = _kind(found)
    if kind is None:
        return []
    details = found.get("Details")
    status = find_status(details)
    record, bounce = words(found.get("RecordType")), words(found.get("Type"))
    said = (bounce, words(found.get("SuppressionReason")), words(details) or words(found.get("Description")))
    at = next((at for name in _TIMES if (at := read_time(found.get(name)))), None)
    return [
        Event(
            key=event_key(f"{record}:{found['ID']}" if "ID" in found else None, found),
            kind=kind,
            at=dated(at, now),
            provider_id=words(found.get("MessageID")) or None,
            message_id=own_message_id(mapping(found.get("Metadata")).get(MESSAGE_TAG)),
            email=address(found.get("Email") or found.get("Recipient")),
            status=status,
            dead=kind is EventKind.BOUNCED and bounce in _DEAD and is_dead(status, provider_says_so=True),
            by_machine=is_robot(found.get("UserAgent")),
            detail=": ".join(filter(None, said)),
            url=link(found.get("OriginalLink")),
            raw=raw(found),
        )
    ]


def _check_login(header: str, login: tuple[str, str]) -> None:
    scheme, _, encoded = header.partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        given = b""
    if not hmac.compare_digest(given, ":".join(login).encode()):
        raise RefusedError("its user and password are not those of webhook_user and webhook_password")


def _kind(found: Mapping[str, Any]) -> EventKind | None:
    record = found.get("RecordType")
    if record == "Bounce":
        return _BOUNCES.get(words(found.get("Type")), EventKind.BOUNCED)
    if record == "SubscriptionChange" and found.get("SuppressSending"):
        return _SUPPRESSIONS.get(words(found.get("SuppressionReason")))
    return _RECORDS.get(words(record))
