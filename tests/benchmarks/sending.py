"""How fast messages leave, beside the standard library's client, on loopback.

    python tests/benchmarks/sending.py                     # every row, about a minute
    python tests/benchmarks/sending.py --only round_trip   # one of them

A row is a function below and compares two ways of doing the same: they take turns, round after round, and
the middle one of the rounds' ratios counts, so that a busy machine harms both. "CPU" is the same ratio of
what the clients computed for a message, whatever they waited for. The server is postfix's smtp-sink if it is
installed, else one of our own.
"""

from __future__ import annotations

import argparse
import smtplib
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from delay import delayed
from messages import BRAND, SUBJECT, TEMPLATES, headers, people
from receiver import HOST, Receiver, receiver

from recmail.deliver.esp.smtp import Smtp
from recmail.records import Outgoing
from recmail.render.brand import branded
from recmail.render.bundle import load_bundle
from recmail.render.email import Renderer
from recmail.render.mime import build_mime

COURSES = 8  # in an email; they make 40 KB
ONE_WAY_S = 0.025
Send = Callable[[Outgoing], object]


@dataclass(frozen=True)
class Speed:
    """What one round found: messages a second, and CPU seconds of the client for each."""

    per_second: float
    cpu_s: float


@dataclass(frozen=True)
class Row:
    """What one comparison found.

    Attributes:
        theirs, ours: one of each round.
        asked: how many times theirs ours has to be; None for a row that only informs.
    """

    what: str
    baseline: str
    theirs: Sequence[Speed]
    ours: Sequence[Speed]
    asked: float | None

    def __str__(self) -> str:
        rounds = list(zip(self.theirs, self.ours, strict=True))
        times = statistics.median(ours.per_second / theirs.per_second for theirs, ours in rounds)
        cpu = statistics.median(theirs.cpu_s / ours.cpu_s for theirs, ours in rounds)
        rates = [statistics.median(one.per_second for one in side) for side in (self.theirs, self.ours)]
        asked = "" if self.asked is None else f"{self.asked:.1f}"
        what = f"{self.what}, against {self.baseline}"
        return f"{what:<78}{rates[0]:>8,.0f}{rates[1]:>8,.0f}{times:>7.2f}{asked:>7}{cpu:>7.2f}"


# --- what is sent, and by whom --------------------------------------------------------------------


def ready_made(count: int) -> list[Outgoing]:
    """Finished messages, as the weekly template gives them."""
    renderer = Renderer(
        branded(load_bundle(TEMPLATES), BRAND), template="weekly", subject=SUBJECT, preheader=None
    )
    made = []
    for number, context in enumerate(people(count, COURSES, 240)):
        email, about = renderer.render(context, user_id="u"), headers(number)
        mime = build_mime(email, headers=about)
        made.append(Outgoing(about.from_[1], about.to[1], mime, about.message_id, email.subject))
    return made


@contextmanager
def standard_client(port: int) -> Iterator[Send]:
    """One connection of smtplib, used again for every message."""
    with smtplib.SMTP(HOST, port) as connection:
        yield lambda one: connection.sendmail(one.sender, [one.recipient], one.mime)


@contextmanager
def our_client(port: int) -> Iterator[Send]:
    """One connection of the provider `smtp`."""
    connection = Smtp(host=HOST, port=port, tls="none").connect()
    yield connection.send
    connection.close()


Client = Callable[[int], AbstractContextManager[Send]]


def speed(client: Client, port: int, messages: Sequence[Outgoing], *, connections: int) -> Speed:
    """Send everything over so many connections, a thread each; measured from when all are connected."""
    together = threading.Barrier(connections + 1)
    failed: list[BaseException] = []

    def work(share: Sequence[Outgoing]) -> None:
        try:
            with client(port) as send:
                together.wait()
                for one in share:
                    send(one)
                together.wait()
        except BaseException as error:
            failed.append(error)
            together.abort()

    shares = [messages[at::connections] for at in range(connections)]
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    try:
        together.wait()
        began_s, cpu_s = time.perf_counter(), time.process_time()
        together.wait()
        took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    except threading.BrokenBarrierError:
        raise SystemExit(f"a client failed: {failed[0]!r}") from None
    for thread in threads:
        thread.join()
    return Speed(len(messages) / took_s, cpu_s / len(messages))


def in_turns(
    rounds: int, theirs: Callable[[], Speed], ours: Callable[[], Speed]
) -> tuple[list[Speed], list[Speed]]:
    """Both, round after round."""
    found = [(theirs(), ours()) for _ in range(rounds)]
    return [one for one, _ in found], [one for _, one in found]


# --- rows -----------------------------------------------------------------------------------------


def one_connection(server: Receiver, rounds: int) -> Row:
    """Ready-made messages, one connection each; half of the time goes to the server, which both wait for."""
    return _on_loopback("client alone, 1 connection", server, rounds, connections=1, asked=None)


def client_alone(server: Receiver, rounds: int) -> Row:
    """Ready-made messages through a few of our connections, as a worker has them."""
    return _on_loopback("client alone, 4 connections", server, rounds, connections=4, asked=2.0)


def _on_loopback(what: str, server: Receiver, rounds: int, *, connections: int, asked: float | None) -> Row:
    messages = ready_made(600)
    theirs, ours = in_turns(
        rounds,
        lambda: speed(standard_client, server.port, messages, connections=1),
        lambda: speed(our_client, server.port, messages, connections=connections),
    )
    return Row(what, "one reused smtplib connection", theirs, ours, asked)


def round_trip(server: Receiver, rounds: int) -> Row:
    """The same over a road of 25 ms each way, with as many connections on either side."""
    messages = ready_made(32 * 20)
    with delayed(server.port, each_way_s=ONE_WAY_S) as port:
        theirs, ours = in_turns(
            rounds,
            lambda: speed(standard_client, port, messages, connections=32),
            lambda: speed(our_client, port, messages, connections=32),
        )
    return Row("50 ms round trip, 32 connections", "32 smtplib threads", theirs, ours, 1.7)


ROWS: tuple[Callable[[Receiver, int], Row], ...] = (one_connection, client_alone, round_trip)


def main() -> None:
    """Measure the chosen rows and print a table."""
    names = [row.__name__ for row in ROWS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with receiver() as server:
        rows = [row(server, chosen.rounds) for row in ROWS if row.__name__ in chosen.only]
        title = f"messages of 40 KB a second; {server.name}"
        print(f"{title:<78}{'theirs':>8}{'ours':>8}{'times':>7}{'asked':>7}{'CPU':>7}")
        for row in rows:
            print(row)


if __name__ == "__main__":
    main()
