"""A person's no, taken by somebody who answers the phone or the post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.connect import reading, writing
from recmail.db.consent import unsubscribe
from recmail.db.ledger_rows import state_is
from recmail.db.people import accounts_with_the_same_address, user_ids
from recmail.db.runs import record
from recmail.db.tables import ledger, runs
from recmail.errors import RefusedError, did_you_mean
from recmail.feedback.accesses import UNSUBSCRIBE
from recmail.feedback.traces import find_living
from recmail.records import MessageState
from recmail.settings import Settings

CHANNEL = "console"


@dataclass(frozen=True)
class Stopped:
    """What a no stops.

    Attributes:
        topic: empty when it is everything.
        accounts: how many have the address.
        waiting: messages that wait; of one topic, those about it will be skipped: unsubscribed.
        leaving: messages that are leaving at this moment.
    """

    user_id: str
    topic: str
    accounts: int
    waiting: int
    leaving: int

    def to_dict(self) -> dict[str, Any]:
        """What was stopped with stable keys, for --json."""
        return asdict(self)


def stop_emails(
    engine: sa.Engine,
    settings: Settings,
    who: str,
    *,
    topic: str | None,
    proof: str | None,
    operator: str,
    now: datetime,
) -> Stopped:
    """Record somebody's no to emails of a topic, or to all; it counts before the next message leaves.

    Args:
        operator: who took it, for the audit.

    Raises:
        DataError: there is no such person.
        RefusedError: there is no such topic, or the person was erased.
    """
    if topic is not None and topic not in settings.topics:
        hint = did_you_mean(topic, settings.topics) or f"; there are: {', '.join(settings.topics)}"
        raise RefusedError(f"there is no topic {topic!r} in recmail.toml{hint}")
    with writing(engine) as connection:
        user_no = find_living(connection, settings, who)
        accounts = unsubscribe(connection, user_no, topic=topic or "", at=now, channel=CHANNEL, proof=proof)
        detail = {"user_no": user_no, "topic": topic}
        record(connection, UNSUBSCRIBE, who=operator, now=now, detail=detail)
    with reading(engine) as connection:
        numbers = accounts_with_the_same_address(connection, user_no)
        waiting, leaving = (
            _messages(connection, numbers, states)
            for states in ((MessageState.PLANNED, MessageState.CLAIMED), (MessageState.SENDING,))
        )
        [user_id] = user_ids(connection, [user_no])
    return Stopped(user_id, topic or "", accounts, waiting, leaving)


def _messages(connection: sa.Connection, user_nos: Sequence[int], states: Sequence[MessageState]) -> int:
    every_run = ledger.c.run_no.in_(sa.select(runs.c.run_no))  # by the primary key, which begins with it
    theirs = among(ledger.c.user_no, user_nos)
    query = sa.select(sa.func.count()).select_from(ledger).where(every_run, theirs, state_is(ledger, *states))
    return connection.scalar(query) or 0
