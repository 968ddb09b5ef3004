"""The whole worker over SMTP with its ledger, beside one connection of the standard library without any.

    python tests/benchmarks/worker.py [--people 20000] [--connections 32] [--rounds 3]

Ready-made messages of 40 KB to smtp-sink on loopback (README.md: the server). The worker claims, commits
intents with every predicate on (the people of ledger.py), sends and records on SQLite with full sync; the
client sends a quarter as many messages over one connection that is used again. They take turns.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ledger import DAY, NOW, RUN, prepare
from receiver import HOST, receiver
from sending import ready_made, speed, standard_client

from recmail.db.connect import connect
from recmail.deliver.clock import Clock
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.worker import WorkerOptions, work
from recmail.records import Claim, Outgoing
from tests.ledgers import TOPIC

DIFFERENT = 500


def main() -> None:
    """Measure both in turns and print each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    messages = ready_made(DIFFERENT)
    with receiver() as server:
        for _ in range(asked.rounds):
            few = [messages[at % DIFFERENT] for at in range(asked.people // 4)]
            client_s = speed(standard_client, server.port, few, connections=1).per_second
            worker_s = worker(server.port, messages, asked.people, asked.connections)
            print(
                f"smtplib, one connection {client_s:8,.0f}/s; the worker {worker_s:8,.0f}/s:"
                f" {worker_s / client_s:.2f} times",
                flush=True,
            )


def worker(port: int, messages: Sequence[Outgoing], people: int, connections: int) -> float:
    """Send to everybody; return messages a second."""

    def write(claims: Sequence[Claim]) -> list[Outgoing]:
        return [
            replace(messages[claim.user_no % DIFFERENT], recipient=claim.email, message_id=claim.message_id)
            for claim in claims
        ]

    options = WorkerOptions(
        run_nos=(RUN,),
        topics={RUN: TOPIC},
        connections=connections,
        cap=(10, 7 * DAY),
        sending_lease=timedelta(minutes=11),
        patience=timedelta(0),
    )
    smtp = Smtp(host=HOST, port=port, tls="none", connections=connections)
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/recmail.db")
        prepare(engine, people)
        began_s = time.perf_counter()
        summary = work(engine, smtp, write, options=options, clock=Clock(NOW), stop=threading.Event())
        took_s = time.perf_counter() - began_s
        engine.dispose()
    if summary.sent != people:
        raise SystemExit(f"{summary.sent} of {people} were sent")
    return people / took_s


if __name__ == "__main__":
    main()
