"""Resend: many messages a request, under an idempotency key."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from email.utils import parseaddr
from pathlib import Path

import pytest

from recmail.deliver.esp.http_options import HttpEsp
from recmail.deliver.esp.resend import Resend
from recmail.errors import AccountRefused, DeliveryError, MessageRefused, TemporaryFailure
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET, KeyedProviderContract, Seen
from tests.http_servers import Answer, Reply, Request

NO = {
    MessageRefused: (422, "validation_error"),
    AccountRefused: (403, "invalid_api_key"),
    TemporaryFailure: (429, "rate_limit_exceeded"),
}


class TestResend(KeyedProviderContract):
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
