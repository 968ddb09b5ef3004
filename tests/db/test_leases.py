"""A lease has one holder until it runs out, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.leases import drop_lease, held_leases, is_held, take_lease
from recmail.runs.holding import holding

OVER = timedelta(seconds=-1)


def take(database: sa.Engine, holder: str, lease: timedelta = timedelta(hours=1)) -> bool:
    with writing(database) as connection:
        return take_lease(connection, "plan", holder, lease)


def test_only_its_holder_may_push_a_lease_forward(database: sa.Engine) -> None:
    assert take(database, "ana")
    assert not take(database, "ben")
    assert take(database, "ana")
    with writing(database) as connection:
        drop_lease(connection, "plan", "ben")
    assert not take(database, "ben")
    with writing(database) as connection:
        drop_lease(connection, "plan", "ana")
    assert take(database, "ben")


def test_a_lease_that_ran_out_goes_to_whoever_asks(database: sa.Engine) -> None:
    assert take(database, "ana", OVER)
    with reading(database) as connection:
        assert not is_held(connection, "plan")
    assert take(database, "ben")
    assert not take(database, "ana")


def test_names_are_compared_letter_by_letter(database: sa.Engine) -> None:
    with writing(database) as connection:
        for name in ("sender a", "senders", "send_r b"):
            take_lease(connection, name, "ana", timedelta(hours=1))
        take_lease(connection, "sender over", "ana", OVER)
        assert held_leases(connection, "sender ") == ["sender a"]
        assert held_leases(connection, "send_r") == ["send_r b"]


def test_of_many_at_once_one_gets_it(database: sa.Engine) -> None:
    together = threading.Barrier(8)

    def ask(number: int) -> bool:
        together.wait()
        return take(database, f"holder {number}")

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == 1


def test_a_lease_that_is_held_outlives_its_first_length(database: sa.Engine) -> None:
    with holding(database, "plan", lease=timedelta(milliseconds=40)) as is_ours:
        assert is_ours
        pushed = threading.Event()
        for _ in range(100):  # until the pusher has pushed it past what was first written
            with reading(database) as connection:
                until = connection.scalar(sa.text("SELECT until FROM leases"))
            if not pushed.is_set():
                first = until
                pushed.set()
            elif until != first:
                break
            threading.Event().wait(0.01)
        assert until != first
    with reading(database) as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM leases")) == 0


def test_who_does_not_get_a_lease_takes_it_from_nobody(database: sa.Engine) -> None:
    assert take(database, "ana")
    with holding(database, "plan") as is_ours:
        assert not is_ours
    with reading(database) as connection:
        assert is_held(connection, "plan")
