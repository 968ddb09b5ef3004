"""The desk tells claims of one row apart, so that every sender gets its answer."""

from __future__ import annotations

from datetime import UTC, datetime
from queue import SimpleQueue

from recmail.db.ledger_intents import Intent
from recmail.deliver.desk import Desk
from recmail.deliver.gate import Gate
from recmail.deliver.sender import Ready
from recmail.records import Claim
from tests.workers import write

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def never() -> None:
    raise AssertionError("nobody connects here")


def test_a_row_claimed_again_beside_a_slow_sender_gets_two_answers() -> None:
    desk = Desk(Gate(never, tries=1, wait_s=0), write, connections=0)
    claims = [Claim(1, 7, "u7", "u7@example.org", claim_id, 0, "m@x", NOW) for claim_id in ("old", "new")]
    answers: list[SimpleQueue[bool]] = [SimpleQueue(), SimpleQueue()]
    desk.put(claims)
    for claim, answer in zip(claims, answers, strict=True):
        desk._reports.put(Ready(Intent(claim, "sha"), answer))
        desk.receive(0, gather_s=0)
    assert len(desk.ready) == 2
    desk.answer(desk.ready[:1], set())
    desk.answer(desk.ready, {(1, 7)})
    assert [answer.get_nowait() for answer in answers] == [False, True]
    assert desk.held == 0
    assert desk.is_busy  # with the one that may leave
