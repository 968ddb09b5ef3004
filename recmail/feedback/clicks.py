"""Clicks and openings of people who agreed to being tracked, written down as events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.consent import trackable
from recmail.db.inserting import insert
from recmail.db.tables import events, ledger, users
from recmail.feedback.machines import AFTER_SENDING, BURSTS
from recmail.feedback.tracked_links import TrackedLink
from recmail.records import EventKind, MessageState

PROVIDER = "recmail"
"""Who says so: our own pages, in the column where others' names stand."""
_LEFT = (MessageState.SENDING, MessageState.SENT, MessageState.UNKNOWN)


def record_click(engine: sa.Engine, link: TrackedLink, *, by_machine: bool, now: datetime) -> bool:
    """Write down that a link was followed; whether it was, or nothing may be recorded of this person.

    The same link within the same minute counts once. A click within seconds of the sending, and one of
    several links within seconds, are a machine's, those that were recorded as a person's before included.

    Args:
        by_machine: the request said so itself.
    """
    key = link.run_no, link.user_no
    place = link.place
    values = {
        "url": link.url,
        "block": place and place.block,
        "course_no": place and place.course_no,
        "position": place and place.position,
        "is_fallback": place and place.is_fallback,
    }
    with writing(engine) as connection:
        times = _may_record(connection, key, now)
        if times is None:
            return False
        by_machine = by_machine or _just_sent(times, now)
        _insert(connection, EventKind.CLICKED, key, f"{link.number}", by_machine, now, values)
        _judge_bursts(connection, key, now)
    return True


def record_opening(engine: sa.Engine, run_no: int, user_no: int, *, by_machine: bool, now: datetime) -> bool:
    """Write down that the picture of an email was fetched, as `record_click` does."""
    key = run_no, user_no
    with writing(engine) as connection:
        times = _may_record(connection, key, now)
        if times is None:
            return False
        _insert(connection, EventKind.OPENED, key, "", by_machine or _just_sent(times, now), now, {})
    return True


def _may_record(connection: sa.Connection, key: tuple[int, int], now: datetime) -> list[datetime] | None:
    """When the message left and arrived, held until the transaction ends; None: nothing may be recorded.

    The person is asked here and not only when the message was written: who takes their yes back is not
    tracked any more by the emails that they have.
    """
    run_no, user_no = key
    query = (
        sa.select(ledger.c.intent_at, ledger.c.sent_at)
        .join(users, users.c.user_no == ledger.c.user_no)
        .where(ledger.c.run_no == run_no, ledger.c.user_no == user_no)
        .where(ledger.c.state.in_([state.value for state in _LEFT]))
        .where(users.c.erased_at.is_(None), trackable(users.c.user_no, now))
        .with_for_update(of=ledger)  # two clicks at once are to see each other
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    mine = events.c.run_no == run_no, events.c.user_no == user_no
    delivered = sa.select(events.c.at).where(*mine, events.c.kind == EventKind.DELIVERED.value)
    return [at for at in (*found, *connection.scalars(delivered)) if at is not None]


def _just_sent(times: list[datetime], now: datetime) -> bool:
    return any(abs(now - at) <= AFTER_SENDING for at in times)


def _insert(
    connection: sa.Connection,
    kind: EventKind,
    key: tuple[int, int],
    number: str,
    by_machine: bool,
    now: datetime,
    values: dict[str, Any],
) -> None:
    run_no, user_no = key
    who = "machine" if by_machine else "person"
    row = {
        "provider": PROVIDER,
        "event_key": f"{PROVIDER}:{kind} {run_no}/{user_no}/{number} {now:%Y-%m-%dT%H:%M} {who}",
        "kind": kind.value,
        "at": now,
        "received_at": now,
        "run_no": run_no,
        "user_no": user_no,
        "by_machine": by_machine,
        "raw": "",
        **values,
    }
    statement = insert(connection, events).on_conflict_do_nothing(index_elements=["event_key"])
    connection.execute(statement, row)


def _judge_bursts(connection: sa.Connection, key: tuple[int, int], now: datetime) -> None:
    """Mark the clicks of these seconds as a machine's when they are of too many links."""
    longest = max(within for _, within in BURSTS)
    mine = (
        events.c.run_no == key[0],
        events.c.user_no == key[1],
        events.c.kind == EventKind.CLICKED.value,
        events.c.at >= now - longest,
    )
    query = sa.select(events.c.event_no, events.c.at, events.c.url, events.c.by_machine).where(*mine)
    found = connection.execute(query).all()
    for links, within in BURSTS:
        near = [row for row in found if abs(row.at - now) <= within]
        if len({row.url for row in near}) >= links:
            wrong = [row.event_no for row in near if not row.by_machine]
            connection.execute(sa.update(events).where(events.c.event_no.in_(wrong)).values(by_machine=True))
