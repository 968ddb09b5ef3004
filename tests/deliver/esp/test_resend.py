"""Resend: many messages a request, under an idempotency key."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from email.utils import parseaddr
from pathlib import Path

import pytest

from recmail.deliver.esp import Esp
from recmail.deliver.esp.http_line import Item
from recmail.deliver.esp.http_options import HttpEsp
from recmail.deliver.esp.resend import Resend
from recmail.deliver.esp.resend_webhook import tagged_message_id
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    TemporaryFailure,
)
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET, KeyedProviderContract, Seen, outgoing, probed
from tests.http_servers import Answer, HttpServer, Reply, Request

KEY_AS_WRITTEN = "Idempotency-Key"
NO = {
    MessageRefused: (422, "validation_error"),
    AccountRefused: (403, "invalid_api_key"),
    TemporaryFailure: (429, "rate_limit_exceeded"),
}


class TestResend(KeyedProviderContract):
    most = 100

    def options(self, url: str, patch: pytest.MonkeyPatch, *, patience_s: float = 30.0) -> Resend:
        patch.setenv("RESEND_API_KEY", SECRET)
        patch.setattr(Resend, "read_timeout_s", patience_s)
        patch.setattr(Resend, "every_s", 0.0)
        patch.setattr(Resend, "same_again_s", (0.0, 0.0, 0.0))
        patch.setattr(HttpEsp, "gather_s", 0.002)
        return Resend(api_key=Secret("env:RESEND_API_KEY", Path()), base_url=url)

    def provider(self) -> Answer:
        return self.refusing(())

    def sends(self, request: Request) -> bool:
        return request.path == "/emails/batch"

    def seen(self, request: Request) -> Sequence[Seen]:
        return [
            Seen(
                sender=parseaddr(one["from"])[1],
                recipient=parseaddr(one["to"][0])[1],
                subject=one["subject"],
                text=one["text"],
                html=one["html"],
                headers={name.lower(): value for name, value in one["headers"].items()},
            )
            for one in json.loads(request.body)
        ]

    def refusing(self, recipients: Collection[str]) -> Answer:
        def answer(request: Request) -> Reply:
            dead = [number for number, one in enumerate(self.seen(request)) if one.recipient in recipients]
            said = {
                "data": [
                    {"id": str(uuid.uuid4())}
                    for number, _ in enumerate(self.seen(request))
                    if number not in dead
                ],
                "errors": [{"index": number, "message": "Invalid `to` field."} for number in dead],
            }
            return Reply(200, json.dumps(said).encode())

        return answer

    def accepted(self, request: Request, said: Reply) -> list[str]:
        refused = {one["index"] for one in json.loads(said.body)["errors"]}
        return [one.recipient for number, one in enumerate(self.seen(request)) if number not in refused]

    def no(self, kind: type[DeliveryError]) -> Reply:
        status, name = NO[kind]
        return Reply(status, json.dumps({"statusCode": status, "name": name, "message": "no"}).encode())

    @pytest.mark.parametrize(
        ("status", "name", "message", "error"),
        [
            (429, "daily_quota_exceeded", "quota", AccountRefused),
            (429, "monthly_quota_exceeded", "quota", AccountRefused),
            (422, "invalid_from_address", "from", AccountRefused),
            (400, "validation_error", "API key is invalid", AccountRefused),
            (400, "validation_error", "subject", MessageRefused),
            (451, "security_error", "later", TemporaryFailure),
            (409, "concurrent_idempotent_requests", "busy", OutcomeUnknown),
            (409, "invalid_idempotent_request", "another body", OutcomeUnknown),
        ],
    )
    def test_what_a_name_means(
        self, server: HttpServer, esp: Esp, status: int, name: str, message: str, error: type[DeliveryError]
    ) -> None:
        said = json.dumps({"statusCode": status, "name": name, "message": message}).encode()
        self.goes_wrong(server, lambda _request: Reply(status, said))
        with pytest.raises(error, match=name):
            esp.send(outgoing())

    def test_one_bad_message_does_not_spoil_the_others(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad = outgoing(3).recipient

        def strict(request: Request) -> Reply:
            spoilt = bad in [one.recipient for one in self.seen(request)]
            return self.no(MessageRefused) if spoilt else self.provider()(request)

        self.goes_wrong(server, strict)
        options = self.options(server.url, monkeypatch)
        monkeypatch.setattr(HttpEsp, "gather_s", 60.0)  # until all are there
        monkeypatch.setattr(Resend, "most", 8)
        with ThreadPoolExecutor(8) as threads, ExitStack() as stack:
            open_ = [stack.enter_context(closing(options.connect())) for _ in range(8)]
            sent = [threads.submit(esp.send, outgoing(number)) for number, esp in enumerate(open_)]
            refused = [number for number, one in enumerate(sent) if one.exception(30)]
        assert refused == [3]
        assert self.taken(server.exchanges) == Counter(outgoing(n).recipient for n in range(8) if n != 3)

    def test_the_key_is_of_these_messages_in_whatever_order_they_come(self) -> None:
        options = Resend.model_construct()
        one, two = Item("1@acme.example", b'{"subject": "Hi"}'), Item("2@acme.example", b"{}")
        key = options.call_headers([one, two])[KEY_AS_WRITTEN]
        assert key == options.call_headers([one, two])[KEY_AS_WRITTEN]
        assert key != options.call_headers([one])[KEY_AS_WRITTEN]
        mended = Item(one.message_id, b'{"subject": "Hello"}')
        assert key != options.call_headers([mended, two])[KEY_AS_WRITTEN]
        assert len(key) <= 256

    def test_our_message_id_travels_in_a_tag(self, server: HttpServer, esp: Esp) -> None:
        esp.send(outgoing())
        ((tag,),) = [one["tags"] for one in json.loads(self.calls(server)[0].request.body)]
        assert tagged_message_id(tag["value"]) == outgoing().message_id
        assert tagged_message_id("\u00e4") is None

    def test_it_asks_as_often_as_the_team_may(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RESEND_API_KEY", SECRET)
        key = Secret("env:RESEND_API_KEY", Path())
        assert Resend(api_key=key).every_s == 0.5
        assert Resend(api_key=key, requests_per_second=10.0).every_s == 0.1

    @pytest.mark.parametrize(
        ("status", "found"),
        [
            ("verified", "accepts the key, verified domains: acme.example"),
            ("pending", "no domain is verified"),
        ],
    )
    def test_the_account_is_looked_at(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch, status: str, found: str
    ) -> None:
        answers = {"/domains": {"data": [{"name": "acme.example", "status": status}]}}
        assert found in probed(self.options(server.url, monkeypatch), server, answers)
        assert not self.calls(server)

    def test_a_sender_that_is_not_verified_and_a_missing_webhook_are_said(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = json.dumps({"data": [{"name": "acme.example", "status": "verified"}]}).encode()
        server.answer = lambda _request: Reply(200, said)
        options = self.options(server.url, monkeypatch)
        senders = ["a@ACME.example", "a@news.acme.example", "a@notacme.example"]
        assert [one.found for one in options.doubts(senders)] == [
            "notacme.example is not verified there",
            "bounces and complaints do not come back to recmail",
        ]
        server.answer = lambda _request: Reply(401, b'{"name": "restricted_api_key"}')
        assert len(list(options.doubts(senders))) == 1

    def test_a_key_that_may_only_send_is_good(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.answer = lambda _request: Reply(401, b'{"name": "restricted_api_key"}')
        assert "may only send" in self.options(server.url, monkeypatch).probe()
