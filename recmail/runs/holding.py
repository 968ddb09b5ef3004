"""Holding a lease while something is done that takes longer: a thread pushes it forward until it is done."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.leases import LEASE, drop_lease, take_lease
from recmail.errors import StorageError


def new_holder() -> str:
    """A name for one who holds leases, unlike any other's; a person can find the process by it."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


@contextmanager
def holding(
    engine: sa.Engine, name: str, *, holder: str | None = None, lease: timedelta = LEASE
) -> Iterator[bool]:
    """Hold a lease until the block ends; False, and nothing is held, while another has it.

    Args:
        holder: who may have taken it already.
    """
    holder = holder or new_holder()
    with writing(engine) as connection:
        is_ours = take_lease(connection, name, holder, lease)
    if not is_ours:
        yield False
        return
    done = threading.Event()
    pusher = threading.Thread(
        target=_push, args=(engine, name, holder, lease, done), name="lease", daemon=True
    )
    pusher.start()
    try:
        yield True
    finally:
        done.set()
        pusher.join()
        with suppress(StorageError), writing(engine) as connection:  # else it runs out
            drop_lease(connection, name, holder)


def _push(engine: sa.Engine, name: str, holder: str, lease: timedelta, done: threading.Event) -> None:
    while not done.wait(lease.total_seconds() / 4):
        with suppress(StorageError), writing(engine) as connection:  # the next push may work
            take_lease(connection, name, holder, lease)
