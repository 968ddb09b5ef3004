"""What follows from what came back: addresses that get nothing more, opt-outs, and unclear messages settled.

Whatever follows is the same in whichever order events come, however often, and whenever: of several reasons
to suppress an address the earliest counts, an opt-out has the time at which it was said, and a message that
is known to have left stays sent. A bounce is an event of a sent message and moves no row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import EMAIL, Consent, Suppression, lock_people, record_consent, suppress
from recmail.db.ledger_rows import KEY_COLUMNS, Key, as_rows, batch, same_key, state_is, write_events
from recmail.db.tables import events, ledger, suppressions, users
from recmail.db.types import UtcTime
from recmail.feedback.soft_bounces import SOFT_BOUNCES, is_policy, worn_out
from recmail.records import EventKind, MessageState

CHANNEL = "api"
"""Of consent: who unsubscribed at the provider did not use a page of ours."""
_OF_BOUNCES = ("hard_bounce", "complaint", SOFT_BOUNCES)
_LEFT = "something came back of it"


@dataclass(frozen=True, slots=True)
class Known:
    """An event as it is written down.

    Attributes:
        run_no: with user_no, whose message; None when that is not known here.
        email_hash: of the address that it went to; None when nobody said and nobody knows.
    """

    provider: str
    kind: EventKind
    at: datetime
    run_no: int | None
    user_no: int | None
    email_hash: str | None
    status: str
    dead: bool
    by_machine: bool
    provider_id: str | None

    @property
    def key(self) -> Key | None:
        """The ledger row."""
        return None if self.run_no is None or self.user_no is None else (self.run_no, self.user_no)


@dataclass(frozen=True)
class Changes:
    """How many addresses get nothing more, how many accounts said no, how many messages are clear now."""

    suppressed: int = 0
    unsubscribed: int = 0
    settled: int = 0


def apply(connection: sa.Connection, known: Sequence[Known], *, now: datetime) -> Changes:
    """Do what follows from events that were just written down, in their transaction.

    Nothing does from those of messages that are not known here: other systems may share the account.
    """
    known = [one for one in known if one.key]
    if not known:
        return Changes()
    said_no = [
        one for one in known if one.kind == EventKind.UNSUBSCRIBED and not one.by_machine and one.email_hash
    ]
    dead = [row for one in known if (row := _suppression(one)) is not None]
    bounced = [one for one in known if one.kind == EventKind.BOUNCED and one.email_hash]
    people = {one.user_no for one in (*said_no, *bounced) if one.user_no is not None}
    hashes = {one.email_hash for one in (*said_no, *bounced) if one.email_hash}
    hashes |= {row.email_hash for row in dead}
    if hashes:
        lock_people(connection, people, email_hashes=hashes)
    dead += worn_out(connection, {one.user_no for one in bounced if one.user_no is not None})
    return Changes(
        suppressed=_suppress(connection, dead),
        unsubscribed=_unsubscribe(connection, said_no),
        settled=_settle(connection, known, now),
    )


# --- addresses ------------------------------------------------------------------------------------


def _suppression(one: Known) -> Suppression | None:
    """A hard bounce or a complaint, of the address that the message went to."""
    if one.email_hash is None:
        return None
    if one.kind == EventKind.COMPLAINED:
        return Suppression(one.email_hash, "complaint", one.at, one.provider)
    if one.kind == EventKind.BOUNCED and one.dead and not is_policy(one.status):
        return Suppression(one.email_hash, "hard_bounce", one.at, one.provider)
    return None


def _suppress(connection: sa.Connection, rows: Iterable[Suppression]) -> int:
    """Suppress addresses; the earliest reason of what came back stays, whichever came first."""
    first: dict[str, Suppression] = {}
    for row in rows:
        before = first.get(row.email_hash)
        if before is None or _order(row) < _order(before):
            first[row.email_hash] = row
    if not first:
        return 0
    new, changed = suppress(connection, list(first.values()))
    dialect = connection.dialect.name
    found = [(row.email_hash, row.reason, row.at, row.source) for row in first.values()]
    connection.execute(_earlier(dialect), {"rows": as_rows(dialect, found)})
    return new + changed


def _order(row: Suppression) -> tuple[datetime, str, str]:
    return row.at, row.reason, row.source


@lru_cache(maxsize=2)
def _earlier(dialect: str) -> sa.UpdateBase:
    texts: dict[str, sa.types.TypeEngine[Any]] = {
        "email_hash": sa.Text(),
        "reason": sa.Text(),
        "at": UtcTime(),
        "source": sa.Text(),
    }
    found, kept = batch(dialect, texts), suppressions.c
    is_earlier = sa.tuple_(found.c.at, found.c.reason, found.c.source) < sa.tuple_(
        kept.at, kept.reason, kept.source
    )
    return (
        sa.update(suppressions)
        .where(kept.email_hash == found.c.email_hash, kept.reason.in_(_OF_BOUNCES), is_earlier)
        .values(reason=found.c.reason, at=found.c.at, source=found.c.source)
    )


# --- opt-outs -------------------------------------------------------------------------------------


def _unsubscribe(connection: sa.Connection, said_no: Sequence[Known]) -> int:
    """Record a no to all emails, at the time it was said: a later yes on our own page stays a yes.

    For every account with the address: it is the same inbox.
    """
    if not said_no:
        return 0
    hashes = sorted({one.email_hash for one in said_no if one.email_hash})
    query = sa.select(users.c.user_no, users.c.email_hash).where(among(users.c.email_hash, hashes))
    accounts: dict[str, list[int]] = defaultdict(list)
    for user_no, address in connection.execute(query.order_by(users.c.user_no)):
        accounts[address].append(user_no)
    rows = [
        Consent(user_no, EMAIL, False, one.at, CHANNEL, f"unsubscribed, says {one.provider}")
        for one in said_no
        for user_no in sorted({*accounts[one.email_hash or ""], *_person(one)})
    ]
    record_consent(connection, rows)
    return len({row.user_no for row in rows})


def _person(one: Known) -> tuple[int, ...]:
    return () if one.user_no is None else (one.user_no,)


# --- unclear messages -----------------------------------------------------------------------------


def settle_unclear(connection: sa.Connection, *, now: datetime, at_most: int) -> int:
    """Settle messages that became unclear after something had come back of them; return how many."""
    found = sa.select(ledger.c.run_no, ledger.c.user_no).where(state_is(ledger, MessageState.UNKNOWN))
    found = found.where(sa.exists().where(same_key(events, ledger))).limit(at_most)
    return _mark_sent(connection, [(*key, None) for key in connection.execute(found)], now)


def _settle(connection: sa.Connection, known: Sequence[Known], now: datetime) -> int:
    """Whatever comes back of a message, its provider had it."""
    return _mark_sent(
        connection, list({one.key: (*one.key, one.provider_id) for one in known if one.key}.values()), now
    )


def _mark_sent(connection: sa.Connection, rows: Sequence[tuple[int, int, str | None]], now: datetime) -> int:
    if not rows:
        return 0
    dialect = connection.dialect.name
    values = {"rows": as_rows(dialect, rows), "now": now}
    moved = connection.execute(_sent(dialect), values).all()
    write_events(connection, [(*key, MessageState.SENT, _LEFT) for key in moved], at=now)
    return len(moved)


@lru_cache(maxsize=2)
def _sent(dialect: str) -> sa.UpdateBase:
    rows = batch(dialect, {**KEY_COLUMNS, "provider_id": sa.Text()})
    unclear = (
        sa.select(ledger.c.run_no, ledger.c.user_no, rows.c.provider_id)
        .select_from(rows)
        .join(ledger, same_key(ledger, rows))
        .where(state_is(ledger, MessageState.UNKNOWN))
        .order_by(ledger.c.run_no, ledger.c.user_no)
        .with_for_update(of=ledger, skip_locked=True)  # who holds it settles it; else the next look does
        .cte("unclear")
    )
    return (
        sa.update(ledger)
        .where(same_key(ledger, unclear))
        .values(
            state=MessageState.SENT.value,
            sent_at=sa.func.coalesce(ledger.c.intent_at, sa.bindparam("now", type_=UtcTime())),
            provider_id=sa.func.coalesce(sa.func.nullif(ledger.c.provider_id, ""), unclear.c.provider_id),
            last_error=None,
        )
        .returning(ledger.c.run_no, ledger.c.user_no)
    )
