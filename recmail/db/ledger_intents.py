"""The last word before a message leaves: one statement commits the intent to send it, or it stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among_parameter
from recmail.db.consent import consent_reason, lock_people
from recmail.db.ledger_rows import (
    CLAIM_COLUMNS,
    Key,
    as_rows,
    batch,
    lease_now,
    lease_until,
    lease_values,
    lock_runs,
    run_is,
    same_key,
    state_is,
    waiting_again,
    write_events,
)
from recmail.db.preferences import PERIODS, asked, over, pauses
from recmail.db.prepared import run_prepared
from recmail.db.runs import higher_runs
from recmail.db.tables import ledger, users
from recmail.db.types import UtcTime
from recmail.records import Claim, MessageState, RunState

S = MessageState
Cap = tuple[int, timedelta]
"""How many emails an address may get within how long, over all campaigns."""
_INTENT_COLUMNS = {**CLAIM_COLUMNS, "body_sha256": sa.Text(), "email": sa.Text()}


@dataclass(frozen=True, slots=True)
class Intent:
    """A claimed row whose message is written and could leave now."""

    claim: Claim
    body_sha256: str

    @property
    def key(self) -> Key:
        """The ledger row."""
        return (self.claim.run_no, self.claim.user_no)


@dataclass(frozen=True)
class Rules:
    """What an intent is checked against, apart from what the database says.

    Attributes:
        topics: of each run.
        cap: None for no limit.
    """

    topics: Mapping[int, str]
    cap: Cap | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """Where a refused row went; `reason` is of records.SKIP_WORDS when it was skipped."""

    run_no: int
    user_no: int
    state: MessageState
    reason: str | None


def one_each_person(intents: Sequence[Intent]) -> tuple[list[Intent], list[Intent]]:
    """Those that one statement may commit, and those that have to wait for the next: one for each inbox.

    Two rows of one person, or of one address, in a statement see the same snapshot, and would both pass the
    cap. Addresses are those of the claims; the statement itself looks at those of now.
    """
    people: set[int] = set()
    inboxes: set[str] = set()
    first, later = [], []
    for intent in intents:
        user_no, inbox = intent.claim.user_no, (intent.claim.email or "").lower()
        if user_no in people or inbox in inboxes:
            later.append(intent)
            continue
        first.append(intent)
        people.add(user_no)
        inboxes |= {inbox} - {""}
    return first, later


def commit_intents(
    connection: sa.Connection,
    intents: Sequence[Intent],
    rules: Rules,
    *,
    lease: timedelta,
    lease_now: datetime | None = None,
) -> set[Key]:
    """Mark messages as being sent where everything still allows it; return whose. Commit before they leave.

    Args:
        intents: at most one of each person; see `one_each_person`. Of several that share an address now, the
            first is looked at, and `refuse` settles the others.
        lease: longer than the provider may take to answer.
    """
    people = {intent.claim.user_no for intent in intents}
    if len(people) < len(intents):
        raise ValueError("several rows of one person in one statement would pass the cap together")
    lock_people(connection, people)
    accepted: set[Key] = set()
    for group in _groups(connection, intents, rules):
        values = group.values(connection, rules) | lease_values(connection, lease_now, lease)
        statement = _commit(connection.dialect.name, group.topic, group.cap(rules))
        accepted |= {(run_no, user_no) for run_no, user_no in run_prepared(connection, statement, values)}
    return accepted


def refuse(
    connection: sa.Connection, intents: Sequence[Intent], rules: Rules, *, lease_now: datetime | None = None
) -> list[Refusal]:
    """Settle what `commit_intents` did not accept, in the same transaction; return where the rows went.

    A row is skipped only for a reason that the database gives while our lease is good; a paused run, a lease
    that ran out and whatever is unexplained put it back in line. Skipping everything that the intent did not
    return once lost 7 of 400 people, whose lease had run out behind a slow sender.
    """
    refused: list[Refusal] = []
    lock_runs(connection, {intent.claim.run_no for intent in intents})
    for group in _groups(connection, intents, rules):
        values = group.values(connection, rules) | lease_values(connection, lease_now)
        statement = _refuse(connection.dialect.name, group.topic, group.cap(rules))
        refused += [
            Refusal(row.run_no, row.user_no, MessageState(row.state), row.reason)
            for row in connection.execute(statement, values)
        ]
    ended = [one for one in refused if one.state != S.PLANNED]
    write_events(
        connection, [(one.run_no, one.user_no, one.state, one.reason) for one in ended], at=rules.now
    )
    return refused


class _Cap(StrEnum):
    """Which emails count towards the cap: none, those that left, or those of higher runs that wait too."""

    NONE = "none"
    LEFT = "left"
    LEFT_AND_HIGHER = "left and higher"


@dataclass(frozen=True)
class _Group:
    """Intents that one statement looks at.

    Attributes:
        higher: open runs of higher priority, whose waiting messages come first.
    """

    topic: str
    higher: tuple[int, ...]
    intents: list[Intent]

    def cap(self, rules: Rules) -> _Cap:
        if rules.cap is None:
            return _Cap.NONE
        return _Cap.LEFT_AND_HIGHER if self.higher else _Cap.LEFT

    def values(self, connection: sa.Connection, rules: Rules) -> dict[str, Any]:
        rows = [(*one.key, one.claim.claim_id, one.body_sha256, one.claim.email) for one in self.intents]
        values: dict[str, Any] = {"rows": as_rows(connection.dialect.name, rows), "now": rules.now}
        values |= {f"days_{days}": rules.now - within for days, within in PERIODS.items()}
        if rules.cap is not None:
            values |= {"cap": rules.cap[0], "since": rules.now - rules.cap[1]}
            if self.higher:
                values |= {"higher": self.higher, "until": rules.now + rules.cap[1]}
        return values


def _groups(connection: sa.Connection, intents: Sequence[Intent], rules: Rules) -> list[_Group]:
    run_nos = {intent.claim.run_no for intent in intents}
    higher = {} if rules.cap is None else higher_runs(connection, run_nos)
    groups: dict[tuple[str, tuple[int, ...]], list[Intent]] = defaultdict(list)
    for intent in intents:
        run_no = intent.claim.run_no
        groups[rules.topics[run_no], higher.get(run_no, ())].append(intent)
    return [_Group(*key, group) for key, group in groups.items()]


_NOW: sa.BindParameter[datetime] = sa.bindparam("now", type_=UtcTime())


def _mine(mine: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(same_key(ledger, mine), ledger.c.claim_id == mine.c.claim_id, state_is(ledger, S.CLAIMED))


def _at_cap(cap: _Cap) -> sa.ColumnElement[bool]:
    """So many emails left, or may have left, for this address; without its index this is 89 % of all work.

    What waits in runs of higher priority counts like what left: planning promised it the place.
    """
    since: sa.BindParameter[datetime] = sa.bindparam("since", type_=UtcTime())
    waiting = None
    if cap == _Cap.LEFT_AND_HIGHER:
        first, sharer = ledger.alias("first"), _SHARER
        waiting = sa.select(sa.func.count()).where(
            first.c.user_no == sharer.c.user_no,
            among_parameter(first.c.run_no, "higher"),
            state_is(first, S.PLANNED, S.CLAIMED),
            first.c.due_at > since,
            first.c.due_at < sa.bindparam("until", type_=UtcTime()),
        )
    return _emails(since, waiting) >= sa.bindparam("cap", type_=sa.Integer())


_SHARER = users.alias("sharer")


def _emails(since: sa.ColumnElement[datetime], waiting: sa.Select[int] | None = None) -> sa.ScalarSelect[int]:
    """Counted for each account of the address and added up, so that SQLite begins with the accounts."""
    other = ledger.alias("other")
    left = sa.select(sa.func.count()).where(
        other.c.user_no == _SHARER.c.user_no,
        state_is(other, S.SENDING, S.SENT, S.UNKNOWN),
        other.c.intent_at > since,
    )
    each: sa.ColumnElement[int] = left.correlate_except(other).scalar_subquery()
    if waiting is not None:
        each = each + waiting.scalar_subquery()
    emails = sa.select(sa.func.sum(each)).where(_SHARER.c.email_hash == users.c.email_hash)
    return emails.correlate_except(_SHARER).scalar_subquery()


def _over_own(wish: sa.FromClause) -> sa.ColumnElement[bool]:
    """As many emails left for the address as its people want in their time."""
    since = {days: sa.bindparam(f"days_{days}", type_=UtcTime()) for days in PERIODS}
    return over(wish, _emails(sa.case(since, value=wish.c.within_days)))


def _has_left_for_the_address() -> sa.ColumnElement[bool]:
    """Another account with this address has its email of the run: addresses change after the plan."""
    other, sharer = ledger.alias("other"), users.alias("sharer")
    # Two levels below the statement SQLAlchemy would take a second `ledger` into FROM, unless it is told.
    has_left = (
        sa.exists()
        .where(
            other.c.run_no == ledger.c.run_no,
            other.c.user_no == sharer.c.user_no,
            state_is(other, S.SENDING, S.SENT, S.UNKNOWN),
        )
        .correlate(ledger, sharer)
    )
    return sa.exists().where(
        sharer.c.email_hash == users.c.email_hash, sharer.c.user_no != users.c.user_no, has_left
    )


def _one_each_address(dialect: str) -> sa.FromClause:
    """The rows of the batch, the first of each address only: two would see the same snapshot."""
    rows = batch(dialect, _INTENT_COLUMNS)
    place = sa.func.row_number().over(
        partition_by=users.c.email_hash, order_by=(rows.c.run_no, rows.c.user_no)
    )
    ranked = sa.select(rows, place.label("place")).join(users, users.c.user_no == rows.c.user_no)
    return ranked.subquery("ranked")


@lru_cache(maxsize=256)
def _commit(dialect: str, topic: str, cap: _Cap) -> sa.UpdateBase:
    mine = _one_each_address(dialect)
    against = [
        consent_reason(users.c.user_no, users.c.email_hash, topic, _NOW).is_not(None),
        _has_left_for_the_address(),
        asked(lambda wish: sa.or_(pauses(wish, _NOW), _over_own(wish))),
    ]
    if cap != _Cap.NONE:
        against.append(_at_cap(cap))
    conditions = [
        _mine(mine),
        mine.c.place == 1,
        ledger.c.next_at > lease_now(dialect),
        sa.or_(ledger.c.send_before.is_(None), ledger.c.send_before > _NOW),
        run_is(ledger.c.run_no, RunState.SENDING),
        # The message is addressed already: what is checked must be the address that it goes to.
        sa.exists().where(
            users.c.user_no == ledger.c.user_no, users.c.email == mine.c.email, *map(sa.not_, against)
        ),
    ]
    return (
        sa.update(ledger)
        .where(*conditions)
        .values(
            state=S.SENDING.value,
            intent_at=_NOW,
            next_at=lease_until(dialect),
            body_sha256=mine.c.body_sha256,
        )
        .returning(ledger.c.run_no, ledger.c.user_no)
    )


@lru_cache(maxsize=256)
def _refuse(dialect: str, topic: str, cap: _Cap) -> sa.UpdateBase:
    mine = batch(dialect, _INTENT_COLUMNS)
    against = consent_reason(users.c.user_no, users.c.email_hash, topic, _NOW)
    reasons = [
        against,
        sa.case((ledger.c.send_before <= _NOW, "too_late")),
        sa.case((_has_left_for_the_address(), "duplicate_address")),
        sa.case((asked(lambda wish: pauses(wish, _NOW)), "asked_for_pause")),
        sa.case((asked(_over_own), "cap")),
    ]
    if cap != _Cap.NONE:
        reasons.append(sa.case((_at_cap(cap), "cap")))
    why = (
        sa.select(ledger.c.run_no, ledger.c.user_no, sa.func.coalesce(*reasons).label("reason"))
        .select_from(mine)
        .join(ledger, _mine(mine))
        .join(users, users.c.user_no == ledger.c.user_no)
        .subquery("why")
    )
    skipped = sa.and_(
        why.c.reason.is_not(None),
        ledger.c.next_at > lease_now(dialect),
        sa.not_(run_is(ledger.c.run_no, RunState.CANCELLED)),
    )
    return (
        sa.update(ledger)
        .where(same_key(ledger, why))
        .values(
            state=sa.case((skipped, S.SKIPPED.value), else_=waiting_again(ledger.c.run_no)),
            reason=sa.case((skipped, why.c.reason)),
            claim_id=None,
            next_at=ledger.c.due_at,
        )
        .returning(ledger.c.run_no, ledger.c.user_no, ledger.c.state, ledger.c.reason)
    )
