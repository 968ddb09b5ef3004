"""Taking a person out of the database: in short transactions, killable at any moment, repeatable.

First the person is marked, so that nothing is sent to them and no import adds anything. Then everything of
theirs goes, in any number of steps. Last their row forgets who it was. Until then the same command finds
them again by their id, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.connect import reading, writing
from recmail.db.consent import Suppression, lock_people, suppress
from recmail.db.learned_tables import people_clusters
from recmail.db.ledger import ASKED_AGAIN, skip_erased
from recmail.db.ledger_progress import REASON_ENDS
from recmail.db.ledger_rows import state_is
from recmail.db.tables import (
    aliases,
    audit,
    consent,
    erased_ids,
    events,
    interactions,
    ledger,
    ledger_context,
    ledger_events,
    pending_events,
    preferences,
    runs,
    users,
)
from recmail.db.tombstones import ERASED, bury, id_hash, wait_for_imports
from recmail.feedback.bare_events import BARE, tells_of_a_person
from recmail.feedback.receipt import Gone
from recmail.feedback.traces import Traces, waiting_events
from recmail.records import MessageState
from recmail.tokens import email_key

REASON = "erased"
_WORDS = (events.c.raw, events.c.detail)
_ROWS = 2_000  # of one transaction: 20 ms on SQLite
_STAY = ("user_no", "user_id", "source_row_hash", "imported_at", "erased_at")


# --- what there is --------------------------------------------------------------------------------


def count_theirs(connection: sa.Connection, traces: Traces) -> list[Gone]:
    """Count what an erasure takes of somebody, kind by kind."""
    user_no = traces.user_no
    found = [Gone(what, _count(connection, table, theirs)) for what, table, theirs in _tables(user_no)]
    waiting = sum(1 for _ in waiting_events(connection, traces))
    return [*found, Gone("events that wait", waiting), Gone("other ids", len(traces.others))]


def count_messages(connection: sa.Connection, user_no: int) -> tuple[int, int]:
    """How many messages wait for somebody, and how many are leaving or may have left."""
    waiting = state_is(ledger, MessageState.PLANNED, MessageState.CLAIMED)
    leaving = state_is(ledger, MessageState.SENDING, MessageState.UNKNOWN)
    theirs = _in_runs(ledger, user_no)
    return _count(connection, ledger, theirs & waiting), _count(connection, ledger, theirs & leaving)


def _count(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0


def _in_runs(table: sa.Table, user_no: int) -> sa.ColumnElement[bool]:
    """The person's rows in every run, found by the primary key or the index: these begin with run_no."""
    return table.c.run_no.in_(sa.select(runs.c.run_no)) & (table.c.user_no == user_no)


def _tables(user_no: int) -> list[tuple[str, sa.Table, sa.ColumnElement[bool]]]:
    """What is kept of people by their number: in words, its table, and which rows are somebody's."""
    searched = interactions.c.kind == "searched"
    mine = interactions.c.user_no == user_no
    of_no_run = events.c.run_no.is_(None) & (events.c.user_no == user_no)
    return [
        ("interactions", interactions, mine & ~searched),
        ("searches", interactions, mine & searched),
        ("clusters", people_clusters, people_clusters.c.user_no == user_no),
        ("printed contexts", ledger_context, _has_context(user_no)),
        ("errors of messages", ledger, _in_runs(ledger, user_no) & ledger.c.last_error.is_not(None)),
        ("what happened to messages", ledger_events, _in_runs(ledger_events, user_no) & _says_more()),
        ("what came back", events, (_in_runs(events, user_no) | of_no_run) & tells_of_a_person()),
        ("wishes how often", preferences, preferences.c.user_no == user_no),
        ("proofs of consent", consent, (consent.c.user_no == user_no) & consent.c.proof.is_not(None)),
    ]


def _has_context(user_no: int) -> sa.ColumnElement[bool]:
    return _in_runs(ledger_context, user_no) & ledger_context.c.context.is_not(None)


def _says_more() -> sa.ColumnElement[bool]:
    """Events of the ledger whose detail is more than a reason or a decision: an answer, an error."""
    detail, state = ledger_events.c.detail, ledger_events.c.state
    is_more = (state != MessageState.FAILED) | detail.contains(REASON_ENDS)
    return detail.is_not(None) & (state != MessageState.SKIPPED) & detail.not_in(ASKED_AGAIN) & is_more


def _reason(engine: sa.Engine) -> sa.ColumnElement[str | None]:
    """The reason with which the detail of a failed message begins; NULL for all others."""
    position = sa.func.instr if engine.dialect.name == "sqlite" else sa.func.strpos
    detail = ledger_events.c.detail
    begins = sa.func.substr(detail, 1, position(detail, REASON_ENDS) - 1)
    return sa.case((ledger_events.c.state == MessageState.FAILED, begins))


# --- taking it away -------------------------------------------------------------------------------


