"""The times at which campaigns go out by their schedules: the next, and the one that a plan is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from recmail.campaign import Campaign
from recmail.campaign.calendar import RECIPIENT, Occurrence, occurrence_at, occurrences, zone_of
from recmail.campaign.due import Due
from recmail.campaign.explain import written
from recmail.campaign.yaml import read_yaml
from recmail.errors import Problem, RefusedError
from recmail.runs.project import Project
from recmail.settings.source import SourceText

SHOWN = 3


def next_occurrences(project: Project, campaign: Campaign, *, now: datetime) -> list[Occurrence]:
    """Return the next three times that a campaign would go out by its schedule; none without one."""
    if campaign.schedule is None:
        return []
    zone = project.settings.project.timezone
    return list(islice(occurrences(campaign.schedule, zone, after=now), SHOWN))


def next_occurrence(project: Project, campaign: Campaign, *, now: datetime) -> Occurrence | None:
    """Return the next time that a campaign would go out; None without a schedule, or when it is over."""
    return next(iter(next_occurrences(project, campaign, now=now)), None)


def written_for(due: Due, now: datetime) -> str | None:
    """Say for when emails are written that are only looked at; None: for now."""
    if due.first == now:
        return None
    when = f"{due.first:%Y-%m-%d %H:%M} UTC"
    if due.wall is not None:
        when = f"{due.wall:%Y-%m-%d %H:%M} by each person's own clock"
    return f"the emails are written for {when}, the next time of the schedule"


def choose_occurrence(
    project: Project, campaign: Campaign, *, now: datetime, wall: datetime | None
) -> Occurrence | None:
    """Return which occurrence a plan is for: the next, or the one at a local time; None without a schedule.

    Raises:
        RefusedError: the schedule has ended, does not name that time, or it has passed for everybody.
    """
    schedule, zone = campaign.schedule, project.settings.project.timezone
    if schedule is None:
        if wall is not None:
            raise RefusedError(f"{campaign.name} has no schedule, so it has no other time to be planned for")
        return None
    ahead = next_occurrences(project, campaign, now=now)
    advice = f"to plan it to go out now: recmail plan {campaign.name} --at-once"
    if wall is None:
        if not ahead:
            raise RefusedError(f"the schedule of {campaign.name} has ended; {advice}")
        return ahead[0]
    found = occurrence_at(schedule, zone, wall)
    if found is None:
        times = ", ".join(f"{one.wall:%Y-%m-%d %H:%M}" for one in ahead) or "never again"
        raise RefusedError(f"{campaign.name} does not go out at {wall:%Y-%m-%d %H:%M}; it does: {times}")
    if found.last_due <= now:
        raise RefusedError(f"{wall:%Y-%m-%d %H:%M} has passed for everybody; {advice}")
    return found


def over(project: Project, campaign: Campaign, *, now: datetime) -> list[Problem]:
    """Return what is wrong with a schedule that names no time that is still to come."""
    schedule = campaign.schedule
    if schedule is None or next_occurrences(project, campaign, now=now):
        return []
    document = read_yaml(SourceText(campaign.file, campaign.text))
    path = ("schedule", "when") if isinstance(document.data["schedule"], dict) else ("schedule",)
    if schedule.until is not None:
        path = ("schedule", "until")
    return [document.at_value(path, f"{written(path)}: no time is left at which it goes out")]


@dataclass(frozen=True)
class GoesOut:
    """When a campaign would next go out by its schedule.

    Attributes:
        zone: whose clock the times are meant by: a zone, or `recipient`.
        times: the next three.
    """

    zone: str
    times: Sequence[Occurrence]

    def to_dict(self) -> dict[str, Any]:
        """The times with stable keys, for --json."""
        times = [
            {
                "local": one.wall.isoformat(timespec="minutes"),
                "first_due": one.first_due,
                "last_due": one.last_due,
                "prepare_at": one.prepare_at,
            }
            for one in self.times
        ]
        return {"timezone": self.zone, "times": times}

    def in_words(self) -> str:
        """The times in one line."""
        if not self.times:
            return "goes out no more: its schedule has ended"
        whose = "by each person's own clock" if self.zone == RECIPIENT else self.zone
        first, *later = [f"{one.wall:%a %Y-%m-%d %H:%M}" for one in self.times]
        then = f"; then {', '.join(later)}" if later else ""
        return (
            f"goes out {first} {whose}{then}; planned from {self.times[0].prepare_at:%a %Y-%m-%d %H:%M} UTC"
        )


def goes_out(project: Project, campaign: Campaign, *, now: datetime) -> GoesOut | None:
    """Return when a campaign would next go out; None without a schedule."""
    if campaign.schedule is None:
        return None
    zone = zone_of(campaign.schedule, project.settings.project.timezone)
    return GoesOut(zone, next_occurrences(project, campaign, now=now))
