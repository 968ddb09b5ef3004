"""When the emails of a run are due, and for how many people where: for those who look at a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.campaign.due import Due
from recmail.db.tables import ledger, users

ZONES = 8  # in words; --json has all


@dataclass(frozen=True)
class Place:
    """A time zone in which people wait; None for those whose own is not known."""

    zone: str | None
    due_at: datetime
    people: int


@dataclass(frozen=True)
class DueReport:
    """When the emails of a scheduled run are due.

    Attributes:
        wall: what each person's own clock shows then; None: all are due at once.
        unknown: where people live whose time zone is not known.
        as_of: as of when the plan knows people, histories and courses.
        if_late_s: later than this an email is not sent; None: it is.
        places: most people first; only those who get an email.
    """

    first: datetime
    last: datetime
    wall: datetime | None
    unknown: str
    as_of: datetime
    if_late_s: int | None
    places: Sequence[Place]

    def to_dict(self) -> dict[str, Any]:
        """The report with stable keys, for --json."""
        return {
            "first": self.first,
            "last": self.last,
            "local": None if self.wall is None else self.wall.isoformat(timespec="minutes"),
            "as_of": self.as_of,
            "if_late_s": self.if_late_s,
            "zones": [vars(place) for place in self.places],
        }

    @property
    def headline(self) -> str:
        """When, in one line."""
        if self.wall is None:
            return f"Due at {_utc(self.first)}"
        when = f"{self.wall:%Y-%m-%d %H:%M} by each person's own clock"
        return f"Due at {when}: from {_utc(self.first)} to {_utc(self.last)}"

    def as_rows(self) -> list[tuple[object, ...]]:
        """People, when theirs is due, and where they live: most people first, the rest in one row."""
        if self.wall is None:
            return []
        shown, others = self.places[:ZONES], self.places[ZONES:]
        rows: list[tuple[object, ...]] = [
            (place.people, _utc(place.due_at), place.zone or f"not known, taken for {self.unknown}")
            for place in shown
        ]
        if others:
            zones = "1 other" if len(others) == 1 else f"{len(others)} others"
            rows.append((sum(place.people for place in others), "", f"and {zones}"))
        return rows


def read_due(connection: sa.Connection, run: Mapping[str, Any]) -> DueReport | None:
    """Count the emails of a run by when they are due and where people live; None where all were at once."""
    if run["settings"].get("due") is None:
        return None
    due, found = Due.of_run(run), list(_places(connection, run["run_no"]))
    times = [place.due_at for place in found] or [due.first, due.last]
    late = due.if_late
    return DueReport(
        first=min(times),
        last=max(times),
        wall=due.wall,
        unknown=due.zone,
        as_of=run["as_of"],
        if_late_s=None if late is None else int(late.total_seconds()),
        places=found,
    )


def _places(connection: sa.Connection, run_no: int) -> Iterator[Place]:
    people = sa.func.count()
    query = (
        sa.select(users.c.timezone, ledger.c.due_at, people)
        .join(users, users.c.user_no == ledger.c.user_no)
        .where(ledger.c.run_no == run_no, ledger.c.message_id.is_not(None))
        .group_by(users.c.timezone, ledger.c.due_at)
        .order_by(people.desc(), ledger.c.due_at, users.c.timezone)
    )
    for zone, due_at, count in connection.execute(query):
        yield Place(zone, due_at, int(count))


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
