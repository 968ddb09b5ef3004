"""Who said no, for the CRM: one line for each account and topic whose newest word is a no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.consent import EMAIL, IMPORT, IMPORTED, UNREAD, said_yes_since
from recmail.db.tables import consent, imports, suppressions, users

_AT_ONCE = 1_000  # rows that the database hands over in one go
_DELIVERY, _OPTED_OUT = "delivery", "opted_out"


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """One account that may not be mailed any more.

    Attributes:
        topic: what they do not want; '' is everything.
        channel: import, page, one_click, console or api; delivery when the address bounced or complained.
        reason: opted_out, hard_bounce, soft_bounces, complaint, manual or erased.
    """

    user_id: str
    email: str | None
    topic: str
    at: datetime
    channel: str
    reason: str


COLUMNS = Unsubscribe.__slots__


def unsubscribes(
    connection: sa.Connection, now: datetime, *, since: datetime | None = None
) -> Iterator[Unsubscribe]:
    """Yield everybody whose newest word at `now` is a no, by the time of it, then user_id and topic.

    Who has said yes again is not among them, nor is anybody who was erased. Of an opt-out and a suppression
    of one account the later is given. They are streamed: memory is the same for any number.

    Args:
        since: only those who said so then or later.
    """
    said = sa.union_all(_opted_out(now), _suppressed(now)).subquery("said")
    place = sa.func.row_number().over(
        partition_by=(said.c.user_no, said.c.topic), order_by=(said.c.at.desc(), said.c.reason)
    )
    newest = sa.select(said, place.label("place"))
    if since is not None:
        newest = newest.where(said.c.at >= since)
    found = newest.subquery("found")
    query = (
        sa.select(users.c.user_id, users.c.email, found.c.topic, found.c.at, found.c.channel, found.c.reason)
        .join(users, users.c.user_no == found.c.user_no)
        .where(found.c.place == 1, users.c.erased_at.is_(None))
        .order_by(found.c.at, users.c.user_id, found.c.topic)
    )
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        yield Unsubscribe(*row)


def suppressed_strangers(connection: sa.Connection) -> int:
    """How many suppressed addresses no account has: only their hashes are known, so nobody can be told."""
    has_account = sa.exists().where(users.c.email_hash == suppressions.c.email_hash)
    query = sa.select(sa.func.count()).select_from(suppressions).where(~has_account)
    return int(connection.execute(query).scalar_one())


def _opted_out(now: datetime) -> sa.Select[Any]:
    """Every no to email that no later word on the same topic replaced; a yes counts from its time on."""
    later = consent.alias("later")
    replaced = sa.exists().where(
        later.c.user_no == consent.c.user_no,
        later.c.purpose == EMAIL,
        later.c.topic == consent.c.topic,
        later.c.channel != UNREAD,
        later.c.at > consent.c.at,
        sa.or_(later.c.granted.is_(False), later.c.at <= now),
    )
    return sa.select(
        consent.c.user_no,
        consent.c.topic,
        consent.c.at,
        consent.c.channel,
        sa.literal(_OPTED_OUT).label("reason"),
    ).where(
        consent.c.purpose == EMAIL,
        consent.c.granted.is_(False),
        consent.c.channel != UNREAD,  # no word of theirs
        ~replaced,
    )


def _suppressed(now: datetime) -> sa.Select[Any]:
    """Every account with a suppressed address, unless its person answered another tool's no."""
    listed = suppressions.c.source.in_(sa.select(imports.c.source).where(imports.c.kind == "suppressions"))
    answered = said_yes_since(users.c.user_no, suppressions.c.at, topics=("",), at=now)
    return (
        sa.select(
            users.c.user_no,
            sa.literal("").label("topic"),
            suppressions.c.at,
            sa.case((listed, IMPORT), else_=_DELIVERY).label("channel"),
            sa.case((suppressions.c.reason == IMPORTED, _OPTED_OUT), else_=suppressions.c.reason),
        )
        .join(suppressions, suppressions.c.email_hash == users.c.email_hash)
        .where(sa.or_(suppressions.c.reason != IMPORTED, ~answered))
    )
