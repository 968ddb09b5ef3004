"""What Amazon SES tells of messages, through an SNS topic: event publishing and the older notifications.

Documentation: docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and
notification-contents.html. Oddities: an out-of-office reply counts as a transient bounce; a "complaint" may
be a report that says not-spam; what is on the account's own suppression list "bounces" with 5.1.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from recmail.deliver.esp import Webhook
from recmail.deliver.esp.sns import Fetch, fetch, open_envelope
from recmail.deliver.esp.webhooks import (
    MESSAGE_TAG,
    address,
    dated,
    event_key,
    find_status,
    first,
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
from recmail.errors import DataError
from recmail.records import Event, EventKind

_KINDS = {  # by event type: our kind, the object that tells more, the list of people in it
    "Bounce": (EventKind.BOUNCED, "bounce", "bouncedRecipients"),
    "Complaint": (EventKind.COMPLAINED, "complaint", "complainedRecipients"),
    "Delivery": (EventKind.DELIVERED, "delivery", "recipients"),
    "DeliveryDelay": (EventKind.DEFERRED, "deliveryDelay", "delayedRecipients"),
    "Reject": (EventKind.BOUNCED, "reject", ""),  # a virus was found; it was accepted and never sent
    "Open": (EventKind.OPENED, "open", ""),
    "Click": (EventKind.CLICKED, "click", ""),
    "Subscription": (EventKind.UNSUBSCRIBED, "subscription", ""),
}
_NO_COMPLAINT = {"not-spam", "auth-failure"}  # feedback types of RFC 5965 and RFC 6591 that no reader sends
_OF_THE_TOPIC = "Successfully validated SNS topic"  # SES says so once, in plain text


def read(request: Webhook, topic_arn: str, *, now: datetime, get: Fetch = fetch) -> list[Event]:
    """Check that a request is SNS's and of our topic, and return what SES says in it.

    Raises:
        RefusedError, DataError: as `EspOptions.read_webhook`.
    """
    notice = open_envelope(request.body, topic_arn, now=now, get=get)
    if notice is None or notice.message.startswith(_OF_THE_TOPIC):
        return []
    return list(_events(read_json(notice.message), notice.at))


def read_saved(body: bytes) -> list[Event]:
    """Read what SNS posted once, or the event of SES in it, without its signature.

    Raises:
        DataError: it cannot be read.
    """
    found, at = read_json(body), None
    if isinstance(found, dict) and isinstance(found.get("Message"), str):
        if found.get("Type") != "Notification" or found["Message"].startswith(_OF_THE_TOPIC):
            return []
        found, at = read_json(found["Message"]), read_time(found.get("Timestamp"))
    return list(_events(found, at))


def _events(found: Any, at: datetime | None) -> Iterator[Event]:
    if not isinstance(found, dict):
        raise DataError("the message is not an event of Amazon SES")
    kind, name, list_name = _KINDS.get(
        str(found.get("eventType") or found.get("notificationType")), (None, "", "")
    )
    if kind is None:
        return  # Send, and what may come one day
    about, mail = mapping(found.get(name)), mapping(found.get("mail"))
    kind = _kind(kind, about)
    if kind is None:
        return
    said_at = about.get("timestamp") or mail.get("timestamp")  # a reject has none of its own
    people = about.get(list_name) or mail.get("destination") or [None]
    for number, person in enumerate(people if isinstance(people, list) else [None]):
        one = mapping(person) or {"emailAddress": person}
        said = (one.get("diagnosticCode"), about.get("smtpResponse"))
        status = find_status(one.get("status"), *said)
        key = event_key(about.get("feedbackId"), found)
        yield Event(
            key=f"{key}/{number}" if number else key,
            kind=kind,
            at=dated(read_time(said_at), at),
            provider_id=words(mail.get("messageId")) or None,
            message_id=_message_id(mail),
            email=address(one.get("emailAddress")),
            status=status,
            dead=kind is EventKind.BOUNCED and _is_dead(about, status),
            by_machine=is_robot(about.get("userAgent")),
            detail=_detail(about, said),
            url=link(about.get("link")),
            raw=raw(found),
        )


def _kind(kind: EventKind, about: Mapping[str, Any]) -> EventKind | None:
    if kind is EventKind.COMPLAINED and about.get("complaintFeedbackType") in _NO_COMPLAINT:
        return None
    if kind is EventKind.UNSUBSCRIBED and not mapping(about.get("newTopicPreferences")).get("unsubscribeAll"):
        return None
    return kind


def _is_dead(bounce: Mapping[str, Any], status: str) -> bool:
    """Whether the address does not exist; of the account's own list we do not know why it is on it."""
    return is_dead_bounce(words(bounce.get("bounceType")), words(bounce.get("bounceSubType")), status)


def is_dead_bounce(bounce_type: str, sub_type: str, status: str) -> bool:
    """Whether a bounce in SES's words means that the address does not exist; Resend has them from SES."""
    listed = sub_type.startswith("On") and sub_type.endswith("SuppressionList")
    hard = bounce_type == "Permanent" and not listed
    return hard and is_dead(status, provider_says_so=sub_type in ("General", "NoEmail", "Suppressed"))


def _detail(about: Mapping[str, Any], said: tuple[object, ...]) -> str:
    names = ("bounceType", "bounceSubType", "complaintFeedbackType", "delayType", "reason")
    classes = "/".join(filter(None, (words(about.get(name)) for name in names)))
    return ": ".join(filter(None, (classes, *(words(one) for one in said))))


def _message_id(mail: Mapping[str, Any]) -> str | None:
    """Ours: from the tag that was sent along, else from the headers, where SES has not written its own."""
    if tagged := own_message_id(first(mapping(mail.get("tags")).get(MESSAGE_TAG))):
        return tagged
    headers = mail.get("headers")
    for header in headers if isinstance(headers, list) else ():
        if str(mapping(header).get("name")).lower() == "message-id":
            found = own_message_id(mapping(header).get("value"))
            return None if found is None or found.endswith("amazonses.com") else found
    return None
