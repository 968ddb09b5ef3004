"""A thread that has messages written: claims go in, and come out ready to leave or settled."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from recmail.db.ledger_intents import Intent
from recmail.db.ledger_results import Result
from recmail.errors import RenderError
from recmail.records import Claim, Outgoing, Skip

Written = Outgoing | Skip | RenderError
"""A message, why it must not go out, or why it could not be written; that fails its person alone."""
Write = Callable[[Sequence[Claim]], Sequence[Written]]
"""Finishes the messages of claimed rows, one for each."""
Claims = SimpleQueue[Claim | None]
"""What there is to write; None sends one drafter home."""

_MOST_AT_ONCE, _AIM_S = 16, 0.05  # writing is asked for in groups, and nobody waits for a slow group


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that could leave now."""

    intent: Intent
    message: Outgoing


@dataclass(frozen=True, slots=True)
class Drafted:
    """Messages are written; `results` are of those that will not be."""

    drafts: Sequence[Draft]
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Rows were not tried: something is broken."""

    claims: Sequence[Claim]
    error: Exception


@dataclass(frozen=True, slots=True)
class Left:
    """A thread has gone home."""


class Drafter(threading.Thread):
    """Takes claims until it is sent home."""

    def __init__(
        self, claims: Claims, report: Callable[[Drafted | GivenBack | Left], None], write: Write
    ) -> None:
        super().__init__(name="drafter", daemon=True)
        self._claims, self._report, self._write = claims, report, write
        self._at_once = 1

    def run(self) -> None:
        """Have one group after the other written."""
        try:
            while claims := self._take():
                began_s = time.perf_counter()
                self._report(self._draft(claims))
                each_s = (time.perf_counter() - began_s) / len(claims)
                self._at_once = int(max(1, min(_AIM_S / max(each_s, 1e-6), 2 * self._at_once, _MOST_AT_ONCE)))
        finally:
            self._report(Left())

    def _take(self) -> list[Claim]:
        claims: list[Claim] = []
        try:
            while len(claims) < self._at_once:
                claim = self._claims.get(block=not claims)
                if claim is None:
                    if claims:
                        self._claims.put(None)  # for the next time
                    break
                claims.append(claim)
        except Empty:
            pass
        return claims

    def _draft(self, claims: Sequence[Claim]) -> Drafted | GivenBack:
        try:
            written = self._write(claims)
        except Exception as error:  # the writer raises it, after it has given the claims back
            return GivenBack(claims, error)
        drafts, results = [], []
        for claim, one in zip(claims, written, strict=True):
            if isinstance(one, Outgoing):
                drafts.append(Draft(Intent(claim, hashlib.sha256(one.mime).hexdigest()), one))
            else:
                results.append(Result(claim, one))
        return Drafted(drafts, results)
