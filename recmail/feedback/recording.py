"""Writing down what came back: each event once, in any order, and with it whatever it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.connect import reading, writing
from recmail.db.inserting import insert
from recmail.db.ledger_rows import Key, as_rows, batch
from recmail.db.tables import events
from recmail.db.types import UtcTime, clean
from recmail.feedback.applying import Changes, Known, apply, settle_unclear
from recmail.feedback.bare_events import BARE, NOTHING, of_erased
from recmail.feedback.matching import Message, Messages, Named
from recmail.history.importing_pace import Pace
from recmail.records import Event, EventKind
from recmail.tokens import email_hash, email_key

_LONGEST_KEY, _LONGEST_DETAIL, _LONGEST_URL, _LONGEST_RAW = 200, 1_000, 4_000, 64_000
_FIRST, _SETTLED_AT_ONCE = 500, 1_000
Progress = Callable[[int], None]
"""Told how many more events were dealt with, between two transactions."""


@dataclass(frozen=True, slots=True)
class Returned:
    """An event, and what is known of it besides.

    Attributes:
        row: the ledger row that it is about, where a token of ours says so.
        vouched: who says so was checked. Else it is mail, which anybody may write: it is believed of the
            address that its person has, and of no other.
    """

    event: Event
    row: Key | None = None
    vouched: bool = True

    @property
    def named(self) -> Named:
        """What it calls its message."""
        return Named(self.row, self.event.message_id or None, self.event.provider_id or None)


@dataclass(frozen=True)
class Counts:
    """What became of events.

    Attributes:
        new: written down now; the rest was known.
        known: came before.
        stray: of the new ones, those of messages that are not known here, or not yet.
        matched: came before, and their message became known only now.
        suppressed: addresses that get nothing more.
        unsubscribed: accounts that said no.
        settled: messages that were unclear and are known to have left.
    """

    new: int = 0
    known: int = 0
    stray: int = 0
    matched: int = 0
    suppressed: int = 0
    unsubscribed: int = 0
    settled: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def with_changes(self, changes: Changes) -> Counts:
        """Return the same with what followed from it."""
        return self + Counts(
            suppressed=changes.suppressed, unsubscribed=changes.unsubscribed, settled=changes.settled
        )


def record(
    engine: sa.Engine,
    provider: str,
    returned: Iterable[Returned],
    *,
    key: bytes,
    now: datetime,
    progress: Progress | None = None,
) -> Counts:
    """Write events down and do what follows from them, in short transactions.

    An event that is there already changes nothing, so the same may be recorded again after a kill. Events of
    messages that the ledger does not know stay, for `match_again`. Of people who were erased only the bare
    event is kept.

    Args:
        provider: its name in recmail.toml, or who else says so.
        key: the project's, for hashing addresses.
        now: when they were received.
    """
    first = {_event_key(provider, one.event, key): one for one in reversed(list(returned))}
    work = [
        (name, first[name]) for name in sorted(first)
    ]  # ascending: two at once do not wait for each other
    return _in_batches(
        engine, work, lambda connection, part: _record(connection, provider, part, key, now), progress
    )


def rehearse(engine: sa.Engine, provider: str, returned: Iterable[Returned], *, key: bytes) -> Counts:
    """Count what `record` would write down, and change nothing."""
    first = {_event_key(provider, one.event, key): one for one in returned}
    dialect = engine.dialect.name
    with reading(engine) as connection:
        known = set(
            connection.scalars(_known(dialect), {"rows": as_rows(dialect, ((one,) for one in first))})
        )
        new = [one for name, one in first.items() if name not in known]
        messages = Messages(connection, (one.named for one in new))
        stray = sum(messages.of(one.named) is None for one in new)
    return Counts(new=len(new), known=len(known), stray=stray)


def match_again(
    engine: sa.Engine, *, now: datetime, since: datetime | None = None, progress: Progress | None = None
) -> Counts:
    """Find the messages of events that came before the ledger knew them, and do what follows.

    A webhook may be faster than the commit that writes the provider's id into the ledger, and a worker that
    dies before it leaves the message unclear, until the lease runs out.

    Args:
        since: only of events that were received then or later; None for all. Those of other systems that
            share the provider's account never match.
    """
    counts = Counts()
    place: tuple[datetime, int] | None = None
    pace = _pace()
    while True:
        with reading(engine) as connection:
            strays = connection.execute(_strays(since, place, pace.rows)).mappings().all()
            if not strays:
                break
            messages = Messages(connection, (_named(row) for row in strays))
        place = (strays[-1]["received_at"], strays[-1]["event_no"])
        found = [(dict(row), message) for row in strays if (message := messages.of(_named(row)))]
        counts += _in_batches(
            engine, found, lambda connection, part: _take_up(connection, part, now), progress, pace
        )
    settled = _SETTLED_AT_ONCE
    while settled == _SETTLED_AT_ONCE:
        with writing(engine) as connection:
            settled = settle_unclear(connection, now=now, at_most=_SETTLED_AT_ONCE)
        counts += Counts(settled=settled)
    return counts


def _pace() -> Pace:
    """Begin with fewer than an import: an event costs several times what a row of a file does."""
    pace = Pace()
    pace.rows = _FIRST
    return pace


def _in_batches(
    engine: sa.Engine,
    work: Sequence[Any],
    write: Callable[[sa.Connection, Sequence[Any]], Counts],
    progress: Progress | None,
    pace: Pace | None = None,
) -> Counts:
    counts, pace = Counts(), pace or _pace()
    for part in pace.batches(work):
        began = time.perf_counter()
        with writing(engine) as connection:
            found = write(connection, part)
        pace.took(len(part), time.perf_counter() - began, written=found.new + found.matched)
        counts += found
        if progress is not None:
            progress(len(part))
    return counts


# --- new ones -------------------------------------------------------------------------------------

_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "event_key": sa.Text(),
    "kind": sa.Text(),
    "at": UtcTime(),
    "run_no": sa.BigInteger(),
    "user_no": sa.BigInteger(),
    "email_hash": sa.Text(),
    "status": sa.Text(),
    "dead": sa.Boolean(),
    "by_machine": sa.Boolean(),
    "detail": sa.Text(),
    "url": sa.Text(),
    "message_id": sa.Text(),
    "provider_id": sa.Text(),
    "raw": sa.Text(),
}


def _record(
    connection: sa.Connection,
    provider: str,
    part: Sequence[tuple[str, Returned]],
    key: bytes,
    now: datetime,
) -> Counts:
    dialect = connection.dialect.name
    names = as_rows(dialect, ((name,) for name, _ in part))
    known = set(connection.scalars(_known(dialect), {"rows": names}))
    count, part = len(part), [(name, one) for name, one in part if name not in known]
    if not part:
        return Counts(known=count)
    messages = Messages(connection, (one.named for _, one in part))
    found = {name: messages.of(one.named) for name, one in part}
    hashes = {name: _hash_of(one, found[name], key) for name, one in part}
    bare = of_erased(connection, key, {name: (one.event, found[name]) for name, one in part})
    rows = [_row(name, one.event, found[name], hashes[name], bare=name in bare) for name, one in part]
    values = {"rows": as_rows(dialect, rows), "provider": provider, "now": now}
    new = set(connection.scalars(_insert(connection), values))
    changes = apply(
        connection,
        [_known_event(provider, one.event, found[name], hashes[name]) for name, one in part if name in new],
        now=now,
    )
    stray = sum(found[name] is None for name in new)
    return Counts(new=len(new), known=count - len(new), stray=stray).with_changes(changes)


def _event_key(provider: str, event: Event, key: bytes) -> str:
    """The event's own id; hashed where it is long, or may name an address, which would outlive an erasure."""
    found = clean(f"{provider}:{event.key}")
    is_plain = len(found) <= _LONGEST_KEY and "@" not in found
    return found if is_plain else f"{provider}:{email_hash(key, found)}"


