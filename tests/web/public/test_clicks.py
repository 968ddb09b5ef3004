"""Tracked links lead on at once, whatever becomes of the record."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from starlette.applications import Starlette

from recmail.db.connect import connect, reading
from recmail.db.tables import events
from recmail.deliver.clock import Clock
from recmail.errors import StorageError
from recmail.feedback.tracked_links import OPENED, link_token
from recmail.tokens import Signer, sign
from recmail.web.public import clicks
from tests.feedback.test_clicks import agree
from tests.ledgers import DAY, add_people, add_run, set_rows

KEY, OLDER = b"k" * 32, b"o" * 32
URL = "https://learn.acme.example/sql?utm_source=recmail&a='%C3%A9"
PERSON = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}


def ask(engine: sa.Engine, now: datetime, *paths: str, method: str = "GET") -> list[httpx.Response]:
    """Ask for each, one after the other; what is left to do after an answer is done."""
    app = Starlette(routes=clicks.routes(engine, KEY, Clock(now), older=[OLDER]))

    async def each() -> list[httpx.Response]:
        transport, base = httpx.ASGITransport(app), "https://mail.acme.example"
        async with httpx.AsyncClient(transport=transport, base_url=base, headers=PERSON) as client:
            return [await client.request(method, path) for path in paths]

    return asyncio.run(each())


def path(key: bytes = KEY) -> str:
    return f"/c/{link_token(Signer(key, 1, 0), 0, URL, None)}"


@pytest.fixture
def engine(database: sa.Engine, now: datetime) -> sa.Engine:
    add_people(database, now, 1)
    add_run(database, 1, now, people=[0])
    set_rows(database, 1, state="sent", intent_at=now - DAY, sent_at=now - DAY)
    agree(database, 0, now - DAY)
    return database


def recorded(engine: sa.Engine) -> list[tuple[str, str | None, bool]]:
    with reading(engine) as connection:
        query = sa.select(events.c.kind, events.c.url, events.c.by_machine).order_by(events.c.event_no)
        return [(row.kind, row.url, row.by_machine) for row in connection.execute(query)]


def test_a_link_leads_on_and_is_recorded(engine: sa.Engine, now: datetime) -> None:
    [answer] = ask(engine, now, path())
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, URL, b"")
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    [later] = ask(engine, now + timedelta(hours=1), path(OLDER))
    assert later.headers["location"] == URL
    assert recorded(engine) == [("clicked", URL, False)] * 2


def test_head_leads_on_and_is_a_machines(engine: sa.Engine, now: datetime) -> None:
    [answer] = ask(engine, now, path(), method="HEAD")
    assert (answer.status_code, answer.headers["location"]) == (302, URL)
    assert recorded(engine) == [("clicked", URL, True)]


def test_a_picture_is_recorded(engine: sa.Engine, now: datetime) -> None:
    [answer] = ask(engine, now, f"/o/{sign(KEY, 1, 0, OPENED)}.gif")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.content.startswith(b"GIF89a\x01\x00\x01\x00")
    assert answer.headers["cache-control"] == "no-store"
    assert recorded(engine) == [("opened", None, False)]


def test_what_is_none_of_ours_is_one_and_the_same_page(engine: sa.Engine, now: datetime) -> None:
    wrong = ["/c/x", path()[:-1], path(b"z" * 32), f"/c/{sign(KEY, 1, 0, 'unsubscribe')}", "/o/x.gif"]
    wrong += [f"/o/{sign(KEY, 1, 0, 'unsubscribe')}.gif", f"/o/{path()[3:]}.gif", "/c/%0d%0aLocation:%20x"]
    answers = ask(engine, now, *wrong)
    assert {(one.status_code, one.text, "location" in one.headers) for one in answers} == {
        (404, "Not Found", False)
    }
    [posted] = ask(engine, now, path(), method="POST")
    assert posted.status_code == 405
    assert recorded(engine) == []


def test_a_database_that_is_gone_keeps_nobody_from_getting_there(
    tmp_path: Path, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    gone = connect(f"sqlite:///{tmp_path / 'no folder' / 'recmail.db'}")
    with caplog.at_level(logging.WARNING):
        [answer] = ask(gone, now, path())
    assert (answer.status_code, answer.headers["location"]) == (302, URL)
    assert [record.getMessage()[:27] for record in caplog.records] == ["a click was not recorded: r"]
    assert path()[3:] not in caplog.text
    assert "acme.example" not in caplog.text


def test_what_is_too_much_to_wait_is_lost_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clicks, "WAITING_AT_MOST", 2)
    done = []

    async def flood() -> None:
        recorder = clicks.Recorder()
        await asyncio.gather(*(recorder.task(lambda: done.append(1))() for _ in range(5)))
        await recorder.task(lambda: done.append(1))()

    with caplog.at_level(logging.WARNING):
        asyncio.run(flood())
    assert len(done) == 2 + 1
    assert [record.getMessage() for record in caplog.records] == [
        "a click was not recorded: 2 wait already"
    ] * 3


def test_a_database_in_trouble_lets_the_next_one_in(caplog: pytest.LogCaptureFixture) -> None:
    done = []

    def fail() -> None:
        raise StorageError("recmail.db: database is locked")

    async def both() -> None:
        recorder = clicks.Recorder()
        await recorder.task(fail)()
        await recorder.task(lambda: done.append(1))()

    asyncio.run(both())
    assert done == [1]
    assert "database is locked" in caplog.text
