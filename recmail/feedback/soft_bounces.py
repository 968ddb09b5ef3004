"""When soft bounces add up to a dead address: three runs in a row, over a week, and nothing got through.

A full mailbox or a server that is down says little once. An address is suppressed when it bounced in
RUNS different runs, from the first of these messages to the last in WITHIN or more, and no message that was
sent to the person in between came through. Sent without a bounce is through: most mail servers never tell
of a delivery. As more bounces become known the rule can only begin to hold, never cease to: so the order in
which they come does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import Suppression
from recmail.db.ledger_rows import same_key, state_is
from recmail.db.tables import events, ledger
from recmail.records import EventKind, MessageState

RUNS, WITHIN = 3, timedelta(days=7)
SOFT_BOUNCES = "soft_bounces"
"""The reason of a suppression, as `hard_bounce` is."""
_SOURCE = f"{RUNS} runs in a row"
S = MessageState


def is_policy(status: str) -> bool:
    """Tell whether a status is about us and not about the address: RFC 3463 3.8, such as 5.7.1.

    Gmail and Microsoft answer 5.7.x to senders whom they do not trust, for addresses that are well.
    """
    return status.split(".")[1:2] == ["7"]


def counts_against_address(kind: EventKind, status: str) -> bool:
    """Tell whether a bounce may be the fault of the address: not of our name, or of what we wrote.

    RFC 3463: x.6.x is about the contents, x.7.x about trust, x.3.4 says that the message is too big.
    """
    about_the_message = status.split(".")[1:2] == ["6"] or status.split(".")[1:] == ["3", "4"]
    return kind == EventKind.BOUNCED and not is_policy(status) and not about_the_message


@dataclass(frozen=True, slots=True)
class _Told:
    """One message of a person, and one bounce of it, if there is one."""

    run_no: int
    intent_at: datetime
    at: datetime | None
    email_hash: str | None
    status: str


def worn_out(connection: sa.Connection, user_nos: Collection[int]) -> list[Suppression]:
    """Say which addresses of these people have bounced too often, and since when."""
    if not user_nos:
        return []
    # Of the two indexes that begin with the run, only (run_no, user_no) is any good here; SQLite without
    # statistics takes the other, which reads all bounces of the run, unless kind is part of an expression.
    is_bounce = events.c.kind.concat("") == EventKind.BOUNCED.value
    bounce = sa.and_(same_key(events, ledger), is_bounce)
    query = (
        sa.select(
            ledger.c.user_no,
            *(ledger.c[name] for name in ("run_no", "intent_at")),
            *(events.c[name] for name in ("at", "email_hash", "status")),
        )
        .select_from(ledger.outerjoin(events, bounce))
        .where(
            among(ledger.c.user_no, sorted(user_nos)),
            state_is(ledger, S.SENDING, S.SENT, S.UNKNOWN),
            ledger.c.intent_at.is_not(None),
        )
        .order_by(ledger.c.user_no, ledger.c.intent_at, ledger.c.run_no, events.c.at)
    )
    found = []
    for _, rows in groupby(connection.execute(query), key=lambda row: row.user_no):
        told = [_Told(*row[1:]) for row in rows]
        addresses = sorted({one.email_hash for one in told if one.email_hash})
        found += [_too_many(told, address) for address in addresses]
    return [one for one in found if one is not None]


def _too_many(told: list[_Told], address: str) -> Suppression | None:
    """The earliest time at which the rule holds for an address, in a person's messages by their time."""
    streak: list[_Told] = []
    found: list[datetime] = []
    for bounces in _by_message(told):
        if bounces[0].at is None:
            streak = []  # it came through
            continue
        against = [
            one
            for one in bounces
            if one.email_hash == address and counts_against_address(EventKind.BOUNCED, one.status)
        ]
        if against:  # else it bounced for another reason, or at an address of before: that tells nothing
            streak.append(against[0])
            found += _bounced_by(streak)
    return Suppression(address, SOFT_BOUNCES, min(found), _SOURCE) if found else None


def _bounced_by(streak: list[_Told]) -> Iterator[datetime]:
    """When each row of messages that ends with the last of a streak had bounced, if it is long enough."""
    for start in range(len(streak) - RUNS + 1):
        part = streak[start:]
        if part[-1].intent_at - part[0].intent_at >= WITHIN:
            yield max(one.at or one.intent_at for one in part)


def _by_message(told: list[_Told]) -> Iterator[list[_Told]]:
    for _, bounces in groupby(told, key=lambda one: one.run_no):
        yield list(bounces)
