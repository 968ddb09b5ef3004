"""When a schedule goes out: from what the clock on the wall shows to instants, of one zone or of everybody's.

A time that clocks skip in spring moves on with them: 02:30 is 03:30, and a midnight that is skipped is 01:00.
A time that they show twice in autumn means the first. RFC 5545 says so (3.3.5), and zoneinfo does so with
fold=0: nobody gets a campaign twice, and nobody is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from recmail.campaign.cron import cron_times
from recmail.campaign.options import Schedule
from recmail.campaign.values import Once, Repeatedly

if TYPE_CHECKING:
    import numpy as np

RECIPIENT = "recipient"
EAST, WEST = timedelta(hours=14), timedelta(hours=-12)  # Kiritimati and Baker Island: nobody is further out
PREPARE = timedelta(hours=1)
PREPARE_FOR_RECIPIENTS = timedelta(hours=36)
_BACK = timedelta(days=3)  # further than any zone is from UTC, and any gap is long


@dataclass(frozen=True)
class Occurrence:
    """One time that a campaign goes out.

    Attributes:
        wall: the local date and time that the schedule means, without a zone.
        first_due: UTC; the earliest instant at which it is that time for anybody.
        last_due: UTC; the latest one. The same, unless each person's own time is meant.
        prepare_at: UTC; when the plan is to be made.
    """

    wall: datetime
    first_due: datetime
    last_due: datetime
    prepare_at: datetime


def occurrences(schedule: Schedule, project_zone: str, *, after: datetime) -> Iterator[Occurrence]:
    """When a schedule goes out after an instant, in order, each instant once.

    Args:
        project_zone: where its times are meant when it names no zone.
        after: the first one is later than this.
    """
    zone = zone_of(schedule, project_zone)
    last = after
    for wall in _walls(schedule, after.astimezone(UTC).replace(tzinfo=None) - _BACK):
        if schedule.until is not None and wall.date() > schedule.until:
            return
        one = _occurrence(schedule, zone, wall)
        if one.first_due > last:
            last = one.first_due
            yield one


def occurrence_at(schedule: Schedule, project_zone: str, wall: datetime) -> Occurrence | None:
    """Return the occurrence at a local time that the schedule names; None when it does not go out then."""
    one = _occurrence(schedule, zone_of(schedule, project_zone), wall)
    before = one.first_due - timedelta(microseconds=1)
    found = next(occurrences(schedule, project_zone, after=before), None)
    return found if found is not None and found.wall == wall else None


def zone_of(schedule: Schedule, project_zone: str) -> str:
    """Return where the times of a schedule are meant: a zone, or `recipient`."""
    return schedule.timezone or project_zone


def _walls(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    when = schedule.when
    if isinstance(when, Once):
        return iter([when.at])
    return cron_times(when.as_cron if isinstance(when, Repeatedly) else when.text, after)


def _occurrence(schedule: Schedule, zone: str, wall: datetime) -> Occurrence:
    if zone == RECIPIENT:
        at = wall.replace(tzinfo=UTC)
        first, last, prepare = at - EAST, at - WEST, PREPARE_FOR_RECIPIENTS
    else:
        first = last = due_at(wall, zone)
        prepare = PREPARE
    return Occurrence(wall, first, last, first - (schedule.prepare or prepare))


def due_at(wall: datetime, zone: str | tzinfo) -> datetime:
    """Return the instant (UTC) at which the clocks of a zone show a time.

    Raises:
        KeyError, ValueError, OSError: there is no such zone.
    """
    clock = ZoneInfo(zone) if isinstance(zone, str) else zone
    return wall.replace(tzinfo=clock, fold=0).astimezone(UTC)


def due_times(wall: datetime, zones: Sequence[str | None], *, unknown: str) -> np.ndarray:
    """Return for each person the instant at which their clock shows a time; worked out once for each zone.

    Args:
        zones: IANA names as people's rows have them; None or a name that is none: not known.
        unknown: the zone of those whose own is not known.

    Returns:
        datetimes in UTC (object), one for each person.
    """
    import numpy as np

    instants = {zone: due_at(wall, known_zone(zone, unknown)) for zone in {*zones}}
    return np.fromiter((instants[zone] for zone in zones), dtype=object, count=len(zones))


def known_zone(zone: str | None, unknown: str) -> ZoneInfo:
    """Return a zone by its name, or the one for people whose own is not known."""
    try:
        return ZoneInfo(zone or unknown)
    except (KeyError, ValueError, OSError):  # what ZoneInfo raises for a name that is none, or is a folder
        return ZoneInfo(unknown)