def _hash_of(one: Returned, message: Message | None, key: bytes) -> str | None:
    """The address that the message went to: as the event says, else the one that its person has now."""
    written = email_key(one.event.email) if one.event.email else None
    if written is None:
        return message.email_hash if message else None
    said = email_hash(key, written)
    return said if one.vouched or (message is not None and said == message.email_hash) else None


def _row(
    name: str, event: Event, message: Message | None, address: str | None, *, bare: bool
) -> tuple[Any, ...]:
    if bare:
        event, address = replace(event, detail="", url="", raw=NOTHING), None
    return (
        name,
        event.kind.value,
        event.at,
        message.run_no if message else None,
        message.user_no if message else None,
        address,
        clean(event.status[:20]),
        event.dead,
        event.by_machine,
        clean(event.detail[:_LONGEST_DETAIL]),
        clean(event.url[:_LONGEST_URL]) if event.url else None,
        clean(event.message_id[:_LONGEST_URL]) if event.message_id and not message else None,
        clean(event.provider_id[:_LONGEST_URL]) if event.provider_id and not message else None,
        clean(event.raw[:_LONGEST_RAW]),
    )


def _known_event(provider: str, event: Event, message: Message | None, address: str | None) -> Known:
    return Known(
        provider=provider,
        kind=event.kind,
        at=event.at,
        run_no=message.run_no if message else None,
        user_no=message.user_no if message else None,
        email_hash=address,
        status=event.status,
        dead=event.dead,
        by_machine=event.by_machine,
        provider_id=event.provider_id,
    )


