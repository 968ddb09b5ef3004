"""Messages, enrolments and opt-outs for tests of reports, written straight into the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.tables import (
    consent,
    courses,
    events,
    imports,
    interactions,
    ledger,
    ledger_context,
    run_shards,
    runs,
    users,
)
from tests.rows import course_row, run_row, user_row

HOUR = timedelta(hours=1)
BLOCKS = ("picks", "staff")
_TABLES = (ledger_context, ledger, run_shards, runs, consent, events, interactions, imports, courses, users)


@dataclass(frozen=True)
class Message:
    """One ledger row.

    Attributes:
        sent_h: hours after the start at which it left; None: it did not.
        slots: block, course_no, and whether a fallback filled up, top to bottom.
    """

    run_no: int
    user_no: int
    sent_h: float | None
    slots: Sequence[tuple[int, int, bool]] = ()
    variant: str | None = None
    state: str = "sent"
    reason: str | None = None
    due_h: float = 0


@dataclass(frozen=True)
class Enrolment:
    """One interaction."""

    user_no: int
    course_no: int
    at_h: float
    amount: int | None = None
    currency: str | None = None
    kind: str = "enrolled"


@dataclass
class World:
    """What a test puts into the database, times being hours after `start`."""

    start: datetime
    messages: list[Message] = field(default_factory=list)
    enrolments: list[Enrolment] = field(default_factory=list)
    said_no: list[tuple[int, float, str]] = field(default_factory=list)  # user_no, hour, channel
    events: list[dict[str, Any]] = field(default_factory=list)
    imported_h: float | None = 1_000
    campaigns: dict[int, str] = field(default_factory=dict)

    def at(self, hours: float) -> datetime:
        """A time."""
        return self.start + hours * HOUR

    def write(self, engine: sa.Engine, *, people: int = 8, number_of_courses: int = 8) -> None:
        """Replace everything that is in the database."""
        with writing(engine) as connection:
            for table in _TABLES:
                connection.execute(sa.delete(table))
            _insert(connection, users, [user_row(number, self.start) for number in range(people)])
            _insert(connection, courses, [course_row(no, self.start) for no in range(number_of_courses)])
            run_nos = sorted({one.run_no for one in self.messages})
            _insert(connection, runs, [self._run(run_no) for run_no in run_nos])
            _insert(connection, run_shards, [self._shard(run_no) for run_no in run_nos])
            _insert(connection, ledger, [self._row(one) for one in self.messages])
            contexts = [_context(one) for one in self.messages if one.state not in ("held_out", "skipped")]
            _insert(connection, ledger_context, contexts)
            _insert(connection, interactions, [self._event(*one) for one in enumerate(self.enrolments)])
            _insert(connection, consent, [self._no(*one) for one in self.said_no])
            _insert(connection, events, [self._told(*one) for one in enumerate(self.events)])
            if self.imported_h is not None:
                at = self.at(self.imported_h)
                done = {"source": "test", "kind": "interactions", "started_at": at, "finished_at": at}
                _insert(connection, imports, [{**done, "counts": {}, "rejects": {}}])

    def _run(self, run_no: int) -> dict[str, Any]:
        campaign = self.campaigns.get(run_no, "weekly")
        return run_row(run_no, self.start + run_no * HOUR, campaign=campaign, state="finished")

    def _shard(self, run_no: int) -> dict[str, Any]:
        rows = sum(one.run_no == run_no for one in self.messages)
        return {"run_no": run_no, "shard": 0, "rows": rows, "hash": "", "committed_at": self.start}

    def _row(self, one: Message) -> dict[str, Any]:
        planned = one.state not in ("held_out", "skipped")
        sent_at = None if one.sent_h is None else self.at(one.sent_h)
        return {
            "run_no": one.run_no,
            "user_no": one.user_no,
            "state": one.state,
            "reason": one.reason,
            "variant": one.variant,
            "due_at": self.at(one.due_h),
            "next_at": self.at(one.due_h),
            "message_id": f"{one.run_no}.{one.user_no}@acme.example" if planned else None,
            "intent_at": sent_at,
            "sent_at": sent_at,
            "row_hash": "",
        }

    def _event(self, number: int, one: Enrolment) -> dict[str, Any]:
        return {
            "event_key": str(number),
            "user_no": one.user_no,
            "course_no": one.course_no,
            "kind": one.kind,
            "at": self.at(one.at_h),
            "amount_minor": one.amount,
            "currency": one.currency,
            "source": "test",
        }

    def _no(self, user_no: int, at_h: float, channel: str) -> dict[str, Any]:
        said = {"user_no": user_no, "purpose": "email", "topic": "", "granted": False}
        return {**said, "at": self.at(at_h), "channel": channel}

    def _told(self, number: int, told: dict[str, Any]) -> dict[str, Any]:
        at = self.at(told["at_h"])
        told = {name: value for name, value in told.items() if name != "at_h"}
        return {"provider": "x", "event_key": str(number), "at": at, "received_at": at, "raw": "", **told}


def _context(one: Message) -> dict[str, Any]:
    slots = [
        [block, course, "reason", "popular" if fallback else BLOCKS[block], fallback, 1.0, None, None]
        for block, course, fallback in one.slots
    ]
    return {
        "run_no": one.run_no,
        "user_no": one.user_no,
        "context": {"user": {}, "slots": slots},
        "reserves": [],
    }


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
    if rows := list(rows):
        connection.execute(table.insert(), rows)
