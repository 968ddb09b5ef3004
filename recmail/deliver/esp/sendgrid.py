"""SendGrid: one message a request.

Documentation: https://www.twilio.com/docs/sendgrid/api-reference/mail-send

Limits: 30 MB a message; no documented number of requests, 429 with X-RateLimit-Reset (seconds since 1970).

Oddities:
- Personalizations of one request share their content, so there is no batch for personal emails.
- No idempotency keys: what gets no answer stays unknown until a webhook or a person says.
- The answer is 202 without a body; X-Message-Id is the beginning of the sg_message_id of its events.
- Links, opens and an unsubscribe footer are rewritten by the account's settings unless a message says no.
- Used-up credits are a 401 ("Maximum credits exceeded"), a sender that is not verified a 403.
- Recipients on its suppression lists are accepted and dropped; only an event says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from recmail.deliver.esp.http_door import Answer, Door
from recmail.deliver.esp.http_line import Outcome
from recmail.deliver.esp.http_options import HttpEsp, refusal
from recmail.deliver.esp.http_parts import Mailbox, take_apart
from recmail.deliver.esp.sendgrid_webhook import TellsByEcdsa
from recmail.errors import AccountRefused, DeliveryError, OutcomeUnknown, RecipientRefused, TemporaryFailure
from recmail.records import Outgoing

_OFF = {"enable": False}


class Sendgrid(TellsByEcdsa, HttpEsp):
    """[provider.NAME] with type = "sendgrid".

    Attributes:
        base_url: https://api.eu.sendgrid.com for subusers in the EU.
    """

    home = "https://api.sendgrid.com"
    path = "/v3/mail/send"

    connections: int = Field(8, ge=1, le=256)

    def login(self, key: str) -> Mapping[str, str]:
        """A bearer token."""
        return {"Authorization": f"Bearer {key}"}

    def part(self, message: Outgoing) -> Mapping[str, Any]:
        """One message; text comes before HTML, or it is refused."""
        parts = take_apart(message)
        bodies = (("text/plain", parts.text), ("text/html", parts.html))
        found: dict[str, Any] = {
            "personalizations": [
                {"to": [_address(parts.recipient)], "custom_args": {"message_id": message.message_id}}
            ],
            "from": _address(parts.sender),
            "subject": parts.subject,
            "content": [{"type": kind, "value": body} for kind, body in bodies if body],
            "headers": {"Message-ID": f"<{message.message_id}>", **parts.headers},
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": _OFF,
                "subscription_tracking": _OFF,
            },
        }
        if parts.reply_to:
            found["reply_to"] = _address(parts.reply_to)
        return found

    def outcomes(self, answer: Answer, count: int) -> Sequence[Outcome]:
        """202, and an id in the headers."""
        if answer.status != 202:
            raise OutcomeUnknown(f"{answer}; expected 202")
        return [answer.headers.get("x-message-id", "")]

    def refusal(self, answer: Answer) -> DeliveryError:
        """Whose fault it is stands in the field that it names."""
        if answer.status == 429:
            reset = answer.headers.get("x-ratelimit-reset", "")
            at = datetime.fromtimestamp(int(reset), UTC) if reset.isdigit() else None
            wait_s = answer.retry_after_s or answer.seconds_until(at)
            return TemporaryFailure(str(answer), retry_after_s=wait_s, slows=True)
        if answer.status == 400:
            fields = [str(one.get("field")) for one in _errors(answer)]
            if any(field.startswith("from") for field in fields):
                return AccountRefused(str(answer))
            if any(field.startswith("personalizations.0.to") for field in fields):
                return RecipientRefused(str(answer))
        return refusal(answer)

    def look(self, door: Door) -> str:
        """May the key send; which domains are authenticated; how many credits are left."""
        scopes = door.get("/v3/scopes")
        if not scopes.accepts:
            raise self.refusal(scopes)
        if "mail.send" not in (scopes.json or {}).get("scopes", ()):
            raise AccountRefused(f"{door.place}: this key may not send; give it the permission Mail Send")
        valid = self.domains(door)
        told = f"authenticated domains: {', '.join(valid or ()) or 'none, so only single verified senders'}"
        if valid is None:
            told = "does not tell this key which domains are authenticated"
        return ", ".join(["accepts the key, which may send", told, *_credits(door)])

    def domains(self, door: Door) -> Sequence[str] | None:
        """Those that are authenticated; single senders may be verified besides."""
        answer = door.get("/v3/whitelabel/domains?limit=50")
        if not answer.accepts or not isinstance(answer.json, list):
            return None
        return sorted(one["domain"] for one in answer.json if one.get("valid"))


def _address(mailbox: Mailbox) -> dict[str, str]:
    return {"email": mailbox.address, **({"name": mailbox.name} if mailbox.name else {})}


def _errors(answer: Answer) -> list[Mapping[str, Any]]:
    found = answer.json
    errors = found.get("errors") if isinstance(found, dict) else None
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []


def _credits(door: Door) -> list[str]:
    answer = door.get("/v3/user/credits")
    left = answer.json.get("remain") if answer.accepts and isinstance(answer.json, dict) else None
    return [] if left is None else [f"{left:,} credits left"]
