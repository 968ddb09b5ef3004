"""All that is known of one person, and where each part of it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.consent import IMPORTED, personalized, trackable
from recmail.db.learned_tables import clusters, people_clusters
from recmail.db.preferences import wishes
from recmail.db.tables import (
    consent,
    courses,
    events,
    interactions,
    ledger,
    ledger_context,
    ledger_events,
    runs,
    suppressions,
    users,
)
from recmail.feedback.accesses import Access, read_accesses
from recmail.feedback.traces import Traces, find_traces, waiting_events
from recmail.records import FAIL_WORDS, SKIP_WORDS, STATE_WORDS, MessageState

_MADE_HERE = {
    "user_no": "recmail: the person's number in this database",
    "email_key": "recmail: the address as it is compared",
    "email_hash": "recmail: a keyed hash of the address, which stays when it is erased",
    "source_row_hash": "recmail: tells whether the imported row has changed",
    "erased_at": "recmail user erase",
}
_ACCESSES = 1_000_000


@dataclass(frozen=True)
class Fact:
    """One field of a person.

    Attributes:
        origin: the import that brought it, or what recmail made it from.
        made_here: it is recmail's own: a number, a hash.
    """

    name: str
    value: Any
    origin: str
    made_here: bool = False


@dataclass(frozen=True)
class Message:
    """What one run had for the person.

    Attributes:
        outcome: in words, with the reason.
        printed: what was frozen: the name, and each course with its reason; None when it is gone.
        happened: time, state and detail of everything, in order.
    """

    run: int
    campaign: str
    outcome: str
    variant: str | None
    due_at: datetime
    sent_at: datetime | None
    provider_id: str | None
    printed: dict[str, Any] | None
    happened: list[dict[str, Any]]


@dataclass(frozen=True)
class Known:
    """All that is known of one person.

    Attributes:
        tracked: clicks and openings may be recorded.
        wishes: how often they want emails, in words.
        waiting: events that wait for their course or person.
        returned: what providers told of their messages, or of their address, as it came in; what was clicked.
        accesses: who looked at all this, the newest first.
    """

    user_id: str
    facts: list[Fact]
    personalized: bool
    tracked: bool
    wishes: list[str]
    consents: list[dict[str, Any]]
    suppression: dict[str, Any] | None
    other_ids: list[dict[str, str]]
    cluster: str | None
    interactions: list[dict[str, Any]]
    waiting: list[dict[str, Any]]
    messages: list[Message]
    returned: list[dict[str, Any]]
    accesses: list[Access]

    def to_dict(self) -> dict[str, Any]:
        """All of it with stable keys."""
        return asdict(self)


def read_known(connection: sa.Connection, user_no: int, *, now: datetime) -> Known:
    """Read all that is known of somebody."""
    traces = find_traces(connection, user_no)
    person = connection.execute(sa.select(users).where(users.c.user_no == user_no)).mappings().one()
    answers = personalized(users.c.user_no, now), trackable(users.c.user_no, now)
    is_on, is_tracked = connection.execute(sa.select(*answers).where(users.c.user_no == user_no)).one()
    cluster = (
        sa.select(clusters.c.name)
        .join(people_clusters, people_clusters.c.cluster_no == clusters.c.cluster_no)
        .where(people_clusters.c.user_no == user_no)
    )
    return Known(
        user_id=traces.user_id,
        facts=list(_facts(person)),
        personalized=bool(is_on),
        tracked=bool(is_tracked),
        wishes=wishes(connection, user_no, now=now),
        consents=_consents(connection, user_no),
        suppression=_suppression(connection, person["email_hash"]),
        other_ids=[{"source": source, "id": other_id} for source, other_id in traces.others],
        cluster=connection.scalar(cluster),
        interactions=_interactions(connection, user_no),
        waiting=[
            {name: row[name] for name in ("source", "other_id", "at", "payload")}
            for row in waiting_events(connection, traces)
        ],
        messages=[_message(connection, row) for row in _messages(connection, user_no)],
        returned=_returned(connection, traces),
        accesses=read_accesses(connection, user_no=user_no, at_most=_ACCESSES),
    )


def _facts(person: sa.RowMapping) -> Iterator[Fact]:
    imported = f"import of {person['source']}, {person['imported_at']:%Y-%m-%d %H:%M} UTC"
    for name, value in person.items():
        if value is None or name in ("source", "imported_at"):
            continue
        if name == "attributes":
            yield from (Fact(f"attributes.{key}", one, imported) for key, one in value.items())
        else:
            yield Fact(name, value, _MADE_HERE.get(name, imported), name in _MADE_HERE)


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _consents(connection: sa.Connection, user_no: int) -> list[dict[str, Any]]:
    columns = [consent.c[name] for name in ("at", "purpose", "topic", "granted", "channel", "proof")]
    query = sa.select(*columns).where(consent.c.user_no == user_no)
    return _rows(connection, query.order_by(consent.c.at, consent.c.consent_no))


def _suppression(connection: sa.Connection, email_hash: str | None) -> dict[str, Any] | None:
    columns = [suppressions.c[name] for name in ("reason", "at", "source")]
    found = _rows(connection, sa.select(*columns).where(suppressions.c.email_hash == email_hash))
    if not found:
        return None
    lasts = "until they say yes again" if found[0]["reason"] == IMPORTED else "for good"
    return {**found[0], "lasts": lasts}


def _interactions(connection: sa.Connection, user_no: int) -> list[dict[str, Any]]:
    names = ("at", "kind", "value", "amount_minor", "currency", "seconds", "query", "source")
    columns = [courses.c.course_id, courses.c.title, *(interactions.c[name] for name in names)]
    query = (
        sa.select(*columns)
        .select_from(interactions)
        .outerjoin(courses, courses.c.course_no == interactions.c.course_no)
        .where(interactions.c.user_no == user_no)
        .order_by(interactions.c.at, interactions.c.interaction_no)
    )
    return [_filled(row) for row in _rows(connection, query)]


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _messages(connection: sa.Connection, user_no: int) -> list[dict[str, Any]]:
    mine = (ledger_context.c.run_no == ledger.c.run_no) & (ledger_context.c.user_no == ledger.c.user_no)
    query = (
        sa.select(ledger, runs.c.campaign, ledger_context.c.context)
        .join(runs, runs.c.run_no == ledger.c.run_no)
        .outerjoin(ledger_context, mine)
        # By the primary key: no index of the ledger begins with user_no.
        .where(ledger.c.run_no.in_(sa.select(runs.c.run_no)), ledger.c.user_no == user_no)
        .order_by(ledger.c.run_no)
    )
    return _rows(connection, query)


def _message(connection: sa.Connection, row: dict[str, Any]) -> Message:
    reason = row["reason"]
    words = STATE_WORDS[MessageState(row["state"])]
    if reason is not None:
        words = f"{words}: {SKIP_WORDS.get(reason) or FAIL_WORDS.get(reason) or reason}"
    event = ledger_events.c
    happened = sa.select(event.at, event.state, event.detail).where(
        event.run_no == row["run_no"], event.user_no == row["user_no"]
    )
    return Message(
        run=row["run_no"],
        campaign=row["campaign"],
        outcome=words,
        variant=row["variant"],
        due_at=row["due_at"],
        sent_at=row["sent_at"],
        provider_id=row["provider_id"],
        printed=_printed(connection, row["context"]),
        happened=[_filled(one) for one in _rows(connection, happened.order_by(event.event_no))],
    )


def _printed(connection: sa.Connection, context: dict[str, Any] | None) -> dict[str, Any] | None:
    if not context:
        return None
    slots = context.get("slots", [])
    numbers = {number for slot in slots for number in (slot[1], *slot[6:7]) if number is not None}
    titles = sa.select(courses.c.course_no, courses.c.title).where(courses.c.course_no.in_(numbers))
    by_number = {int(number): title for number, title in connection.execute(titles)}
    return {
        "user": context.get("user"),
        "courses": [
            _filled(
                {
                    "title": by_number.get(slot[1]),
                    "why": slot[2],
                    "chosen_by": slot[3],
                    "because_of": by_number.get(slot[6]) if len(slot) > 6 else None,
                }
            )
            for slot in slots
        ],
    }


_TOLD = (
    *("at", "kind", "provider", "run_no", "received_at", "status", "detail", "by_machine"),
    *("url", "block", "raw"),
)


def _returned(connection: sa.Connection, traces: Traces) -> list[dict[str, Any]]:
    of_run = events.c.run_no.in_(sa.select(runs.c.run_no)) & (events.c.user_no == traces.user_no)
    of_none = events.c.run_no.is_(None) & (events.c.email_hash == traces.email_hash)
    query = sa.select(*(events.c[name] for name in _TOLD), courses.c.title.label("course"))
    query = query.outerjoin(courses, courses.c.course_no == events.c.course_no)
    query = query.where(sa.or_(of_run, of_none)).order_by(events.c.at, events.c.event_no)
    return [
        {name: one for name, one in _filled(row).items() if one != ""} for row in _rows(connection, query)
    ]
