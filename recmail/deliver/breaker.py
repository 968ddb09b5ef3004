"""When a provider's answers say that going on would do harm: the runs are paused, and a person decides.

It begins anew once the runs were paused, so one that is resumed is tried with a few messages first: ten
refusals from the start are all that it can cost.
"""

from __future__ import annotations

from collections import deque

from recmail.db.ledger_results import Result, Sent
from recmail.errors import (
    AccountRefused,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
)

FROM_THE_START = 10  # more is not these people's fault: an unverified sender, a blocked account
LAST, LEAST, SHARE = 200, 100, 0.05  # providers suspend accounts at 5 % of bounces (Amazon SES: under review)
DEFERRED_IN_A_ROW = 100
UNCLEAR_IN_A_ROW = 10  # each of them is a person's decision later
THROTTLED_IN_VAIN = 10  # of Slower: some five minutes, in which it took nothing


class Breaker:
    """Looks at every result of a worker."""

    def __init__(self) -> None:
        self._accepted = False
        self._refused = 0
        self._last: deque[bool] = deque(maxlen=LAST)  # refused?
        self._deferred = self._unclear = 0

    def judge(self, result: Result) -> str | None:
        """Why everything has to be paused after this result; None when it need not."""
        outcome = result.outcome
        if isinstance(outcome, AccountRefused):
            return str(outcome)
        if isinstance(outcome, Sent):
            self._accepted, self._deferred, self._unclear = True, 0, 0
            self._last.append(False)
        elif isinstance(outcome, RecipientRefused | MessageRefused):
            self._refused += 1
            self._deferred = 0
            self._last.append(True)
            return self._judge_refusals(outcome)
        elif isinstance(outcome, OutcomeUnknown):
            self._unclear += 1
            if self._unclear >= UNCLEAR_IN_A_ROW:
                return f"the last {self._unclear} messages left and got no answer: {outcome}"
        elif isinstance(outcome, TemporaryFailure) and not outcome.slows:
            self._deferred += 1
            if self._deferred >= DEFERRED_IN_A_ROW:
                return f"the last {self._deferred} messages were all deferred: {outcome}"
        return None

    def _judge_refusals(self, outcome: Exception) -> str | None:
        if not self._accepted and self._refused >= FROM_THE_START:
            return f"the first {self._refused} messages were all refused: {outcome}"
        refused, tried = sum(self._last), len(self._last)
        if tried >= LEAST and refused > SHARE * tried:
            return f"{refused} of the last {tried} messages were refused, the last one: {outcome}"
        return None


def judge_throttling(in_vain: int, why: str) -> str | None:
    """Why to pause when the provider asked to slow down so often in a row, and took nothing."""
    if in_vain < THROTTLED_IN_VAIN:
        return None
    return f"the provider asks us to slow down and takes nothing, however slow we are: {why}"
