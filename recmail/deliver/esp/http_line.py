"""What several connections send at one moment, gathered into one request to a provider."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from recmail.errors import DeliveryError, OutcomeUnknown

Outcome = str | DeliveryError
"""The provider's id of a message that it accepted, or why it did not."""


@dataclass(frozen=True)
class Item:
    """One message as a provider's API has it, in JSON."""

    message_id: str
    body: bytes


@dataclass(frozen=True)
class _Waiting:
    item: Item
    told: SimpleQueue[Outcome | None] = field(default_factory=SimpleQueue)  # None: go and lead


class Line:
    """Where threads wait with one message each while one of them delivers those of all.

    There is one request at a time: those who come meanwhile make the next one, so that the slower a provider
    is the more messages a request has.

    Args:
        call: delivers messages by one request; an outcome for each, in their order.
        most: messages in one request.
        most_bytes: of one request.
        gather_s: how long the first who comes waits for others.
        every_s: between the beginnings of two requests, where the provider counts them.
    """

    def __init__(
        self,
        call: Callable[[Sequence[Item]], Sequence[Outcome]],
        *,
        most: int,
        most_bytes: int,
        gather_s: float,
        every_s: float,
    ) -> None:
        self._call, self._most, self._most_bytes = call, most, most_bytes
        self._gather_s, self._every_s = gather_s, every_s
        self._came = threading.Condition()
        self._line: deque[_Waiting] = deque()
        self._is_led = False
        self._next_s = 0.0

    def deliver(self, item: Item) -> Outcome:
        """Wait until the message has been in a request; perhaps make that request."""
        mine = _Waiting(item)
        with self._came:
            self._line.append(mine)
            leads, self._is_led = not self._is_led, True
            self._came.notify()
        outcome = None if leads else mine.told.get()
        while outcome is None:
            self._lead()
            outcome = mine.told.get()
        return outcome

    def _lead(self) -> None:
        batch = self._gather()
        outcomes: Sequence[Outcome] = ()
        try:
            outcomes = self._call([waiting.item for waiting in batch])
        finally:
            # If the call fails in a way that it should not, whoever waits must not wait for ever.
            unclear = OutcomeUnknown("the request that held this message was given up")
            told = outcomes or [unclear] * len(batch)
            for waiting, outcome in zip(batch, told, strict=True):
                waiting.told.put(outcome)
            with self._came:
                self._is_led = bool(self._line)
                if self._line:
                    self._line[0].told.put(None)

    def _gather(self) -> list[_Waiting]:
        """Wait until a request may leave and is full, or as long as others may take; return who is in it."""
        with self._came:
            until_s = max(time.monotonic() + self._gather_s, self._next_s)
            while True:
                batch = self._fitting()
                is_full = len(batch) == self._most or len(batch) < len(self._line)
                left_s = (self._next_s if is_full else until_s) - time.monotonic()
                if left_s <= 0:
                    break
                self._came.wait(left_s)
            for _ in batch:
                self._line.popleft()
            self._next_s = time.monotonic() + self._every_s
        # The same messages make the same request, whoever came first.
        return sorted(batch, key=lambda waiting: waiting.item.message_id)

    def _fitting(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        room = self._most_bytes
        for waiting in self._line:
            room -= len(waiting.item.body)
            if batch and (room < 0 or len(batch) == self._most):
                break
            batch.append(waiting)
        return batch
