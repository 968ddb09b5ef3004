"""Postmark: many messages a request, each with an ErrorCode of its own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from email.utils import parseaddr
from pathlib import Path

import pytest

from recmail.deliver.esp.http_options import HttpEsp
from recmail.deliver.esp.postmark import Postmark
from recmail.errors import AccountRefused, DeliveryError, MessageRefused, TemporaryFailure
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET, ProviderContract, Seen
from tests.http_servers import Answer, Reply, Request

NO = {MessageRefused: (422, 300), AccountRefused: (401, 10), TemporaryFailure: (429, 429)}


class TestPostmark(ProviderContract):
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
