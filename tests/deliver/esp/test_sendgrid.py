"""SendGrid: one message a request, whose answer has no body."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from recmail.deliver.esp.sendgrid import Sendgrid
from recmail.errors import AccountRefused, DeliveryError, MessageRefused, TemporaryFailure
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET, ProviderContract, Seen
from tests.http_servers import Answer, Reply, Request

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
