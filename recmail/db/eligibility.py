"""Who of an audience may be written to now, decided in SQL: consent, address, duplicates and the cap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.sql import FromClause

from recmail.db.consent import consent_reason
from recmail.db.preferences import PERIODS, asked, over, pauses
from recmail.db.runs import OPEN
from recmail.db.tables import ledger, runs, users
from recmail.records import MessageState

_AT_ONCE = 10_000  # people read together
WAITING: sa.ColumnElement[bool] = sa.literal_column("ledger.state IN ('planned', 'claimed')")
GONE: sa.ColumnElement[bool] = sa.literal_column("ledger.state IN ('sending', 'sent', 'unknown')")


@dataclass(frozen=True)
class Eligibility:
    """What decides who of an audience gets an email.

    Attributes:
        addressed: the condition that a row of users, or of an alias of it, is in the whole audience, for
            addresses that several accounts share.
        cap: emails an address may get within a time, over all campaigns; waiting ones of approved runs count.
        run_no: this run, which does not count against itself; None for one that is not there yet.
        due: when the last email is due, by which caps and pauses are judged; None: now. Whoever is due
            earlier may still be over them, or pause, then: the intent refuses them.
        priority: of the campaign; what waits in runs of lower priority takes nobody's place.
    """

    addressed: Callable[[FromClause], sa.ColumnElement[bool]]
    topic: str
    now: datetime
    cap: tuple[int, timedelta] | None
    run_no: int | None = None
    due: datetime | None = None
    priority: int = 0

    def reason(self) -> sa.ColumnElement[str | None]:
        """Why a row of users gets no email, in SQL; NULL when they do."""
        due = self.due or self.now
        against = [
            consent_reason(users.c.user_no, users.c.email_hash, self.topic, self.now),
            sa.case((asked(lambda wish: pauses(wish, due)), "asked_for_pause")),
            sa.case((asked(lambda wish: sa.or_(*self._over_own(wish, due))), "cap")),
        ]
        if self.cap is not None:  # before duplicates: who is over the cap takes nobody's place
            emails = _emails(self.cap[1], due, self.run_no, priority=self.priority)
            against.append(sa.case((emails >= self.cap[0], "cap")))
        duplicate = _shares_an_address_with_an_earlier_one(self.addressed, self.topic, self.now)
        against.append(sa.case((duplicate, "duplicate_address")))
        return sa.func.coalesce(*against)

    def _over_own(self, wish: FromClause, due: datetime) -> Iterator[sa.ColumnElement[bool]]:
        """As many emails as the people of this address want in their time, one condition for each time."""
        for days, within in PERIODS.items():
            emails = _emails(within, due, self.run_no, priority=self.priority)
            yield sa.and_(wish.c.within_days == days, over(wish, emails))


def skip_reasons(
    connection: sa.Connection, audience: sa.Select[tuple[int]], rules: Eligibility
) -> dict[int, str | None]:
    """For everybody in `audience`, in order of user_no: why they get no email, None when they do."""
    query = sa.select(users.c.user_no, rules.reason()).where(users.c.user_no.in_(audience))
    return {int(user_no): why for user_no, why in connection.execute(query.order_by(users.c.user_no))}


def count_skip_reasons(
    connection: sa.Connection, audience: sa.Select[tuple[int]], rules: Eligibility
) -> dict[str | None, int]:
    """How many of an audience get no email for each reason of `skip_reasons`; None are those who do."""
    reason = rules.reason().label("reason")
    people = sa.select(reason).where(users.c.user_no.in_(audience)).subquery()
    query = sa.select(people.c.reason, sa.func.count()).group_by(people.c.reason)
    return {why: int(count) for why, count in connection.execute(query)}


def mailable_ids(
    connection: sa.Connection, audience: sa.Select[tuple[int]], rules: Eligibility
) -> Iterator[Sequence[str]]:
    """The user_id of those of an audience who get an email, as `skip_reasons` has it; some at a time."""
    query = sa.select(users.c.user_id).where(users.c.user_no.in_(audience), rules.reason().is_(None))
    yield from connection.execute(query.execution_options(yield_per=_AT_ONCE)).scalars().partitions()


def displaced(
    connection: sa.Connection, run_no: int, *, now: datetime, cap: tuple[int, timedelta] | None
) -> dict[int, int]:
    """How many people of a run get its email instead of one that waits in a run of lower priority, by run.

    They are over the cap with all that waits for them; an intent of the lower run will find that out.
    """
    if cap is None:
        return {}
    mine, theirs = ledger.alias("mine"), ledger.alias("theirs")
    priority = sa.select(runs.c.priority).where(runs.c.run_no == run_no).scalar_subquery()
    lower = connection.scalars(sa.select(runs.c.run_no).where(OPEN, runs.c.priority < priority)).all()
    found = {}
    for other in sorted(lower):
        waits_there = sa.exists().where(
            theirs.c.run_no == other,
            theirs.c.user_no == mine.c.user_no,
            theirs.c.state.in_((MessageState.PLANNED, MessageState.CLAIMED)),
            theirs.c.due_at > now - cap[1],
            theirs.c.due_at < now + cap[1],
        )
        people = sa.select(sa.func.count()).select_from(mine.join(users, users.c.user_no == mine.c.user_no))
        all_waiting = _emails(cap[1], now, run_no, priority=None)
        counted = people.where(
            mine.c.run_no == run_no, mine.c.state == MessageState.PLANNED, waits_there, all_waiting >= cap[0]
        )
        found[other] = connection.scalar(counted) or 0
    return {other: people for other, people in found.items() if people}


def _shares_an_address_with_an_earlier_one(
    addressed: Callable[[FromClause], sa.ColumnElement[bool]], topic: str, now: datetime
) -> sa.ColumnElement[bool]:
    """Another account of the audience with the same address, a lower number, and nothing against it.

    The cap is the address's, so it has spoken for both before. What only the slate can know stays unknown:
    where the earlier account gets no email for having too few courses, the later one gets none either.
    """
    other = users.alias("other")
    return sa.exists().where(
        other.c.email_key == users.c.email_key,
        other.c.user_no < users.c.user_no,
        # Asked of the other account only: from `IN (audience)`, SQLite works the whole audience out.
        addressed(other),
        consent_reason(other.c.user_no, other.c.email_hash, topic, now).is_(None),
    )


def _emails(
    within: timedelta, due: datetime, run_no: int | None, *, priority: int | None
) -> sa.ColumnElement[int]:
    """How many emails an address got within the time before `due`, and how many wait for it; by index.

    Those that wait count from this priority upward; all of them when it is None.
    Counted for each account and added up: from a join, SQLite reads all waiting rows of the approved runs.
    """
    sharer = users.alias("sharer")
    open_runs = sa.select(runs.c.run_no).where(OPEN)
    if priority is not None:
        open_runs = open_runs.where(runs.c.priority >= priority)
    of_other_runs = sa.true() if run_no is None else ledger.c.run_no != run_no
    count = sa.select(sa.func.count()).where(ledger.c.user_no == sharer.c.user_no, of_other_runs)
    gone = count.where(GONE, ledger.c.intent_at > due - within)
    waiting = count.where(
        WAITING,
        ledger.c.run_no.in_(open_runs),
        ledger.c.due_at > due - within,
        ledger.c.due_at < due + within,
    )
    each = gone.scalar_subquery() + waiting.scalar_subquery()
    emails = sa.select(sa.func.sum(each)).where(sharer.c.email_hash == users.c.email_hash)
    return emails.correlate_except(sharer).scalar_subquery()
