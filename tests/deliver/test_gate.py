"""Opening connections: one try at a time while the provider is away, and a clear end to that."""

from __future__ import annotations

import threading

import pytest

from recmail.deliver.gate import Gate
from recmail.errors import TemporaryFailure
from recmail.records import Outgoing


class Connection:
    """What a gate gives out here."""

    def send(self, message: Outgoing) -> str:
        return message.message_id

    def close(self) -> None:
        return


class Door:
    """Opens as often as it is told, and counts."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)
        self.tried = 0

    def __call__(self) -> Connection:
        self.tried += 1
        if not self.answers.pop(0):
            raise TemporaryFailure("nobody there")
        return Connection()


def opened(gate: Gate) -> list[bool]:
    """What three callers in a row get, each waiting as long as it makes sense."""
    found = []
    for _ in range(3):
        gate.wait()
        found.append(gate.open() is not None)
    return found


def test_after_a_failure_the_next_try_waits() -> None:
    door = Door(False, True)
    gate = Gate(door, tries=5, wait_s=60)
    assert gate.open() is None
    assert gate.open() is None
    assert door.tried == 1


def test_when_the_wait_is_over_it_is_tried_again() -> None:
    gate = Gate(Door(False, False, True), tries=5, wait_s=0.001)
    assert opened(gate) == [False, False, True]


def test_after_all_tries_the_provider_is_down() -> None:
    gate = Gate(Door(False, False, False), tries=3, wait_s=0.001)
    assert gate.open() is None
    gate.wait()
    assert gate.open() is None
    gate.wait()
    with pytest.raises(TemporaryFailure, match=r"nobody there \(3 tries\)"):
        gate.open()


def test_a_success_forgets_the_failures() -> None:
    gate = Gate(Door(False, False, True, False, False, True), tries=3, wait_s=0.001)
    assert opened(gate) == [False, False, True]
    gate.left()
    assert opened(gate) == [False, False, True]


def test_with_a_connection_open_the_provider_is_never_down() -> None:
    gate = Gate(Door(True, *[False] * 6), tries=3, wait_s=0.0001)
    assert gate.open() is not None
    for _ in range(5):
        gate.wait()
        assert gate.open() is None


def test_failures_of_one_moment_count_once() -> None:
    both = threading.Barrier(2)
    counted = []

    def door() -> Connection:
        both.wait()
        raise TemporaryFailure("nobody there")

    gate = Gate(door, tries=2, wait_s=60)
    threads = [threading.Thread(target=lambda: counted.append(gate.open())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted == [None, None]


def test_closing_wakes_who_waits() -> None:
    gate = Gate(Door(False, True), tries=5, wait_s=3_600)
    assert gate.open() is None
    waiting = threading.Thread(target=gate.wait)
    waiting.start()
    gate.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert gate.open() is None
