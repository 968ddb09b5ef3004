"""People whose messages left, and events about them, for tests of what came back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import consent, events, ledger, ledger_events, suppressions, users
from recmail.feedback.recording import Counts, Returned, record
from recmail.records import Event, EventKind
from recmail.tokens import email_hash
from tests.ledgers import add_people, add_run, set_rows

KEY = b"a key that is long enough to be one"
DAY = timedelta(days=1)


def people(engine: sa.Engine, now: datetime, count: int) -> None:
    """People u0, u1, ... whose addresses are hashed under KEY."""
    add_people(engine, now, count)
    rows = [{"no": number, "hash": hash_of(number)} for number in range(count)]
    with writing(engine) as connection:
        change = sa.update(users).where(users.c.user_no == sa.bindparam("no"))
        connection.execute(change.values(email_hash=sa.bindparam("hash")), rows)


def hash_of(number: int) -> str:
    return email_hash(KEY, address(number))


def address(number: int) -> str:
    return f"u{number}@example.org"


def sent_run(engine: sa.Engine, run_no: int, at: datetime, *, people: Sequence[int], **row: Any) -> None:
    """A run whose messages left at a time, each called "RUN-PERSON" by its provider."""
    add_run(engine, run_no, at, people=people)
    named = sa.func.concat(run_no, "-", ledger.c.user_no) if engine.dialect.name == "postgresql" else None
    name = named if named is not None else sa.literal(f"{run_no}-") + sa.cast(ledger.c.user_no, sa.Text)
    values = {"state": "sent", "intent_at": at, "sent_at": at, "provider_id": name, "claim_id": "x"}
    set_rows(engine, run_no, **values | row)


def event(run_no: int, user_no: int, kind: EventKind, at: datetime, **more: Any) -> Event:
    """An event about a message of `sent_run`."""
    fields: dict[str, Any] = {"key": f"{run_no}-{user_no}-{kind}-{at:%m%d%H%M}"}
    if not {"message_id", "provider_id"} & set(more):
        fields["provider_id"] = f"{run_no}-{user_no}"
    return Event(kind=kind, at=at, **fields | more)


def told(engine: sa.Engine, *said: Event, now: datetime, provider: str = "relay") -> Counts:
    """Record events as one provider's."""
    return record(engine, provider, [Returned(one) for one in said], key=KEY, now=now)


def state(engine: sa.Engine) -> dict[str, list[Any]]:
    """Everything that events write or change, in an order of its own."""
    with reading(engine) as connection:
        return {
            "events": _rows(connection, events, but={"event_no", "received_at"}),
            "suppressions": _rows(connection, suppressions),
            "consent": _rows(connection, consent, but={"consent_no"}),
            "ledger": _rows(connection, ledger),
            "ledger_events": _rows(connection, ledger_events, but={"event_no", "at"}),
        }


def _rows(
    connection: sa.Connection, table: sa.Table, but: frozenset[str] | set[str] = frozenset()
) -> list[Any]:
    columns = [column for column in table.c if column.name not in but]
    return sorted((tuple(row) for row in connection.execute(sa.select(*columns))), key=repr)


def suppressed(engine: sa.Engine) -> dict[int, str]:
    """The reason by person."""
    query = sa.select(users.c.user_no, suppressions.c.reason)
    with reading(engine) as connection:
        found = connection.execute(query.join(suppressions, suppressions.c.email_hash == users.c.email_hash))
        return dict(found.all())
