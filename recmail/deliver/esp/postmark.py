"""Postmark: up to 500 messages a request, each with an outcome of its own.

Documentation: https://postmarkapp.com/developer/api/email-api#send-batch-emails,
https://postmarkapp.com/developer/api/overview#error-codes

Limits: 500 messages and 50 MB a request, 10 MB a message; 429 without a number or a header that says when to
come back.

Oddities:
- A batch is answered with 200 even when it refused some messages, or all; only each one's ErrorCode tells.
- No idempotency keys: what gets no answer stays unknown until a webhook or a person says.
- Marketing has to go through a stream of type Broadcasts; `outbound`, the default of the API, is for
  transactional mail, and using it for campaigns gets accounts closed.
- In a broadcast stream Postmark adds its own unsubscribe link and header unless the stream's unsubscribe
  handling is Custom, which its support turns on; the probe says which it is.
- It replaces the Message-ID unless X-PM-KeepID asks it not to.
- 406, an inactive recipient: it bounced, complained or was suppressed there before.
- Which domains are verified is told to account tokens only; a server token, which sends, gets error 400 for a
  sender that is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from recmail.deliver.esp.http_door import Answer, Door
from recmail.deliver.esp.http_line import Outcome
from recmail.deliver.esp.http_options import HttpEsp, refusal
from recmail.deliver.esp.http_parts import take_apart
from recmail.deliver.esp.postmark_webhook import TellsWithLogin
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    RecipientRefused,
    TemporaryFailure,
)
from recmail.records import Outgoing

_INACTIVE, _INVALID = 406, 300
_LATER = {100, 429}  # maintenance; too many requests
# Token, sender signature, credits, an account that is pending or may not send.
_ABOUT_US = {10, 400, 401, 405, 412, 413}
_ALSO_ABOUT_US = ("'From'", "'MessageStream'", "message stream")  # in words of an invalid request
_MAINTENANCE = 503  # documented as planned outages: nothing was accepted


class Postmark(TellsWithLogin, HttpEsp):
    """[provider.NAME] with type = "postmark".

    Attributes:
        api_key: a server token.
        stream: where campaigns go; it must be one for broadcasts.
        connections: how many messages a request can hold; a kill leaves as many unclear.
    """

    home = "https://api.postmarkapp.com"
    path = "/email/batch"
    most = 500
    most_bytes = 49_000_000

    connections: int = Field(50, ge=1, le=256)
    stream: str = Field("broadcast", min_length=1)

    def login(self, key: str) -> Mapping[str, str]:
        """A server token."""
        return {"X-Postmark-Server-Token": key}

    def part(self, message: Outgoing) -> Mapping[str, Any]:
        """One message."""
        parts = take_apart(message)
        headers = {"Message-ID": f"<{message.message_id}>", "X-PM-KeepID": "true", **parts.headers}
        found: dict[str, Any] = {
            "From": str(parts.sender),
            "To": str(parts.recipient),
            "Subject": parts.subject,
            "TextBody": parts.text,
            "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
            "MessageStream": self.stream,
            "Metadata": {"message_id": message.message_id[-80:]},  # the longest it takes; ours are shorter
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        if parts.html:
            found["HtmlBody"] = parts.html
        if parts.reply_to:
            found["ReplyTo"] = str(parts.reply_to)
        return found

    def outcomes(self, answer: Answer, count: int) -> Sequence[Outcome]:
        """One object for each message, in their order."""
        return [
            str(one["MessageID"]) if one["ErrorCode"] == 0 else _no(one, f"{answer.place} refused: ")
            for one in answer.json
        ]

    def refusal(self, answer: Answer) -> DeliveryError:
        """What a request as such was refused for."""
        if answer.status == _MAINTENANCE:
            return TemporaryFailure(str(answer), retry_after_s=answer.retry_after_s)
        if answer.status == 422 and isinstance(answer.json, dict):
            return _no(answer.json, f"{answer.place} answered 422: ")
        return refusal(answer)

    def look(self, door: Door) -> str:
        """Is the token good; is the server live; is the stream there, and one for broadcasts."""
        server = door.get("/server")
        if not server.accepts:
            raise self.refusal(server)
        stream = door.get(f"/message-streams/{self.stream}")
        if not stream.accepts:
            raise AccountRefused(f"{stream}; there is no message stream {self.stream!r}")
        about, kind = server.json or {}, (stream.json or {}).get("MessageStreamType")
        if kind != "Broadcasts":
            raise AccountRefused(
                f"{door.place}: the stream {self.stream!r} is one for {kind}; campaigns need Broadcasts"
            )
        handling = (stream.json.get("SubscriptionManagementConfiguration") or {}).get(
            "UnsubscribeHandlingType"
        )
        own = "" if handling == "Custom" else f", which adds Postmark's own unsubscribe link ({handling})"
        sandbox = "" if about.get("DeliveryType") != "Sandbox" else ", a sandbox that delivers nothing"
        return f"accepts the token of server {about.get('Name')}{sandbox}, stream {self.stream}{own}"


def _no(error: Mapping[str, Any], said: str) -> DeliveryError:
    code, message = error.get("ErrorCode"), str(error.get("Message", ""))
    text = f"{said}{message} (ErrorCode {code})"
    if code == _INACTIVE:
        return RecipientRefused(text, dead=True)
    if code == _INVALID and "'To'" in message:
        return RecipientRefused(text)
    if code in _LATER:
        return TemporaryFailure(text, slows=code == 429)
    is_ours = code in _ABOUT_US or any(words in message for words in _ALSO_ABOUT_US)
    return AccountRefused(text) if is_ours else MessageRefused(text)
