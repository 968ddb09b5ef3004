"""Requests are as the providers' descriptions have them, in the judgement of a server that is not ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from recmail.deliver.esp.http_line import Item
from recmail.deliver.esp.http_options import HttpEsp
from recmail.deliver.esp.resend import Resend
from recmail.deliver.esp.sendgrid import Sendgrid
from recmail.errors import AccountRefused
from recmail.records import Outgoing
from recmail.settings import Secret
from tests.deliver.esp.contract_http import SECRET, outgoing
from tests.http_servers import HttpServer, Request, forward
from tests.prism import prism

PROVIDERS = pytest.mark.parametrize("kind", [Sendgrid, Resend])


@pytest.fixture(scope="module")
def judge() -> Iterator[str]:
    with prism(["sendgrid", "resend"]) as url:
        yield url


@pytest.fixture
def server(judge: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.setattr(Resend, "every_s", 0.0)
    with HttpServer(forward(judge)).running() as server:
        yield server


def open_at(kind: type[HttpEsp], server: HttpServer) -> HttpEsp:
    return kind(api_key=Secret("env:API_KEY", Path()), base_url=server.url)


def plain() -> Outgoing:
    """A message without HTML, names and links."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "a@acme.example", "u1@example.org", "Hi"
    message["X-Recmail-Test"] = "yes"
    message.set_content("Hi\n")
    return Outgoing("a@acme.example", "u1@example.org", bytes(message), "test.1@acme.example", "Hi")


@PROVIDERS
@pytest.mark.parametrize("message", [outgoing(), plain()], ids=["everything", "hardly anything"])
def test_a_message_is_as_the_description_has_it(
    server: HttpServer, kind: type[HttpEsp], message: Outgoing
) -> None:
    with closing(open_at(kind, server).connect()) as esp:
        assert isinstance(esp.send(message), str)
    (sent,) = [one.said for one in server.exchanges if one.request.method == "POST"]
    assert sent is not None
    assert sent.status in (200, 202)


@PROVIDERS
def test_the_judge_refuses_what_the_description_does_not_allow(
    server: HttpServer, kind: type[HttpEsp]
) -> None:
    options = open_at(kind, server)
    part = dict(options.part(outgoing()))
    del part["from"]
    body = json.dumps(part if options.most == 1 else [part]).encode()
    head = {"content-type": "application/json", **options.login(SECRET)}
    assert server.answer(Request("POST", options.path, head, body)).status in (400, 422)


def test_many_messages_are_one_request(server: HttpServer) -> None:
    options = open_at(Resend, server)
    body = json.dumps([options.part(outgoing(number)) for number in range(100)]).encode()
    key = options.call_headers([Item("1", body)])
    head = {"content-type": "application/json", **options.login(SECRET), **key}
    assert server.answer(Request("POST", options.path, head, body)).status == 200
    one_more = json.dumps([options.part(outgoing(number)) for number in range(101)]).encode()
    assert server.answer(Request("POST", options.path, head, one_more)).status == 422


class Anonymous(Resend):
    """Says nothing of who it is."""

    def login(self, key: str) -> Mapping[str, str]:
        return {}


def test_a_request_without_a_key_is_our_fault(server: HttpServer) -> None:
    with closing(open_at(Anonymous, server).connect()) as esp, pytest.raises(AccountRefused, match="401"):
        esp.send(outgoing())


def test_the_account_can_be_looked_at(server: HttpServer) -> None:
    assert open_at(Resend, server).probe().endswith("accepts the key, verified domains: acme.example")
