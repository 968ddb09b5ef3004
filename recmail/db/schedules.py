"""Which campaigns go out by themselves: switched on and off by people, worked through by schedulers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from recmail.db.tables import schedules


@dataclass(frozen=True)
class Next:
    """What is due next.

    Attributes:
        due: when its first email is due; the due instant of its run.
        prepare: when its run is to be planned.
        missed: after this no run is made any more.
    """

    due: datetime
    prepare: datetime
    missed: datetime


@dataclass(frozen=True)
class Switch:
    """A campaign whose schedule was switched on, or off again.

    Attributes:
        settled_until: what is due until then has a run, or never will.
        next: as the file said when it could last be read; None: nothing.
        trouble: why it cannot be prepared.
        tried_at: when a preparation that failed was begun.
    """

    campaign: str
    is_on: bool
    changed_at: datetime
    changed_by: str
    settled_until: datetime
    next: Next | None
    trouble: str | None
    trouble_at: datetime | None
    tried_at: datetime | None


_PLAIN = [field.name for field in fields(Switch) if field.name != "next"]


def switch(connection: sa.Connection, campaign: str, *, is_on: bool, now: datetime, who: str) -> bool:
    """Switch a campaign's schedule; False when it was so already.

    What was due before it is switched on stays past.
    """
    row = {"campaign": campaign, "is_on": is_on, "changed_at": now, "changed_by": who, "settled_until": now}
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = insert(schedules).values(row)
    past, given = schedules.c.settled_until, statement.excluded.settled_until
    changed = {
        **{name: statement.excluded[name] for name in ("is_on", "changed_at", "changed_by")},
        "settled_until": sa.case((past > given, past), else_=given),
        "trouble": None,
        "trouble_at": None,
        "tried_at": None,
    }
    statement = statement.on_conflict_do_update(
        index_elements=[schedules.c.campaign], set_=changed, where=schedules.c.is_on != is_on
    )
    return connection.execute(statement.returning(schedules.c.campaign)).first() is not None


def find_switch(connection: sa.Connection, campaign: str) -> Switch | None:
    """How a campaign's schedule is switched; None when nobody ever did."""
    return next(iter(_read(connection, sa.select(schedules).where(schedules.c.campaign == campaign))), None)


def list_switches(connection: sa.Connection) -> list[Switch]:
    """All of them, by name."""
    return _read(connection, sa.select(schedules).order_by(schedules.c.campaign))


def switched_on() -> sa.Select[tuple[str]]:
    """The campaigns that go out by themselves, for other statements."""
    return sa.select(schedules.c.campaign).where(schedules.c.is_on)


def _read(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> list[Switch]:
    return [
        Switch(
            **{name: row[name] for name in _PLAIN},
            next=Next(row["next_due"], row["next_prepare"], row["next_missed"]) if row["next_due"] else None,
        )
        for row in connection.execute(query).mappings()
    ]


def settle(connection: sa.Connection, campaign: str, until: datetime) -> None:
    """Remember that what is due until then has a run, or never will; it never goes back."""
    connection.execute(
        sa.update(schedules)
        .where(schedules.c.campaign == campaign, schedules.c.settled_until < until)
        .values(settled_until=until)
    )


def look_forward(connection: sa.Connection, campaign: str, ahead: Next | None) -> None:
    """Remember what is due next, for when the file cannot be read."""
    values = {
        "next_due": ahead and ahead.due,
        "next_prepare": ahead and ahead.prepare,
        "next_missed": ahead and ahead.missed,
    }
    connection.execute(sa.update(schedules).where(schedules.c.campaign == campaign).values(values))


def keep_trouble(connection: sa.Connection, campaign: str, trouble: str | None, *, now: datetime) -> bool:
    """Keep why a campaign cannot be prepared, None when nothing is in the way; False when that is no news."""
    there = schedules.c.trouble
    is_news = there.is_distinct_from(trouble)
    changed = connection.execute(
        sa.update(schedules)
        .where(schedules.c.campaign == campaign, is_news)
        .values(trouble=trouble, trouble_at=now if trouble else None)
        .returning(schedules.c.campaign)
    )
    return changed.first() is not None


def note_try(connection: sa.Connection, campaign: str, at: datetime | None) -> None:
    """Remember when a preparation was begun, None when it came to an end."""
    connection.execute(sa.update(schedules).where(schedules.c.campaign == campaign).values(tried_at=at))
