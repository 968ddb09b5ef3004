"""SendGrid: one message a request, whose answer has no body."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from recmail.deliver.esp import Esp
from recmail.deliver.esp.sendgrid import Sendgrid
from recmail.errors import AccountRefused, DeliveryError, MessageRefused, OutcomeUnknown, TemporaryFailure
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET, ProviderContract, Seen, outgoing, probed
from tests.http_servers import Answer, HttpServer, Reply, Request

NO = {MessageRefused: 400, AccountRefused: 403, TemporaryFailure: 429}


def error(status: int, message: str, field: str | None = None) -> Reply:
    said = {"errors": [{"message": message, "field": field, "help": None}]}
    return Reply(status, json.dumps(said).encode())


class TestSendgrid(ProviderContract):
    def options(self, url: str, patch: pytest.MonkeyPatch, *, patience_s: float = 30.0) -> Sendgrid:
        patch.setenv("SENDGRID_API_KEY", SECRET)
        patch.setattr(Sendgrid, "read_timeout_s", patience_s)
        return Sendgrid(api_key=Secret("env:SENDGRID_API_KEY", Path()), base_url=url)

    def provider(self) -> Answer:
        return lambda _request: Reply(202, b"", {"X-Message-Id": uuid.uuid4().hex})

    def sends(self, request: Request) -> bool:
        return request.path == "/v3/mail/send"

    def seen(self, request: Request) -> Sequence[Seen]:
        found = json.loads(request.body)
        (to,) = found["personalizations"][0]["to"]
        text, html = (one["value"] for one in found["content"])
        headers = {name.lower(): value for name, value in found["headers"].items()}
        return [Seen(found["from"]["email"], to["email"], found["subject"], text, html, headers)]

    def refusing(self, recipients: Collection[str]) -> Answer:
        no = error(400, "Does not contain a valid address.", "personalizations.0.to.0.email")
        return lambda request: (
            no if self.seen(request)[0].recipient in recipients else self.provider()(request)
        )

    def no(self, kind: type[DeliveryError]) -> Reply:
        return error(NO[kind], "no")

    def test_who_is_to_blame_stands_in_the_field(self, server: HttpServer, esp: Esp) -> None:
        said = error(400, "The from email does not contain a valid address.", "from.email")
        self.goes_wrong(server, lambda _request: said)
        with pytest.raises(AccountRefused, match="from email"):
            esp.send(outgoing())

    def test_the_end_of_a_throttling_is_a_time(self, server: HttpServer, esp: Esp) -> None:
        end = {"X-RateLimit-Reset": str(int(time.time()) + 3_600)}
        self.goes_wrong(server, self.always(TemporaryFailure, **end))
        with pytest.raises(TemporaryFailure) as caught:
            esp.send(outgoing())
        assert 3_000 < (caught.value.retry_after_s or 0) <= 3_600

    def test_an_answer_other_than_accepted_is_unclear(self, server: HttpServer, esp: Esp) -> None:
        self.goes_wrong(server, lambda _request: Reply(200, b"{}"))
        with pytest.raises(OutcomeUnknown, match="expected 202"):
            esp.send(outgoing())

    def test_links_stay_as_they_are(self, server: HttpServer, esp: Esp) -> None:
        esp.send(outgoing())
        found = json.loads(self.calls(server)[0].request.body)
        assert not any(one["enable"] for one in found["tracking_settings"].values())
        assert found["personalizations"][0]["custom_args"] == {"message_id": outgoing().message_id}

    @pytest.mark.parametrize(
        ("answers", "found"),
        [
            (
                {
                    "/v3/scopes": {"scopes": ["mail.send"]},
                    "/v3/whitelabel/domains?limit=50": [{"domain": "acme.example", "valid": True}],
                    "/v3/user/credits": {"remain": 39_800},
                },
                "accepts the key, which may send, authenticated domains: acme.example, 39,800 credits left",
            ),
            (
                {"/v3/scopes": {"scopes": ["mail.send"]}},
                "accepts the key, which may send, does not tell this key which domains are authenticated",
            ),
            ({"/v3/scopes": {"scopes": ["stats.read"]}}, "this key may not send"),
            ({}, "answered 401"),
        ],
    )
    def test_the_account_is_looked_at(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], found: str
    ) -> None:
        assert found in probed(self.options(server.url, monkeypatch), server, answers)
        assert not self.calls(server)
