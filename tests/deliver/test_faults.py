"""Whatever breaks, and at whichever word: the right state for everybody, nobody lost, nobody twice.

postfix's smtp-sink refuses (-r for now, -f for good), hangs up without a word (-q) or with one (-Q), at each
command of a conversation; then the server is mended and the same run goes on.
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, reading, writing
from recmail.db.runs import find_run
from recmail.db.tables import ledger
from recmail.deliver.esp.smtp import Smtp
from recmail.errors import StorageError
from recmail.records import RunState
from tests.ledgers import DAY, add_people, add_run, set_run, standing
from tests.servers import HOST, SMTP_SINK, SmtpServer, smtp_sink_mailbox
from tests.workers import adds_up, send

PEOPLE = 4
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it is the worker that is tried
needs_sink = pytest.mark.skipif(SMTP_SINK is None, reason="needs smtp-sink: apt-get install postfix")
PAUSED = "paused: planned"

REFUSED_FOR_NOW, REFUSED, HANGS_UP, SAYS_421 = "-r", "-f", "-q", "-Q"
FAULTS = {
    # Without EHLO there is HELO; both gone, there is no server.
    (REFUSED_FOR_NOW, "CONNECT"): PAUSED,
    (REFUSED_FOR_NOW, "EHLO"): "sent",
    (REFUSED_FOR_NOW, "MAIL"): "planned",
    (REFUSED_FOR_NOW, "RCPT"): "planned",
    (REFUSED_FOR_NOW, "DATA"): "planned",
    (REFUSED_FOR_NOW, "."): "planned",
    (REFUSED, "CONNECT"): PAUSED,
    (REFUSED, "EHLO"): "sent",
    (REFUSED, "MAIL"): PAUSED,  # our address is refused, not theirs
    (REFUSED, "RCPT"): "failed: refused_recipient",
    (REFUSED, "DATA"): "failed: refused_message",
    (REFUSED, "."): "failed: refused_message",
    (HANGS_UP, "CONNECT"): PAUSED,
    (HANGS_UP, "EHLO"): PAUSED,
    (HANGS_UP, "MAIL"): "planned",
    (HANGS_UP, "RCPT"): "planned",
    (HANGS_UP, "DATA"): "planned",
    (HANGS_UP, "."): "unknown",
    (SAYS_421, "CONNECT"): PAUSED,
    (SAYS_421, "EHLO"): PAUSED,
    (SAYS_421, "MAIL"): "planned",
    (SAYS_421, "RCPT"): "planned",
    (SAYS_421, "DATA"): "planned",
    (SAYS_421, "."): "planned",
}


def arrived(mailbox: Path) -> Counter[bytes]:
    """By address, in smtp-sink's own record."""
    text = mailbox.read_bytes() if mailbox.exists() else b""
    return Counter(re.findall(rb"^X-Rcpt-Args: <(.+?)>", text, re.MULTILINE))


def stands(engine: sa.Engine) -> set[str]:
    """Where people stand, and whether their run is paused."""
    with reading(engine) as connection:
        before = "paused: " if find_run(connection, 1)["state"] == RunState.PAUSED else ""
    return {f"{before}{state}" for state in standing(engine)}


def plan(engine: sa.Engine, now: datetime, people: int = PEOPLE) -> None:
    add_people(engine, now, people)
    add_run(engine, 1, now, people=range(people))


@sqlite
@needs_sink
@pytest.mark.parametrize(("fault", "expected"), FAULTS.items(), ids=map(" ".join, FAULTS))
def test_a_fault_of_the_server_at_each_word(
    database: sa.Engine, now: datetime, fault: tuple[str, str], expected: str
) -> None:
    plan(database, now)
    with smtp_sink_mailbox(*fault) as (port, mailbox):
        send(database, Smtp(host=HOST, port=port, tls="none"), now)
        # It also keeps what it then refuses.
        got = arrived(mailbox) if expected in ("sent", "unknown") else Counter[bytes]()
    assert stands(database) == {expected}
    assert adds_up(database)
    goes_on(database, now, got, settled=expected.startswith(("failed", "unknown")))


