"""What a schedule asks for now: which of its times are to be prepared, were missed, or come next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from recmail.campaign import parse_frozen
from recmail.campaign.calendar import Occurrence, occurrences
from recmail.campaign.options import Schedule

GRACE = timedelta(hours=12)
"""How late a campaign may begin that does not say `if_late`."""
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Agenda:
    """The times of a schedule that are not settled yet.

    Attributes:
        missed: too late to begin with, or overtaken by one that is due too; oldest first.
        due: to be prepared now, oldest first.
        ahead: the first that is to be prepared later; None when there is none.
    """

    missed: Sequence[Occurrence]
    due: Sequence[Occurrence]
    ahead: Occurrence | None

    @property
    def first(self) -> Occurrence | None:
        """The first that may still go out."""
        return self.due[0] if self.due else self.ahead


def last_chance(schedule: Schedule, occurrence: Occurrence) -> datetime:
    """Return when it is too late to begin: `if_late`, or 12 hours, after it was due for the last person."""
    return occurrence.last_due + (schedule.if_late or GRACE)


def read_agenda(schedule: Schedule, times: Iterable[Occurrence], now: datetime) -> Agenda:
    """Sort out the times of a schedule.

    Of several whose time has come only the newest goes out: after a weekend without power nobody gets three
    daily emails at once.

    Args:
        times: those that are not settled, in order.
    """
    ahead, come = None, []
    for one in times:
        if one.prepare_at > now:
            ahead = one
            break
        come.append(one)
    started = [one for one in come if one.first_due <= now]
    missed = started[:-1]
    missed += [one for one in started[-1:] if now > last_chance(schedule, one)]
    return Agenda(missed, [one for one in come if one not in missed], ahead)


@lru_cache(maxsize=256)
def frozen_occurrence(
    campaign_yaml: str, campaign: str, zone: str, due_instant: datetime
) -> tuple[Schedule, Occurrence] | None:
    """Return which time of its own schedule a run was planned for; None when it was for another moment.

    Args:
        campaign_yaml: as it was frozen with the run.
        zone: of the project then.
    """
    schedule = parse_frozen(campaign_yaml, campaign).schedule
    found = schedule and occurrence_due(schedule, zone, due_instant)
    return (schedule, found) if schedule and found else None


def occurrence_due(schedule: Schedule, zone: str, due_instant: datetime) -> Occurrence | None:
    """Return the time of a schedule whose first email is due at an instant."""
    found = next(occurrences(schedule, zone, after=due_instant - _MOMENT), None)
    return found if found is not None and found.first_due == due_instant else None
