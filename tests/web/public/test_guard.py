"""What every answer carries, and what is not answered: too much, too often, and what is a bug."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response

from recmail.runs.news import News
from recmail.runs.project import Project
from recmail.web.public import guard, unsubscribe
from recmail.web.public.door import Door
from recmail.web.public.limits import Limit, Limits, network_of
from tests.web.public.conftest import Path_, client_of, words
from tests.web.public.visiting import Visiting


@dataclass
class Seconds:
    """A clock that is set."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize("path", ["/u/x", "/nothing/here", "/healthz", "/own", "/style.css"])
def test_every_answer_is_closed_to_scripts_frames_referers_and_search(client: Visiting, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "noindex" in headers["x-robots-tag"]
    assert not {"set-cookie", "server"} & set(headers)


def test_pages_are_kept_by_nobody_and_hold_no_script(client: Visiting, link: Path_) -> None:
    for purpose in ("unsubscribe", "preferences", "why"):
        page = client.get(link(purpose))
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text
        assert "style=" not in page.text


def test_a_body_is_read_as_far_as_it_may_be_long(client: Visiting, link: Path_) -> None:
    def without_a_length() -> object:
        async def parts() -> object:
            for _ in range(5):
                yield b"x" * 4_096

        return parts()

    assert client.post(link("unsubscribe"), content=b"x" * 16_384).status_code == 200
    assert client.post(link("unsubscribe"), content=b"x" * 16_385).status_code == 413
    assert client.post(link("unsubscribe"), content=without_a_length()).status_code == 413


@pytest.mark.parametrize("patience_s", [0.0, 20.0])
def test_a_body_that_does_not_come_is_not_waited_for(
    client: Visiting, link: Path_, project: Project, monkeypatch: pytest.MonkeyPatch, patience_s: float
) -> None:
    monkeypatch.setattr(guard, "_PATIENCE_S", patience_s)

    async def slow() -> AsyncIterator[bytes]:
        yield b"List-Unsubscribe="
        if not patience_s:
            await anyio.sleep_forever()
        yield b"One-Click"

    answer = client.post(link("unsubscribe"), content=slow())
    assert answer.status_code == (200 if patience_s else 408)
    assert (answer.headers.get("connection") == "close") == (not patience_s)
    assert len(words(project)) == bool(patience_s)


@pytest.mark.parametrize("host", ["[", "evil.example/webhooks/x?", '"><script>'])
def test_what_a_visitor_calls_us_changes_nothing(client: Visiting, link: Path_, host: str) -> None:
    answer = client.post(link("unsubscribe"), content=b"x" * 16_385, headers={"host": host})
    assert answer.status_code == 413
    assert client.get(link("unsubscribe"), headers={"host": host}).status_code == 200


def test_guessing_has_an_end_and_good_links_have_none_for_an_address(door: Door, link: Path_) -> None:
    clock = Seconds()
    limited = client_of(replace(door, limits=Limits(guesses=Limit(3, clock), visits=Limit(5, clock))))
    assert [limited.get("/u/x").status_code for _ in range(5)] == [404, 404, 404, 429, 429]
    assert limited.get("/u/x").headers["retry-after"] == "60"
    # One mailbox provider unsubscribes everybody from the same few addresses.
    assert limited.post(link("unsubscribe")).status_code == 200
    clock.now_s += 20
    assert [limited.get("/u/x").status_code for _ in range(2)] == [404, 429]


def test_one_link_may_be_used_so_often_a_minute(door: Door, link: Path_) -> None:
    limited = client_of(replace(door, limits=Limits(visits=Limit(2, Seconds()))))
    answers = [limited.get(link("unsubscribe")).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert limited.get(link("unsubscribe", 1)).status_code == 200


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    limit = Limit(1, Seconds(), most=100)
    for number in range(1_000):
        assert limit.take(str(number))
    assert len(limit) == 100
    assert not limit.take("999")


def test_an_address_is_a_network_for_ipv6_and_nothing_for_this_machine() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") == network_of("::ffff:192.0.2.1") != network_of("::ffff:192.0.2.2")
    here = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "testclient", None]
    assert [network_of(host) for host in here] == [None] * len(here)


def test_a_bug_is_said_by_its_place_and_never_by_what_it_had_in_hand(
    door: Door, told: list[News], link: Path_, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: Request) -> Response:
        raise KeyError("ana@example.org")

    monkeypatch.setattr(unsubscribe, "ask", broken)
    page = client_of(door).get(link("unsubscribe"))
    assert (page.status_code, "Something went wrong" in page.text) == (500, True)
    assert "content-security-policy" in page.headers
    [news] = told
    assert news.text.startswith("GET /u/…: KeyError in ")
    assert "ana@" not in news.text
    assert link("unsubscribe")[3:] not in news.text