def _insert(connection: sa.Connection) -> Any:
    rows = batch(connection.dialect.name, _COLUMNS)
    chosen = sa.select(
        *(rows.c[name] for name in _COLUMNS),
        sa.bindparam("provider", type_=sa.Text()),
        sa.bindparam("now", type_=UtcTime()),
    ).where(sa.text("1 = 1"))  # SQLite would read ON CONFLICT as part of a join
    statement = insert(connection, events).from_select([*_COLUMNS, "provider", "received_at"], chosen)
    return statement.on_conflict_do_nothing(index_elements=["event_key"]).returning(events.c.event_key)


@lru_cache(maxsize=2)
def _known(dialect: str) -> sa.Select[Any]:
    rows = batch(dialect, {"event_key": sa.Text()})
    return sa.select(events.c.event_key).join(rows, rows.c.event_key == events.c.event_key)


# --- strays ---------------------------------------------------------------------------------------


def _strays(since: datetime | None, after: tuple[datetime, int] | None, limit: int) -> sa.Select[Any]:
    # The names of a message are kept while it is not known. Not by run_no IS NULL: SQLite takes that for a
    # reason to use another index, and to sort all strays for every page of them.
    named = sa.func.coalesce(events.c.provider_id, events.c.message_id)
    query = sa.select(events).where(named.is_not(None))
    if since is not None:
        query = query.where(events.c.received_at >= since)
    if after is not None:
        place = sa.tuple_(events.c.received_at, events.c.event_no)
        query = query.where(place > sa.tuple_(sa.literal(after[0], UtcTime()), sa.literal(after[1])))
    return query.order_by(events.c.received_at, events.c.event_no).limit(limit)


def _named(row: Any) -> Named:
    return Named(None, row["message_id"], row["provider_id"])


def _take_up(
    connection: sa.Connection, part: Sequence[tuple[dict[str, Any], Message]], now: datetime
) -> Counts:
    rows = [
        (row["event_no"], message.run_no, message.user_no, row["email_hash"] or message.email_hash)
        for row, message in part
    ]
    dialect = connection.dialect.name
    taken = set(connection.scalars(_adopt(dialect), {"rows": as_rows(dialect, rows)}))
    if bare := [row["event_no"] for row, message in part if message.erased]:
        connection.execute(sa.update(events).where(among(events.c.event_no, bare)).values(BARE))
    known = [
        Known(
            provider=row["provider"],
            kind=EventKind(row["kind"]),
            at=row["at"],
            run_no=message.run_no,
            user_no=message.user_no,
            email_hash=row["email_hash"] or message.email_hash,
            status=row["status"],
            dead=row["dead"],
            by_machine=row["by_machine"],
            provider_id=row["provider_id"],
        )
        for row, message in part
        if row["event_no"] in taken
    ]
    return Counts(matched=len(taken)).with_changes(apply(connection, known, now=now))


@lru_cache(maxsize=2)
def _adopt(dialect: str) -> sa.UpdateBase:
    columns = {name: sa.BigInteger() for name in ("event_no", "run_no", "user_no")}
    found = batch(dialect, {**columns, "email_hash": sa.Text()})
    return (
        sa.update(events)
        .where(events.c.event_no == found.c.event_no, events.c.run_no.is_(None))
        .values(
            run_no=found.c.run_no,
            user_no=found.c.user_no,
            email_hash=found.c.email_hash,
            message_id=None,
            provider_id=None,
        )
        .returning(events.c.event_no)
    )
