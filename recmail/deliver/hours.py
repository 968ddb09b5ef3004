"""When a person may be written to next: never in their quiet hours, nor on a day that is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from recmail.settings.hours import QuietHours, Weekdays


@dataclass(frozen=True)
class Hours:
    """What recmail.toml says of all messages, by the clocks of those who get them.

    Attributes:
        zone: of people whose zone is not known.
    """

    quiet: QuietHours | None
    days: Weekdays | None
    zone: str

    def until(self, zone: str | None, now: datetime) -> datetime | None:
        """When people of a zone may be written to next; None: now."""
        local = now.astimezone(_zone(zone) or ZoneInfo(self.zone))
        if self._allows(local):
            return None
        return next(moment for moment in self._beginnings(local) if moment > now)

    def _allows(self, local: datetime) -> bool:
        is_day = self.days is None or local.weekday() in self.days.days
        return is_day and not (self.quiet and self.quiet.covers(local.time()))

    def _beginnings(self, local: datetime) -> list[datetime]:
        """When it begins to be allowed, on this day and those of the next two weeks, in order."""
        ends = [time()] if self.quiet is None else [time(), self.quiet.end]
        found = []
        for days in range(16):  # a day whose only hour the clocks jump over has none
            day = local.date() + timedelta(days=days)
            # There and back: a time that the clocks jump over is one that they show.
            moments = {datetime.combine(day, end, local.tzinfo).astimezone(UTC) for end in ends}
            found += [one for one in sorted(moments) if self._allows(one.astimezone(local.tzinfo))]
        return found

    def all_waits(self, now: datetime) -> tuple[Mapping[str, datetime], datetime | None]:
        """Until when people have to wait, by zone, where they do; and those whose zone is not known."""
        waits = {zone: self.until(zone, now) for zone in all_zones()}
        return {zone: until for zone, until in waits.items() if until}, self.until(None, now)


@lru_cache(maxsize=1_024)
def _zone(name: str | None) -> ZoneInfo | None:
    return ZoneInfo(name) if name in all_zones() else None


@lru_cache(maxsize=1)
def all_zones() -> frozenset[str]:
    """Every zone that there is."""
    return frozenset(available_timezones())
