"""Errors that differ only in what a server counts up are one group."""

from __future__ import annotations

import pytest

from recmail.db.ledger_progress import Errors
from recmail.records import MessageState
from recmail.runs.error_groups import group_errors, without_numbers

S = MessageState


def error(text: str, rows: int = 1, user_no: int = 0, state: MessageState = S.FAILED) -> Errors:
    return Errors(state, text, rows, user_no, 0)


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("554 5.6.0 rejected (queue id 7F3)", "554 5.6.0 rejected (queue id …)"),
        ("554-5.6.0 rejected, queue id DEADBEEF", "554-5.6.0 rejected, queue id …"),
        ("450 4.2.1 <u7@example.org>: mailbox full", "450 4.2.1 …: mailbox full"),
        ("450 4.2.1 <ana@example.org>: mailbox full", "450 4.2.1 …: mailbox full"),
        ("cannot reach mail1.acme.example:2525: [Errno 111] refused", "cannot reach …:…: [Errno …] refused"),
        ("lost after 12 340 bytes", "lost after … bytes"),
        ("no   such\n user", "no such user"),
        ("451 try again in 300 seconds", "451 try again in … seconds"),
        ("", ""),
    ],
)
def test_numbers_and_addresses_do_not_split_groups_and_codes_do(text: str, group: str) -> None:
    assert without_numbers(text) == group


def test_groups_are_counted_and_show_the_newest_of_them() -> None:
    found = group_errors(
        [
            error("550 no such user (id 9)", user_no=9),
            error("450 busy (id 8)", rows=2, user_no=8, state=S.PLANNED),
            error("450 busy (id 7)", rows=3, user_no=7, state=S.PLANNED),
            error("450 busy (id 6)", user_no=6),
        ]
    )
    assert [(one.state, one.times, one.example, one.user_no) for one in found] == [
        ("planned", 5, "450 busy (id 8)", 8),
        ("failed", 1, "550 no such user (id 9)", 9),
        ("failed", 1, "450 busy (id 6)", 6),
    ]
