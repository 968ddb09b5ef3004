"""Providers through django-anymail: Brevo keeps the contract, and each of the others can be opened."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from recmail.deliver.esp import anymail
from recmail.deliver.esp.anymail import Anymail
from recmail.errors import AccountRefused, DeliveryError, MessageRefused, OutcomeUnknown, TemporaryFailure
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET, ProviderContract, Seen, outgoing
from tests.http_servers import Answer, HttpServer, Reply, Request
from tests.servers import CERTIFICATES, unused_port

NO = {MessageRefused: 400, AccountRefused: 401, TemporaryFailure: 429}


def through(esp: str, url: str, patch: pytest.MonkeyPatch, **more: Any) -> Anymail:
    patch.setenv("ANYMAIL_TEST_KEY", SECRET)
    key = Secret("env:ANYMAIL_TEST_KEY", CERTIFICATES)
    options = {"api_url": f"{url}/v3/", **more.pop("options", {})}
    return Anymail.model_validate({"esp": esp, "api_key": key, "options": options, **more})


class TestAnymail(ProviderContract):
    names_recipients = False

    def options(self, url: str, patch: pytest.MonkeyPatch, *, patience_s: float = 30.0) -> Anymail:
        patch.setattr(anymail, "READ_TIMEOUT_S", patience_s)
        return through("brevo", url, patch)

    def provider(self) -> Answer:
        return lambda _: Reply(201, json.dumps({"messageId": f"<{uuid.uuid4().hex}@brevo>"}).encode())

    def sends(self, request: Request) -> bool:
        return request.method == "POST"

    def seen(self, request: Request) -> Sequence[Seen]:
        found = json.loads(request.body)
        (to,) = found["to"]
        headers = {name.lower(): value for name, value in found["headers"].items()}
        sender, bodies = found["sender"]["email"], (found["textContent"], found["htmlContent"])
        return [Seen(sender, to["email"], found["subject"], *bodies, headers)]

    def refusing(self, recipients: Collection[str]) -> Answer:
        raise NotImplementedError  # Brevo accepts everybody, and tells later

    def no(self, kind: type[DeliveryError]) -> Reply:
        return Reply(NO[kind], b'{"code": "no", "message": "no"}')

    # --- anymail alone ------------------------------------------------------------------------------

    def test_our_message_id_and_the_answers_are_kept(self, server: HttpServer, esp: Any) -> None:
        esp.send(outgoing(7))
        asked = json.loads(server.exchanges[-1].request.body)
        custom = json.loads(asked["headers"]["X-Mailin-custom"])
        assert custom == {"message_id": outgoing(7).message_id}
        assert asked["replyTo"]["email"] == "help@acme.example"

    def test_looking_sends_nothing(self, server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
        said = self.options(server.url, monkeypatch).probe()
        assert said.startswith("Brevo at 127.0.0.1:")
        assert said.endswith("answers; whether the key is good, recmail preview --to shows")
        assert not self.calls(server)


@pytest.mark.parametrize(
    ("esp", "more"),
    [
        ("mailgun", {"options": {"sender_domain": "mg.acme.example"}}),
        ("mailjet", {"secret_key": Secret("env:ANYMAIL_TEST_KEY", CERTIFICATES)}),
        ("sparkpost", {}),
        ("mandrill", {}),
        ("mailersend", {}),
        ("mailtrap", {}),
        ("postal", {}),
        ("unisender_go", {}),
    ],
)
def test_each_provider_can_be_opened_and_its_answer_is_read(
    esp: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpServer(lambda _: Reply(429, b"{}", {"Retry-After": "7"})).running() as server:
        connection = through(esp, server.url, monkeypatch, **more).connect()
        with pytest.raises(TemporaryFailure) as caught:
            connection.send(outgoing())
        connection.close()
    assert caught.value.retry_after_s == 7
    assert len([one for one in server.exchanges if one.request.method == "POST"]) == 1


def test_a_message_that_a_provider_queues_and_one_that_it_does_not_explain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = [
        b'{"id": "<2026.1@mg.acme.example>", "message": "Queued. Thank you."}',
        b'{"message": "What?"}',
    ]
    with HttpServer(lambda one: Reply(200, said.pop(0) if one.method == "POST" else b"")).running() as server:
        options = {"sender_domain": "mg.acme.example"}
        connection = through("mailgun", server.url, monkeypatch, options=options).connect()
        assert connection.send(outgoing()) == "<2026.1@mg.acme.example>"
        with pytest.raises(OutcomeUnknown):
            connection.send(outgoing())
        connection.close()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"api_url": "http://api.brevo.com"}, "https://"),
        ({"api_key": "x"}, "places of their own"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(
    options: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=why):
        through("brevo", "http://127.0.0.1:1", monkeypatch, options=options)


@pytest.mark.parametrize(
    ("esp", "why"),
    [
        ("sendgrid", 'write type = "sendgrid"'),
        ("mailgn", "did you mean mailgun"),
        ("x", "expected one of brevo"),
    ],
)
def test_a_provider_that_is_not_among_them_is_refused(
    esp: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=why):
        through(esp, "http://127.0.0.1:1", monkeypatch)


def test_an_option_that_anymail_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AccountRefused, match="sender_domian"):
        through("mailgun", "http://127.0.0.1:1", monkeypatch, options={"sender_domian": "x"}).connect()


def test_a_missing_extra_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anymail", None)
    with pytest.raises(ValueError, match=r"pip install 'recmail\[anymail\]'"):
        through("brevo", f"http://127.0.0.1:{unused_port()}", monkeypatch)
