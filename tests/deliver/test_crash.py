"""A worker killed at each point of its life: nobody lost, nobody twice, and hardly anybody unclear."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.account import account
from recmail.db.connect import connect, reading, writing
from recmail.db.migrate import upgrade
from recmail.db.tables import ledger
from recmail.deliver.clock import Clock
from recmail.deliver.crash import MESSAGE_POINTS, ROUND_POINTS, VARIABLE
from recmail.deliver.esp import EspOptions
from recmail.deliver.esp.files import Files
from recmail.deliver.esp.postmark import Postmark
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.worker import WorkerOptions, work
from recmail.records import Claim, Outgoing
from recmail.settings import Secret
from tests.http_servers import HttpServer, Reply, Request
from tests.ledgers import TOPIC, add_people, add_run, standing
from tests.servers import HOST, SmtpServer
from tests.workers import each

PEOPLE, CONNECTIONS = 30, 4
LINES = 400  # a body of 30 KB leaves in several pieces


def write(claimed: Claim) -> Outgoing:
    """A message with a last line, by which a whole one is told."""
    body = "x" * 70 + "\r\n"
    mime = f"Subject: Hi\r\nTo: {claimed.email}\r\n\r\n{body * LINES}the last line\r\n"
    return Outgoing("learn@acme.example", claimed.email or "", mime.encode(), claimed.message_id, "Hi")


def send(database_url: str, provider: EspOptions, now: datetime) -> int:
    """One worker's life."""
    options = WorkerOptions(
        run_nos=(1,),
        topics={1: TOPIC},
        connections=CONNECTIONS,
        cap=(10, timedelta(days=7)),
        sending_lease=timedelta(minutes=11),
        patience=timedelta(0),
    )
    engine = connect(database_url)
    summary = work(engine, provider, each(write), options=options, clock=Clock(now), stop=threading.Event())
    engine.dispose()
    return summary.sent


def provider_of(kind: str, where: str) -> EspOptions:
    if kind == "postmark":
        return Postmark(api_key=Secret("env:POSTMARK_TOKEN", Path()), base_url=where)
    return Files(folder=Path(where)) if kind == "files" else Smtp(host=HOST, port=int(where), tls="none")


def killed(database_url: str, kind: str, where: str, now: datetime, point: str) -> None:
    """Run a worker in a process of its own, until it kills itself at the point."""
    program = (
        "import sys\nfrom datetime import datetime\nfrom tests.deliver.test_crash import provider_of, send\n"
        "send(sys.argv[1], provider_of(sys.argv[2], sys.argv[3]), datetime.fromisoformat(sys.argv[4]))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, database_url, kind, where, now.isoformat()],
        cwd=root,
        env={**os.environ, VARIABLE: point, "PYTHONPATH": str(root)},
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, f"the worker ended with {done.returncode} instead"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite: research/ledger.md's kills went the same way on both, and each of these starts a process."""
    return f"sqlite:///{tmp_path / 'recmail.db'}"


@pytest.fixture
def engine(database_url: str, now: datetime) -> sa.Engine:
    """A run for thirty people."""
    engine = connect(database_url)
    upgrade(engine)
    add_people(engine, now, PEOPLE)
    add_run(engine, 1, now, people=range(PEOPLE))
    return engine


def check_after_a_kill(
    engine: sa.Engine, now: datetime, resume: Callable[[], int], arrived: Callable[[], Mapping[str, int]]
) -> None:
    """Let every lease run out, resume, and compare the ledger with what arrived."""
    before = standing(engine)
    assert before.count("planned") + before.count("claimed") > 0, "nothing was left to send: a kill too late"
    with writing(engine) as connection:
        leased = ledger.c.state.in_(["claimed", "sending"])
        connection.execute(sa.update(ledger).where(leased).values(next_at=now - timedelta(days=365)))
    resume()
    after = standing(engine)
    unclear = [user_no for user_no, state in enumerate(after) if state == "unknown"]
    assert after.count("sent") + len(unclear) == PEOPLE
    assert len(unclear) <= CONNECTIONS
    got = arrived()
    assert max(got.values()) == 1, "somebody got two"
    for user_no, state in enumerate(after):
        if state == "sent":
            assert got[f"u{user_no}@example.org"] == 1, "sent, and nothing arrived"
    with reading(engine) as connection:
        assert account(connection, 1).adds_up


@pytest.mark.parametrize("point", [*ROUND_POINTS, *MESSAGE_POINTS])
def test_a_kill_loses_nobody_and_mails_nobody_twice(
    engine: sa.Engine, database_url: str, now: datetime, point: str
) -> None:
    server = SmtpServer()
    with server.running():
        where = str(server.port)
        killed(database_url, "smtp", where, now, f"{point}:{2 if point in ROUND_POINTS else 7}")

        def arrived() -> Mapping[str, int]:
            bodies = server.bodies()
            assert all(body.endswith(b"the last line\r\n") for found in bodies.values() for body in found)
            return {address: len(found) for address, found in bodies.items()}

        check_after_a_kill(engine, now, lambda: send(database_url, provider_of("smtp", where), now), arrived)


@pytest.mark.parametrize("point", MESSAGE_POINTS)
def test_a_kill_leaves_no_half_email_in_the_maildir(
    engine: sa.Engine, database_url: str, now: datetime, tmp_path: Path, point: str
) -> None:
    outbox = tmp_path / "outbox"
    killed(database_url, "files", str(outbox), now, f"{point}:7")

    def arrived() -> Mapping[str, int]:
        found: dict[str, int] = {}
        for path in (outbox / "new").iterdir():
            text = path.read_text()
            assert text.endswith("the last line\n")
            address = text.split("To: ")[1].split("\n")[0]
            found[address] = found.get(address, 0) + 1
        return found

    check_after_a_kill(
        engine, now, lambda: send(database_url, provider_of("files", str(outbox)), now), arrived
    )


def test_without_the_variable_no_point_kills(engine: sa.Engine, database_url: str, now: datetime) -> None:
    with SmtpServer().running() as server:
        assert send(database_url, provider_of("smtp", str(server.port)), now) == PEOPLE
    assert standing(engine) == ["sent"] * PEOPLE


@pytest.mark.parametrize("point", ["before-body", "after-body"])
def test_a_kill_amid_a_request_of_many_leaves_one_unclear_for_each_connection(
    engine: sa.Engine, database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setenv("POSTMARK_TOKEN", "not-a-real-token")
    got: Counter[str] = Counter()

    def answer(request: Request) -> Reply:
        to = [one["To"] for one in json.loads(request.body or b"[]")]
        got.update(to)
        said = [{"ErrorCode": 0, "MessageID": f"id of {address}"} for address in to]
        return Reply(200, json.dumps(said).encode())

    with HttpServer(answer).running() as server:
        killed(database_url, "postmark", server.url, now, f"{point}:3")
        provider = provider_of("postmark", server.url)
        check_after_a_kill(engine, now, lambda: send(database_url, provider, now), lambda: got)