def mark(engine: sa.Engine, traces: Traces, *, now: datetime) -> int:
    """Begin: nothing more is sent to the person, or imported; return how many messages waited."""
    with _overwriting(engine) as connection:
        lock_people(connection, [traces.user_no])
        this = users.c.user_no == traces.user_no
        connection.execute(users.update().where(this, users.c.erased_at.is_(None)).values(erased_at=now))
        if traces.email_hash:
            suppress(connection, [Suppression(traces.email_hash, REASON, now, "recmail user erase")])
        return skip_erased(connection, traces.user_no, now=now)


def take_away(engine: sa.Engine, user_no: int, *, step: Callable[[], None] = lambda: None) -> None:
    """Delete what is kept of somebody by their number; of what has to stay, whatever could name them.

    The ledger's rows stay, with their hashes: without a context they count by these in their run's hash.

    Args:
        step: called after each transaction.
    """
    blank: dict[sa.Table, dict[str, Any]] = {
        ledger_context: {"context": sa.null(), "reserves": sa.null()},
        ledger: {"last_error": None},
        ledger_events: {"detail": _reason(engine)},
        events: dict(BARE),
        consent: {"proof": None},
    }
    for _, table, theirs in _tables(user_no):
        change = table.delete() if table not in blank else table.update().values(blank[table])
        for keys in _in_steps(engine, table, theirs):
            with _overwriting(engine) as connection:
                connection.execute(change.where(_among_keys(table, keys)))
            step()


def _in_steps(
    engine: sa.Engine, table: sa.Table, where: sa.ColumnElement[bool]
) -> Iterator[Sequence[sa.Row[Any]]]:
    """The primary keys of these rows, some at a time, until there are none."""
    query = sa.select(*table.primary_key.columns).where(where).limit(_ROWS)
    while True:
        with reading(engine) as connection:
            keys = connection.execute(query).all()
        if not keys:
            return
        yield keys


def _among_keys(table: sa.Table, keys: Sequence[sa.Row[Any]]) -> sa.ColumnElement[bool]:
    """These rows; all have one user_no where the key has two columns."""
    first, *second = table.primary_key.columns
    found = among(first, [key[0] for key in keys])
    return sa.and_(found, *(column == tuple(keys[0])[1] for column in second))


def take_away_waiting(engine: sa.Engine, traces: Traces) -> None:
    """Delete events that wait for the person, or for a course and are theirs."""
    with reading(engine) as connection:
        numbers = [row["pending_no"] for row in waiting_events(connection, traces)]
    for start in range(0, len(numbers), _ROWS):
        with _overwriting(engine) as connection:
            these = among(pending_events.c.pending_no, numbers[start : start + _ROWS])
            connection.execute(pending_events.delete().where(these))


def take_away_strangers_events(engine: sa.Engine, traces: Traces) -> int:
    """Empty events of nobody known that have the person's address in them; return how many."""
    if traces.address is None:
        return 0
    written = {traces.address, email_key(traces.address) or traces.address}
    texts = [column.icontains(one, autoescape=True) for one in written for column in _WORDS]
    of_nobody = events.c.run_no.is_(None) & events.c.user_no.is_(None)
    theirs = of_nobody & sa.or_(events.c.email_hash == traces.email_hash, *texts)
    found = 0
    for keys in _in_steps(engine, events, theirs):
        with _overwriting(engine) as connection:
            connection.execute(events.update().where(_among_keys(events, keys)).values(BARE))
        found += len(keys)
    return found


def forget(engine: sa.Engine, key: bytes, traces: Traces) -> None:
    """End: the person's row forgets who it was; hashes of their ids stay, by which imports leave them out."""
    empty = {column.name: sa.null() for column in users.c if column.name not in _STAY}
    hashes = [id_hash(key, traces.user_id)]
    hashes += [id_hash(key, other_id, source) for source, other_id in traces.others]
    hashes += [traces.email_hash] if traces.email_hash else []
    nobody = f"{ERASED}{hashes[0][:24]}"
    with _overwriting(engine) as connection:
        wait_for_imports(connection)
        lock_people(connection, [traces.user_no])
        of_theirs = audit.c.detail["user_no"].as_integer() == traces.user_no
        # A file that they were exported to is named after them.
        only_whose = {"detail": {"user_no": traces.user_no}}
        connection.execute(audit.update().where(audit.c.run_no.is_(None), of_theirs).values(only_whose))
        connection.execute(aliases.delete().where(aliases.c.user_no == traces.user_no))
        this = users.update().where(users.c.user_no == traces.user_no)
        connection.execute(this.values(empty | {"user_id": nobody, "source": REASON, "source_row_hash": ""}))
        bury(connection, traces.user_no, hashes)


def take_away_what_came_later(engine: sa.Engine) -> None:
    """Take away once more what is kept of everybody who was erased.

    A plan that was being made had read them before, and so had an import on PostgreSQL.
    """
    with reading(engine) as connection:
        numbers = connection.scalars(sa.select(erased_ids.c.user_no).distinct()).all()
    for user_no in numbers:
        take_away(engine, int(user_no))


# --- what a deleted row leaves in the file ----------------------------------------------------------


@contextmanager
def _overwriting(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction for writing, in which SQLite fills what it deletes with zeros."""
    with writing(engine) as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        yield connection
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")
