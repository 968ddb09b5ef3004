"""How often people want emails: pauses and limits of their own, and what queries ask of them.

They are the address's, like a no: of several accounts that share it, the strictest counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import lock_people
from recmail.db.inserting import insert
from recmail.db.people import accounts_with_the_same_address
from recmail.db.tables import preferences, users
from recmail.settings.values import Limit

PERIODS = {days: Limit(1, timedelta(days=days)).cap[1] for days in (7, 30)}
"""Days in which a person may want so many emails, and how long they are when emails are counted."""
_WISH, _HOLDER = preferences.alias("wish"), users.alias("holder")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one person wants emails.

    Attributes:
        paused_until: none before that.
        at_most: so many emails within `within_days`; both None: as many as there are.
    """

    paused_until: datetime | None = None
    at_most: int | None = None
    within_days: int | None = None


def read_pace(connection: sa.Connection, user_no: int) -> Pace:
    """Read what one account asked for."""
    columns = preferences.c.paused_until, preferences.c.at_most, preferences.c.within_days
    found = connection.execute(sa.select(*columns).where(preferences.c.user_no == user_no)).one_or_none()
    return Pace() if found is None else Pace(*found)


def wishes(connection: sa.Connection, user_no: int, *, now: datetime) -> list[str]:
    """Say what is asked for of the account's address, by whichever of its accounts, the strictest first."""
    accounts = accounts_with_the_same_address(connection, user_no)
    columns = preferences.c.paused_until, preferences.c.at_most, preferences.c.within_days
    query = sa.select(*columns).where(among(preferences.c.user_no, accounts))
    found = connection.execute(query).all()
    paused = [row.paused_until for row in found if row.paused_until is not None and row.paused_until > now]
    limits = {(row.at_most, row.within_days) for row in found if row.at_most is not None}
    return [
        *(f"asked for a pause until {until:%Y-%m-%d}" for until in sorted(paused)[-1:]),
        *(
            f"wants at most {at_most} email{'' if at_most == 1 else 's'} in {days} days"
            for at_most, days in sorted(limits, key=lambda one: one[0] / one[1])
        ),
    ]


def write_pace(connection: sa.Connection, user_no: int, pace: Pace, *, at: datetime) -> None:
    """Keep what a person asked for, for every account with their address."""
    if pace.within_days is not None and pace.within_days not in PERIODS:
        raise ValueError(f"emails are not counted in {pace.within_days} days")
    accounts = accounts_with_the_same_address(connection, user_no)
    lock_people(connection, accounts)
    asked_for = {
        "paused_until": pace.paused_until,
        "at_most": pace.at_most,
        "within_days": pace.within_days,
        "at": at,
    }
    statement = insert(connection, preferences)
    statement = statement.on_conflict_do_update(index_elements=["user_no"], set_=asked_for)
    connection.execute(statement, [{"user_no": account, **asked_for} for account in accounts])


# --- asking ---------------------------------------------------------------------------------------


def asked(condition: Callable[[sa.FromClause], sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Whether an account with the address of the enclosing row of users asked for what the condition says."""
    found = sa.select(_WISH.c.user_no).where(
        _HOLDER.c.email_hash == users.c.email_hash, _WISH.c.user_no == _HOLDER.c.user_no, condition(_WISH)
    )
    # OFFSET 0: PostgreSQL would make a join of it, for which it reads all people.
    return found.correlate_except(_WISH, _HOLDER).offset(0).exists()


def pauses(wish: sa.FromClause, at: datetime | sa.ColumnElement[datetime]) -> sa.ColumnElement[bool]:
    """Whether a row of preferences asks for no emails at that time."""
    return wish.c.paused_until > at


def over(wish: sa.FromClause, emails: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether so many emails are as many as a row of preferences asks for, or more."""
    return sa.and_(wish.c.at_most.is_not(None), emails >= wish.c.at_most)
