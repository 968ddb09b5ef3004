"""Resend: up to 100 messages a request, each with an outcome of its own, under an idempotency key.

Documentation: https://resend.com/docs/api-reference/emails/send-batch-emails,
https://resend.com/docs/dashboard/emails/idempotency-keys, https://resend.com/docs/api-reference/errors

Limits: 100 messages a request, 40 MB a message, 2 requests a second for a team unless Resend has raised it;
quotas a day and a month. Idempotency keys live 24 hours and have up to 256 characters.

Oddities:
- A batch takes no attachments and no scheduled_at; our messages have neither.
- One invalid message refuses a whole batch unless x-batch-validation is permissive; then `errors` names the
  indexes that were refused, and `data` has the ids of the others, in order.
- 429 is either the rate (retry-after says how long) or a quota (only the name tells).
- It gives every message a Message-ID of its own; ours travels in the tag `message_id`, see `message_tag`.
- Opens and clicks are tracked by settings of the domain, not of a message: turn them off there.
- A key that may only send answers 401 restricted_api_key to every question, which tells that it is good.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from recmail.deliver.esp.http_door import Answer, Door
from recmail.deliver.esp.http_line import Item, Outcome
from recmail.deliver.esp.http_options import HttpEsp, refusal
from recmail.deliver.esp.http_parts import take_apart
from recmail.deliver.esp.resend_webhook import TellsBySvix
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
)
from recmail.records import Outgoing

_QUOTAS = {"daily_quota_exceeded", "monthly_quota_exceeded"}
# 409: the first request is still being worked on, or was another one. Either way there was a first request.
_CONFLICT = 409
_OUR_SENDER = {"invalid_from_address", "invalid_access", "missing_api_key", "restricted_api_key"}
_SECURITY = 451  # "We may have found a security issue with the request": passes by itself


class Resend(TellsBySvix, HttpEsp):
    """[provider.NAME] with type = "resend".

    Attributes:
        connections: how many messages a request can hold; a kill leaves as many unclear.
        requests_per_second: of the whole team; raise it when Resend has.
    """

    home = "https://api.resend.com"
    path = "/emails/batch"
    most = 100
    read_timeout_s: ClassVar[float] = 30.0
    same_again_s: ClassVar[tuple[float, ...]] = (1.0, 2.0, 4.0)

    connections: int = Field(100, ge=1, le=256)
    requests_per_second: float = Field(2.0, gt=0, le=100)

    @property
    def every_s(self) -> float:  # type: ignore[override]  # others have no such key
        """As often as the team may ask."""
        return 1.0 / self.requests_per_second

    def login(self, key: str) -> Mapping[str, str]:
        """A bearer token."""
        return {"Authorization": f"Bearer {key}"}

    def part(self, message: Outgoing) -> Mapping[str, Any]:
        """One message."""
        parts = take_apart(message)
        found: dict[str, Any] = {
            "from": str(parts.sender),
            "to": [str(parts.recipient)],
            "subject": parts.subject,
            "text": parts.text,
            "headers": dict(parts.headers),
            "tags": [{"name": "message_id", "value": message_tag(message.message_id)}],
        }
        if parts.html:
            found["html"] = parts.html
        if parts.reply_to:
            found["reply_to"] = str(parts.reply_to)
        return found

    def call_headers(self, items: Sequence[Item]) -> Mapping[str, str]:
        """The same messages are the same request, in this process and in the next one.

        By what they say: who was refused, is mended and tried again must not be taken for what was before.
        """
        digest = hashlib.sha256(b"\n".join(item.body for item in items)).hexdigest()
        return {"x-batch-validation": "permissive", "Idempotency-Key": f"recmail-{digest}"}

    def outcomes(self, answer: Answer, count: int) -> Sequence[Outcome]:
        """Ids of those that were accepted; the others by their index."""
        found = answer.json
        refused = {int(one["index"]): str(one.get("message", "")) for one in found.get("errors") or ()}
        accepted = iter(found["data"])
        return [
            _no(f"{answer.place} refused the message: {refused[number]}")
            if number in refused
            else str(next(accepted)["id"])
            for number in range(count)
        ]

    def refusal(self, answer: Answer) -> DeliveryError:
        """What the name of an error means."""
        found = answer.json if isinstance(answer.json, dict) else {}
        name, said = found.get("name"), str(answer)
        if name in _QUOTAS or name in _OUR_SENDER or "API key" in str(found.get("message")):
            return AccountRefused(said)
        if answer.status == _CONFLICT:
            return OutcomeUnknown(said)
        if answer.status == _SECURITY:
            return TemporaryFailure(said, retry_after_s=answer.retry_after_s)
        return refusal(answer)

    def look(self, door: Door) -> str:
        """Is the key good; which domains are verified; what is used of the quotas."""
        answer = door.get("/domains")
        found = answer.json if isinstance(answer.json, dict) else {}
        if found.get("name") == "restricted_api_key":
            return "accepts the key, which may only send; its domains cannot be looked at with it"
        if not answer.accepts:
            raise self.refusal(answer)
        verified = _verified(answer)
        if not verified:
            raise AccountRefused(f"{door.place}: no domain is verified; add yours on resend.com/domains")
        used = [
            f"{answer.headers[header]} emails sent this {period}"
            for period in ("day", "month")
            if (header := f"x-resend-{'daily' if period == 'day' else 'monthly'}-quota") in answer.headers
        ]
        return ", ".join(["accepts the key", f"verified domains: {', '.join(verified)}", *used])

    def domains(self, door: Door) -> Sequence[str] | None:
        """Those that are verified."""
        answer = door.get("/domains")
        return _verified(answer) if answer.accepts else None


def _verified(answer: Answer) -> list[str]:
    found = answer.json if isinstance(answer.json, dict) else {}
    return sorted(one["name"] for one in found.get("data", ()) if one.get("status") == "verified")


def _no(said: str) -> DeliveryError:
    return RecipientRefused(said) if "`to`" in said else MessageRefused(said)


def message_tag(message_id: str) -> str:
    """Our Message-ID as the value of a tag, which may have letters, digits, - and _ only."""
    return base64.urlsafe_b64encode(message_id.encode()).rstrip(b"=").decode("ascii")
