"""The door: whom it talks to, what it says of itself, and what it keeps to itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from recmail import __version__
from recmail.deliver.esp.http_door import Door
from recmail.errors import AccountRefused, OutcomeUnknown, TemporaryFailure
from tests.deliver.esp.contract_http import SECRET
from tests.http_servers import Fault, HttpServer, Reply
from tests.servers import CERTIFICATES, unused_port

OK = Reply(200, b"{}")


def door(url: str) -> Door:
    login = {"Authorization": f"Bearer {SECRET}"}
    return Door(url, headers=login, secret=SECRET, read_timeout_s=30, is_local=True)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda _request: OK).running() as server:
        yield server


def test_a_server_that_cannot_prove_who_it_is_gets_no_key() -> None:
    with (
        HttpServer(lambda _request: OK, certificate=CERTIFICATES / "localhost.pem").running() as server,
        closing(door(server.url)) as one,
        pytest.raises(AccountRefused, match="its certificate is not valid"),
    ):
        one.post("/send", b"{}", {})
    assert server.exchanges == []


def test_a_redirect_is_not_followed(server: HttpServer) -> None:
    elsewhere = HttpServer(lambda _request: Reply(307, b"", {"Location": server.url}))
    with elsewhere.running(), closing(door(elsewhere.url)) as one:
        assert one.post("/send", b"{}", {}).status == 307
    assert server.exchanges == []


def test_a_key_that_a_server_repeats_is_kept_out_of_what_is_said(server: HttpServer) -> None:
    server.answer = lambda _request: Reply(403, f"no such key: {SECRET}".encode())
    with closing(door(server.url)) as one:
        answer = one.get("/")
    assert str(answer).endswith("answered 403: no such key: (hidden)")
    assert SECRET not in repr(answer)


def test_it_says_who_asks(server: HttpServer) -> None:
    with closing(door(server.url)) as one:
        one.get("/")
    (exchange,) = server.exchanges
    assert exchange.request.headers["user-agent"] == f"recmail/{__version__}"


def test_a_question_without_an_answer_is_asked_again_another_time(server: HttpServer) -> None:
    server.fault = lambda _head: Fault.CUT_AFTER
    with closing(door(server.url)) as one:
        with pytest.raises(TemporaryFailure):
            one.get("/")
        with pytest.raises(OutcomeUnknown):
            one.post("/", b"{}", {})


def test_whether_somebody_answers_is_known(server: HttpServer) -> None:
    with closing(door(server.url)) as one:
        assert not one.reached
        one.get("/")
        assert one.reached
    with closing(door(f"http://127.0.0.1:{unused_port()}")) as nobody:
        with pytest.raises(TemporaryFailure, match="cannot reach"):
            nobody.get("/")
        assert not nobody.reached


def test_many_threads_share_it(server: HttpServer) -> None:
    together = threading.Barrier(8)

    def answer(_request: object) -> Reply:
        together.wait(30)  # all of them are asking at the same time
        return OK

    server.answer = answer
    with closing(door(server.url)) as one:
        threads = [threading.Thread(target=one.post, args=("/", b"{}", {})) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(server.exchanges) == 8
