"""A thread with one connection: it sends the messages whose intents are committed, and reports."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from recmail.db.ledger_results import Result, Sent
from recmail.deliver.drafter import Draft, Left
from recmail.deliver.esp import Esp
from recmail.deliver.gate import Gate
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
)


@dataclass(frozen=True, slots=True)
class Connected:
    """A sender has a connection, and could send."""

    sender: Sender


@dataclass(frozen=True, slots=True)
class NotConnected:
    """A sender has none and waits to be told; with `why` the provider wants nobody."""

    sender: Sender
    why: DeliveryError | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A message has a result; with `error` something is broken besides."""

    sender: Sender
    result: Result
    error: Exception | None = None


class Sender(threading.Thread):
    """Does what it is told until it is sent home; the methods are for other threads."""

    def __init__(self, report: Callable[[Connected | NotConnected | Done | Left], None], gate: Gate) -> None:
        super().__init__(name="sender", daemon=True)  # a reply that never comes must not keep the process
        self._report, self._gate = report, gate
        self._told: SimpleQueue[Draft | bool] = SimpleQueue()
        self._esp: Esp | None = None

    def connect(self) -> None:
        """Open a connection; it reports Connected or NotConnected."""
        self._told.put(True)

    def send(self, draft: Draft) -> None:
        """Send a message whose intent is committed, by the connection that is open; it reports Done."""
        self._told.put(draft)

    def go_home(self) -> None:
        """Close the connection and end, when everything told before is done; it reports Left."""
        self._told.put(False)

    @property
    def is_connected(self) -> bool:
        """It could send; asked when it has reported and nothing was told since."""
        return self._esp is not None

    def run(self) -> None:
        """Do one thing after the other."""
        try:
            while told := self._told.get():
                self._report(self._send(told) if isinstance(told, Draft) else self._connect())
        finally:
            try:
                self._hang_up()
            finally:
                self._report(Left())

    def _connect(self) -> Connected | NotConnected:
        """Connect as soon as there is a connection to be had."""
        try:
            while not self._gate.is_closed:
                self._esp = self._esp or self._gate.open()
                if self._esp is not None:
                    return Connected(self)
                self._gate.wait()
        except (AccountRefused, TemporaryFailure) as error:
            return NotConnected(self, why=error)
        except Exception as error:  # the writer raises it
            return NotConnected(self, error=error)
        return NotConnected(self)

    def _send(self, draft: Draft) -> Done:
        """From here on the message may arrive, whatever happens."""
        claim = draft.intent.claim
        assert self._esp is not None, "intents are committed for senders with a connection only"
        try:
            provider_id = self._esp.send(draft.message)
        except (RecipientRefused, MessageRefused) as error:
            return Done(self, Result(claim, error))
        except DeliveryError as error:
            self._hang_up()
            return Done(self, Result(claim, error))
        except Exception as error:
            self._hang_up()
            return Done(self, Result(claim, OutcomeUnknown(f"{type(error).__name__}: {error}")), error)
        return Done(self, Result(claim, Sent(provider_id)))

    def _hang_up(self) -> None:
        if self._esp is not None:
            self._esp.close()
            self._gate.left()
        self._esp = None
