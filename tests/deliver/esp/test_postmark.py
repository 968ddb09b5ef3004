"""Postmark: many messages a request, each with an ErrorCode of its own."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Collection, Sequence
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest

from recmail.deliver.esp import Esp
from recmail.deliver.esp.http_options import HttpEsp
from recmail.deliver.esp.postmark import Postmark
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    RecipientRefused,
    TemporaryFailure,
)
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET, ProviderContract, Seen, outgoing, probed
from tests.http_servers import Answer, HttpServer, Reply, Request

NO = {MessageRefused: (422, 300), AccountRefused: (401, 10), TemporaryFailure: (429, 429)}


class TestPostmark(ProviderContract):
    most = 500

    def options(self, url: str, patch: pytest.MonkeyPatch, *, patience_s: float = 30.0) -> Postmark:
        patch.setenv("POSTMARK_TOKEN", SECRET)
        patch.setattr(Postmark, "read_timeout_s", patience_s)
        patch.setattr(HttpEsp, "gather_s", 0.002)
        return Postmark(api_key=Secret("env:POSTMARK_TOKEN", Path()), base_url=url)

    def provider(self) -> Answer:
        return self.refusing(())

    def sends(self, request: Request) -> bool:
        return request.path == "/email/batch"

    def seen(self, request: Request) -> Sequence[Seen]:
        return [
            Seen(
                sender=parseaddr(one["From"])[1],
                recipient=parseaddr(one["To"])[1],
                subject=one["Subject"],
                text=one["TextBody"],
                html=one["HtmlBody"],
                headers={header["Name"].lower(): header["Value"] for header in one["Headers"]},
            )
            for one in json.loads(request.body)
        ]

    def refusing(self, recipients: Collection[str]) -> Answer:
        dead = {"ErrorCode": 406, "Message": "You tried to send to a recipient that is inactive."}

        def answer(request: Request) -> Reply:
            said = [
                dead
                if one.recipient in recipients
                else {"ErrorCode": 0, "Message": "OK", "MessageID": str(uuid.uuid4()), "To": one.recipient}
                for one in self.seen(request)
            ]
            return Reply(200, json.dumps(said).encode())

        return answer

    def accepted(self, request: Request, said: Reply) -> list[str]:
        return [one["To"] for one in json.loads(said.body) if one["ErrorCode"] == 0]

    def no(self, kind: type[DeliveryError]) -> Reply:
        status, code = NO[kind]
        return Reply(status, json.dumps({"ErrorCode": code, "Message": "no"}).encode())

    @pytest.mark.parametrize(
        ("code", "message", "error"),
        [
            (300, "Invalid 'To' address: 'u1'.", RecipientRefused),
            (300, "Invalid 'From' address: not a verified sender signature.", AccountRefused),
            (300, "Zero length body.", MessageRefused),
            (400, "The 'From' address you supplied is not a Sender Signature.", AccountRefused),
            (405, "Your account has run out of credits.", AccountRefused),
            (100, "Maintenance.", TemporaryFailure),
            (429, "Rate limit exceeded.", TemporaryFailure),
            (999, "Something new.", MessageRefused),
        ],
    )
    def test_what_a_code_means(
        self, server: HttpServer, esp: Esp, code: int, message: str, error: type[DeliveryError]
    ) -> None:
        said = json.dumps([{"ErrorCode": code, "Message": message}]).encode()
        self.goes_wrong(server, lambda _request: Reply(200, said))
        with pytest.raises(error, match=rf"{re.escape(message)} \(ErrorCode {code}\)"):
            esp.send(outgoing())

    def test_an_inactive_recipient_is_dead(self, server: HttpServer, esp: Esp) -> None:
        self.goes_wrong(server, self.refusing({"u1@example.org"}))
        with pytest.raises(RecipientRefused) as caught:
            esp.send(outgoing())
        assert caught.value.dead

    def test_a_planned_outage_took_nothing(self, server: HttpServer, esp: Esp) -> None:
        self.goes_wrong(server, lambda _request: Reply(503, b"{}", {"Retry-After": "60"}))
        with pytest.raises(TemporaryFailure) as caught:
            esp.send(outgoing())
        assert caught.value.retry_after_s == 60

    def test_our_id_is_kept_and_the_stream_is_for_broadcasts(self, server: HttpServer, esp: Esp) -> None:
        esp.send(outgoing())
        (found,) = json.loads(self.calls(server)[0].request.body)
        headers = self.seen(self.calls(server)[0].request)[0].headers
        assert headers["message-id"] == f"<{outgoing().message_id}>"
        assert headers["x-pm-keepid"] == "true"
        assert found["MessageStream"] == "broadcast"
        assert (found["TrackOpens"], found["TrackLinks"]) == (False, "None")

    @pytest.mark.parametrize(
        ("stream", "found"),
        [
            (
                {"MessageStreamType": "Broadcasts"},
                "token of server Acme, stream broadcast, which adds Postmark's own unsubscribe link (None)",
            ),
            (
                {
                    "MessageStreamType": "Broadcasts",
                    "SubscriptionManagementConfiguration": {"UnsubscribeHandlingType": "Custom"},
                },
                "accepts the token of server Acme, stream broadcast",
            ),
            ({"MessageStreamType": "Transactional"}, "is one for Transactional; campaigns need Broadcasts"),
            (None, "there is no message stream 'broadcast'"),
        ],
    )
    def test_the_account_is_looked_at(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch, stream: dict[str, Any] | None, found: str
    ) -> None:
        answers = {"/server": {"Name": "Acme", "DeliveryType": "Live"}, "/message-streams/broadcast": stream}
        assert found in probed(self.options(server.url, monkeypatch), server, answers)
        assert not self.calls(server)