@sqlite
@needs_sink
def test_a_server_that_stops_listening_to_the_message(database: sa.Engine, now: datetime) -> None:
    plan(database, now)
    with smtp_sink_mailbox("-A", "0") as (port, mailbox):
        send(database, Smtp(host=HOST, port=port, tls="none"), now)
        got = arrived(mailbox)
    # What is heard of it depends on which packet comes first: the 550, or the end of the connection.
    assert stands(database) <= {"planned", "failed: refused_message", "unknown"}
    assert adds_up(database)
    assert not got


def goes_on(engine: sa.Engine, now: datetime, got: Counter[bytes], *, settled: bool) -> None:
    """The server is mended: whoever waits gets one email, and whoever is settled none."""
    set_run(engine, 1, RunState.SENDING)
    with smtp_sink_mailbox() as (port, mailbox):
        send(engine, Smtp(host=HOST, port=port, tls="none"), now + DAY)
        got += arrived(mailbox)
    if not settled:
        assert standing(engine) == ["sent"] * PEOPLE
        assert sorted(got.values()) == [1] * PEOPLE
    assert set(got.values()) <= {1}
    assert adds_up(engine)


def leases_run_out(engine: sa.Engine, now: datetime) -> None:
    with writing(engine) as connection:
        leased = ledger.c.state.in_(["claimed", "sending"])
        connection.execute(sa.update(ledger).where(leased).values(next_at=now - 365 * DAY))


@sqlite
def test_a_name_that_cannot_be_looked_up_pauses_the_run(
    database: sa.Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(database, now)

    def no_answer(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_answer)
    smtp = Smtp(host="smtp.acme.example", port=587, tls="starttls")
    summary = send(database, smtp, now)
    assert "Temporary failure in name resolution" in (summary.paused or "")
    assert stands(database) == {PAUSED}


@sqlite
def test_a_full_disk_ends_the_worker_and_loses_nobody(
    database: sa.Engine, database_url: str, now: datetime
) -> None:
    people = 60
    plan(database, now, people)
    full = connect(database_url)

    @sa.event.listens_for(full, "connect")
    def _fill(driver: Any, _record: Any) -> None:
        driver.execute("PRAGMA max_page_count = 1")  # as many as there are: the file cannot grow

    server = SmtpServer()
    with server.running():
        smtp = Smtp(host=HOST, port=server.port, tls="none")
        with pytest.raises(StorageError, match="make room"):
            send(full, smtp, now)
        full.dispose()
        assert "planned" in standing(database), "nothing was left to lose"
        leases_run_out(database, now)
        send(database, smtp, now)
    found = Counter(standing(database))
    assert found["sent"] + found["unknown"] == people
    assert found["unknown"] <= 3
    assert adds_up(database)
    assert set(map(len, server.bodies().values())) == {1}


CLOCKS: dict[str, Callable[[datetime], datetime]] = {
    "back": lambda now: now - timedelta(hours=3),
    "forward": lambda now: now + timedelta(hours=3),
}


@pytest.mark.parametrize("moved", CLOCKS)
def test_a_clock_that_was_moved_between_two_tries_loses_nobody(
    database: sa.Engine, now: datetime, moved: str
) -> None:
    plan(database, now, 6)
    later = "450 4.2.0 later"
    server = SmtpServer(answers={"RCPT": ["", "", later, later, ""]})
    with server.running():
        smtp = Smtp(host=HOST, port=server.port, tls="none")
        assert send(database, smtp, now, connections=1).sent == 4
        send(database, smtp, CLOCKS[moved](now), connections=1)
        assert set(standing(database)) <= {"sent", "planned"}
        # The clock is right again, and a day has passed.
        send(database, smtp, now + DAY, connections=1)
    assert standing(database) == ["sent"] * 6
    assert sorted(map(len, server.bodies().values())) == [1] * 6
