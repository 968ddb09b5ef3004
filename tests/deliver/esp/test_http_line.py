"""Threads with one message each: one of them delivers those of all who came meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from recmail.deliver.esp.http_line import Item, Line, Outcome
from recmail.errors import MessageRefused, OutcomeUnknown


class Calls:
    """A provider whose first request takes until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self, items: Sequence[Item]) -> list[Outcome]:
        self.batches.append([item.message_id for item in items])
        self.began.set()
        assert self.may_end.wait(30)
        return [f"id of {item.message_id}" for item in items]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as threads:
        yield threads


def line(call: Callable[[Sequence[Item]], Sequence[Outcome]], **changed: Any) -> Line:
    return Line(call, **{"most": 100, "most_bytes": 1_000, "gather_s": 0.0, "every_s": 0.0} | changed)


def queue_up(threads: ThreadPoolExecutor, one: Line, calls: Calls, count: int) -> list[Future[Outcome]]:
    """One message is on its way, and so many others have come meanwhile, in the order of their numbers."""
    sent = [threads.submit(one.deliver, Item("first", b"1234567890"))]
    assert calls.began.wait(30)
    for number in range(count):
        sent.append(threads.submit(one.deliver, Item(f"{count - number:02}", b"1234567890")))
        while len(one._line) <= number:
            threading.Event().wait(0.001)
    calls.may_end.set()
    return sent


def test_who_comes_while_a_request_is_on_its_way_is_in_the_next(threads: ThreadPoolExecutor) -> None:
    calls = Calls()
    sent = queue_up(threads, line(calls), calls, 30)
    assert sorted(str(one.result(30)) for one in sent)[:2] == ["id of 01", "id of 02"]
    assert calls.batches == [["first"], [f"{number:02}" for number in range(1, 31)]]


def test_a_request_holds_no_more_than_it_may(threads: ThreadPoolExecutor) -> None:
    calls = Calls()
    for one in queue_up(threads, line(calls, most=12), calls, 30):
        one.result(30)
    assert [len(batch) for batch in calls.batches] == [1, 12, 12, 6]


def test_a_request_is_no_larger_than_it_may_be(threads: ThreadPoolExecutor) -> None:
    calls = Calls()
    for one in queue_up(threads, line(calls, most_bytes=45), calls, 9):
        one.result(30)
    assert [len(batch) for batch in calls.batches] == [1, 4, 4, 1]


def test_what_is_too_large_by_itself_goes_alone() -> None:
    calls = Calls()
    calls.may_end.set()
    assert line(calls, most_bytes=3).deliver(Item("large", b"1234567890")) == "id of large"


def test_each_gets_its_own_outcome(threads: ThreadPoolExecutor) -> None:
    def call(items: Sequence[Item]) -> list[Outcome]:
        return [MessageRefused(one.message_id) if one.message_id < "5" else one.message_id for one in items]

    one = line(call, gather_s=0.01)
    sent = {str(number): threads.submit(one.deliver, Item(str(number), b"")) for number in range(10)}
    assert {name: str(found.result(30)) for name, found in sent.items()} == {name: name for name in sent}
    assert sum(isinstance(found.result(), MessageRefused) for found in sent.values()) == 5


def test_a_request_that_breaks_leaves_nobody_waiting(threads: ThreadPoolExecutor) -> None:
    calls = Calls()

    def broken(items: Sequence[Item]) -> list[Outcome]:
        raise ZeroDivisionError(calls(items))

    sent = queue_up(threads, line(broken), calls, 5)
    outcomes = [found.exception(30) or found.result() for found in sent]
    assert [type(one) for one in outcomes].count(ZeroDivisionError) == 2  # of who led
    assert [type(one) for one in outcomes].count(OutcomeUnknown) == 4


def test_requests_keep_their_distance(threads: ThreadPoolExecutor) -> None:
    calls = Calls()
    calls.may_end.set()
    one = line(calls, every_s=0.05)
    first = one._next_s
    one.deliver(Item("1", b""))
    second = one._next_s
    one.deliver(Item("2", b""))
    assert one._next_s - second >= 0.05
    assert second > first
