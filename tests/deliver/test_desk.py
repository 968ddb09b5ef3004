"""The desk tells claims of one row apart, and gives messages only to senders that are connected."""

from __future__ import annotations

from datetime import UTC, datetime

from recmail.deliver.desk import Desk
from recmail.deliver.gate import Gate
from recmail.records import Claim, Outgoing
from tests.workers import each, write

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Mailbox:
    """A connection to a provider that takes everything."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def send(self, message: Outgoing) -> str:
        """Take one message."""
        self.taken.append(message.recipient)
        return ""

    def close(self) -> None:
        """Nothing to close."""


def test_a_row_claimed_again_while_it_was_written_is_two_messages_of_which_one_leaves() -> None:
    mailbox = Mailbox()
    desk = Desk(Gate(lambda: mailbox, tries=1, wait_s=0), each(write), connections=1)
    claims = [Claim(1, 7, "u7", "u7@example.org", claim_id, 0, "m@x", NOW) for claim_id in ("old", "new")]
    desk.open()
    desk.put(claims, NOW)
    while len(desk.ready) < 2 or not desk.idle:
        desk.receive(1, gather_s=0)
    assert [intent.claim.claim_id for intent in desk.ready] == ["old", "new"]
    desk.answer(desk.ready[:1], set())
    desk.answer(desk.ready, {(1, 7)})
    assert desk.held == []
    assert not desk.is_empty  # with the one that leaves
    while not desk.results:
        desk.receive(1, gather_s=0)
    assert [result.claim.claim_id for result in desk.results] == ["new"]
    assert mailbox.taken == ["u7@example.org"]
    desk.close()


def test_no_more_connections_are_opened_than_there_are_messages() -> None:
    opened: list[Mailbox] = []

    def connect() -> Mailbox:
        opened.append(Mailbox())
        return opened[-1]

    desk = Desk(Gate(connect, tries=1, wait_s=0), each(write), connections=8)
    claims = [
        Claim(1, number, f"u{number}", f"u{number}@example.org", "c", 0, "m@x", NOW) for number in range(3)
    ]
    desk.open()
    desk.put(claims, NOW)
    while len(desk.ready) < 3 or desk.idle < 3:
        desk.receive(1, gather_s=0)
    desk.answer(desk.ready, {intent.key for intent in desk.ready})
    while len(desk.results) < 3:
        desk.receive(1, gather_s=0)
    assert len(opened) == 3
    desk.close()
