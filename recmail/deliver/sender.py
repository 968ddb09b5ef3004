"""A thread with one connection: it writes a message, asks for its intent, sends it, and reports."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from recmail.db.ledger_intents import Intent
from recmail.db.ledger_results import Result, Sent
from recmail.deliver.esp import Esp
from recmail.deliver.gate import Gate
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    RenderError,
    TemporaryFailure,
)
from recmail.records import Claim, Outgoing, Skip

Write = Callable[[Claim], Outgoing | Skip]
"""Finishes a claimed row's message, or says why it must not go out; RenderError fails that person alone."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A message is written and its connection open; `verdict` gets whether it may leave."""

    intent: Intent
    verdict: SimpleQueue[bool]


@dataclass(frozen=True, slots=True)
class Done:
    """A row has a result; with `error` something is broken besides."""

    result: Result
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A row was not tried; with `why` the provider wants nobody, with `error` something else is broken."""

    claim: Claim
    why: DeliveryError | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A sender has gone home."""


Report = Ready | Done | GivenBack | Left
Claims = SimpleQueue[Claim | None]
"""What there is to send; None sends one sender home."""


class Sender(threading.Thread):
    """Takes claims until it is sent home."""

    def __init__(self, claims: Claims, reports: SimpleQueue[Report], gate: Gate, write: Write) -> None:
        super().__init__(name="sender", daemon=True)  # a reply that never comes must not keep the process
        self._claims, self._reports, self._gate, self._write = claims, reports, gate, write
        self._esp: Esp | None = None
        self._verdict: SimpleQueue[bool] = SimpleQueue()

    def run(self) -> None:
        """Deliver one claim after the other."""
        try:
            while (claim := self._claims.get()) is not None:
                try:
                    report = self._deliver(claim)
                except Exception as error:  # the writer raises it, after it has given the claim back
                    report = GivenBack(claim, error=error)
                if report is not None:
                    self._reports.put(report)
        finally:
            try:
                self._hang_up()
            finally:
                self._reports.put(Left())

    def _deliver(self, claim: Claim) -> Done | GivenBack | None:
        """Everything between a claim and its end; None when another sender or the writer has it again."""
        try:
            self._esp = self._esp or self._gate.open()
        except (AccountRefused, TemporaryFailure) as error:
            return GivenBack(claim, why=error)
        if self._esp is None:
            self._claims.put(claim)  # for a sender that has a connection
            self._gate.wait()
            return None
        try:
            message = self._write(claim)
        except RenderError as error:
            return Done(Result(claim, error))
        if isinstance(message, Skip):
            return Done(Result(claim, message))
        intent = Intent(claim, hashlib.sha256(message.mime).hexdigest())
        self._reports.put(Ready(intent, self._verdict))
        return self._send(self._esp, message, claim) if self._verdict.get() else None

    def _send(self, esp: Esp, message: Outgoing, claim: Claim) -> Done:
        """From here on the message may arrive, whatever happens."""
        try:
            provider_id = esp.send(message)
        except (RecipientRefused, MessageRefused) as error:
            return Done(Result(claim, error))
        except DeliveryError as error:
            self._hang_up()
            return Done(Result(claim, error))
        except Exception as error:
            self._hang_up()
            return Done(Result(claim, OutcomeUnknown(f"{type(error).__name__}: {error}")), error)
        return Done(Result(claim, Sent(provider_id)))

    def _hang_up(self) -> None:
        if self._esp is not None:
            self._esp.close()
            self._gate.left()
        self._esp = None
