"""Who of an audience may be written to now, decided in SQL: consent, address, duplicates and the cap."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.sql import FromClause

from recmail.db.consent import consent_reason
from recmail.db.tables import ledger, runs, users

# A plan that nobody approved takes nobody's place: marketers plan several times before they approve.
OPEN_RUNS: sa.ColumnElement[bool] = sa.literal_column(
    "runs.state IN ('approved', 'scheduled', 'sending', 'paused')"
)
WAITING: sa.ColumnElement[bool] = sa.literal_column("ledger.state IN ('planned', 'claimed')")
GONE: sa.ColumnElement[bool] = sa.literal_column("ledger.state IN ('sending', 'sent', 'unknown')")


def skip_reasons(
    connection: sa.Connection,
    audience: sa.Select[tuple[int]],
    *,
    addressed: Callable[[FromClause], sa.ColumnElement[bool]],
    topic: str,
    now: datetime,
    cap: tuple[int, timedelta] | None,
    run_no: int | None,
    due: datetime | None = None,
) -> dict[int, str | None]:
    """For everybody in `audience`, in order of user_no: why they get no email, None when they do.

    Args:
        audience: user numbers of this shard.
        addressed: the condition that a row of users, or of an alias of it, is in the whole audience, for
            addresses that several accounts share.
        cap: emails an address may get within a time, over all campaigns; waiting ones of approved runs count.
        run_no: this run, which does not count against itself.
        due: when the last email is due, by which the cap is judged; None: now. Whoever is due earlier may
            still be over it then: the intent refuses them.
    """
    reason = _reason(addressed, topic=topic, now=now, cap=cap, run_no=run_no, due=due or now)
    query = sa.select(users.c.user_no, reason).where(users.c.user_no.in_(audience)).order_by(users.c.user_no)
    return {int(user_no): why for user_no, why in connection.execute(query)}


def count_skip_reasons(
    connection: sa.Connection,
    audience: sa.Select[tuple[int]],
    *,
    addressed: Callable[[FromClause], sa.ColumnElement[bool]],
    topic: str,
    now: datetime,
    cap: tuple[int, timedelta] | None,
    due: datetime | None = None,
) -> dict[str | None, int]:
    """How many of an audience get no email for each reason of `skip_reasons`; None are those who do."""
    reason = _reason(addressed, topic=topic, now=now, cap=cap, run_no=None, due=due or now).label("reason")
    people = sa.select(reason).where(users.c.user_no.in_(audience)).subquery()
    query = sa.select(people.c.reason, sa.func.count()).group_by(people.c.reason)
    return {why: int(count) for why, count in connection.execute(query)}


def _reason(
    addressed: Callable[[FromClause], sa.ColumnElement[bool]],
    *,
    topic: str,
    now: datetime,
    cap: tuple[int, timedelta] | None,
    run_no: int | None,
    due: datetime,
) -> sa.ColumnElement[str | None]:
    against = [consent_reason(users.c.user_no, users.c.email_hash, topic, now)]
    if cap is not None:  # before duplicates: who is over the cap takes nobody's place
        against.append(sa.case((_emails(cap[1], due, run_no) >= cap[0], "cap")))
    duplicate = _shares_an_address_with_an_earlier_one(addressed, topic, now)
    against.append(sa.case((duplicate, "duplicate_address")))
    return sa.func.coalesce(*against)


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


def _emails(within: timedelta, due: datetime, run_no: int | None) -> sa.ColumnElement[int]:
    """How many emails an address got within the time before `due`, and how many wait for it; by index.

    Counted for each account and added up: from a join, SQLite reads all waiting rows of the approved runs.
    """
    sharer = users.alias("sharer")
    of_other_runs = sa.true() if run_no is None else ledger.c.run_no != run_no
    count = sa.select(sa.func.count()).where(ledger.c.user_no == sharer.c.user_no, of_other_runs)
    gone = count.where(GONE, ledger.c.intent_at > due - within)
    waiting = count.where(
        WAITING,
        ledger.c.run_no.in_(sa.select(runs.c.run_no).where(OPEN_RUNS)),
        ledger.c.due_at > due - within,
        ledger.c.due_at < due + within,
    )
    each = gone.scalar_subquery() + waiting.scalar_subquery()
    return sa.select(sa.func.sum(each)).where(sharer.c.email_hash == users.c.email_hash).scalar_subquery()
