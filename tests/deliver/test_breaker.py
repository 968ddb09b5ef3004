"""When going on would do harm everything pauses, and one person's problem never does that."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recmail.db.ledger_results import Result, Sent
from recmail.deliver.breaker import Breaker
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    RenderError,
    TemporaryFailure,
)
from recmail.records import Claim, Skip

CLAIM = Claim(1, 7, "u7", "u7@example.org", "mine", 0, "m@x", datetime(2026, 11, 27, tzinfo=UTC))
YES = Sent("id")
NO = MessageRefused("550 5.7.1 blocked")
GONE = RecipientRefused("550 5.1.1 no such user", dead=True)
BUSY = TemporaryFailure("451 4.3.0 try later")
SLOWER = TemporaryFailure("421 4.7.0 too fast", slows=True)
UNCLEAR = OutcomeUnknown("lost after the dot")


def trips(*outcomes: Sent | Skip | RenderError | DeliveryError) -> int | None:
    """Return after how many of these it trips; None when it never does."""
    breaker = Breaker()
    judged = (breaker.judge(Result(CLAIM, outcome)) for outcome in outcomes)
    return next((at for at, reason in enumerate(judged, start=1) if reason), None)


@pytest.mark.parametrize(
    ("outcomes", "after"),
    [
        ([YES] * 50 + [AccountRefused("535 wrong password")], 51),
        ([NO] * 20, 10),
        ([GONE] * 20, 10),
        ([YES] + [NO] * 50, None),  # too few were tried to speak of a share
        ([YES] + [NO] * 150, 100),
        # 190 accepted, then refusals: the 10th is 10 of 200, which is 5 %, the 11th is more.
        ([YES] * 190 + [NO] * 30, 201),
        ([*([YES] * 19), NO] * 20, None),  # 5 % and no more
        ([*([YES] * 18), NO] * 20, 114),  # the sixth of 114 is more than 5 %; of 95 it is too early
        ([BUSY] * 150, 100),
        ([YES, *([BUSY] * 99)] * 3, None),
        ([SLOWER] * 500, None),  # that is for Slower
        ([UNCLEAR] * 20, 10),
        ([UNCLEAR, YES] * 20, None),
        ([RenderError("no title"), Skip("stale")] * 200, None),
    ],
)
def test_it_trips_when_it_should(
    outcomes: list[Sent | Skip | RenderError | DeliveryError], after: int | None
) -> None:
    assert trips(*outcomes) == after


def test_it_says_why() -> None:
    breaker = Breaker()
    for _ in range(189):
        assert breaker.judge(Result(CLAIM, YES)) is None
    reasons = [breaker.judge(Result(CLAIM, NO)) for _ in range(11)]
    assert reasons[-1] == "11 of the last 200 messages were refused, the last one: 550 5.7.1 blocked"
