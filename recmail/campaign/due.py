"""When the emails of one run are due, and on which day of the person's: frozen with the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from recmail.campaign.calendar import RECIPIENT, Occurrence, due_times, known_zone, zone_of
from recmail.campaign.options import Schedule


@dataclass(frozen=True)
class Due:
    """When the emails of one run are due.

    Attributes:
        first: UTC; nobody's is due earlier.
        last: UTC; nobody's is due later.
        zone: where people live whose own time zone is not known.
        wall: what each person's own clock shows when theirs is due; None: all are due at `first`.
        if_late: an email that is later than this is not sent; None: it is.
    """

    first: datetime
    last: datetime
    zone: str
    wall: datetime | None = None
    if_late: timedelta | None = None

    @classmethod
    def at_once(cls, now: datetime, project_zone: str) -> Due:
        """Everybody now: a run without a schedule."""
        return cls(now, now, project_zone)

    @classmethod
    def of(cls, occurrence: Occurrence, schedule: Schedule, project_zone: str) -> Due:
        """As a schedule means one of its occurrences."""
        zone, first, last = zone_of(schedule, project_zone), occurrence.first_due, occurrence.last_due
        if zone != RECIPIENT:
            return cls(first, last, zone, if_late=schedule.if_late)
        unknown = schedule.unknown_timezone or project_zone
        return cls(first, last, unknown, occurrence.wall, schedule.if_late)

    @classmethod
    def of_run(cls, run: Mapping[str, Any]) -> Due:
        """As it was frozen with a run; runs without a schedule, and those of before, were due at once."""
        due, settings = run["due_instant"], run["settings"]
        frozen = settings.get("due")
        if frozen is None:
            return cls.at_once(due, settings["printed"]["timezone"])
        wall, if_late = frozen["wall"], frozen["if_late_s"]
        return cls(
            first=datetime.fromisoformat(frozen["first"]),
            last=datetime.fromisoformat(frozen["last"]),
            zone=frozen["zone"],
            wall=None if wall is None else datetime.fromisoformat(wall),
            if_late=None if if_late is None else timedelta(seconds=if_late),
        )

    def to_json(self) -> dict[str, Any]:
        """As it is frozen; `of_run` reads it."""
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "zone": self.zone,
            "wall": None if self.wall is None else self.wall.isoformat(),
            "if_late_s": None if self.if_late is None else int(self.if_late.total_seconds()),
        }

    @property
    def day(self) -> date:
        """The day that emails print where nothing is known of the person's own."""
        return (self.wall or self.first.astimezone(ZoneInfo(self.zone))).date()

    def times(self, zones: Sequence[str | None]) -> list[datetime]:
        """When each person's email is due, from their time zones; None or no zone at all: not known."""
        if self.wall is None:
            return [self.first] * len(zones)
        return list(due_times(self.wall, zones, unknown=self.zone))

    def days(self, zones: Iterable[str | None], times: Iterable[datetime]) -> list[date]:
        """Which day it is for each person when their email is due."""
        days: dict[tuple[str | None, datetime], date] = {}
        found = []
        for pair in zip(zones, times, strict=True):
            if pair not in days:
                zone, at = pair
                days[pair] = at.astimezone(known_zone(zone, self.zone)).date()
            found.append(days[pair])
        return found

    def send_before(self, due_at: datetime) -> datetime | None:
        """Return from when on an email that is due at a time is too late; None: never."""
        return None if self.if_late is None else due_at + self.if_late
