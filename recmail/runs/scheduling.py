"""Switching a campaign's schedule on and off, and what it means in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from recmail.campaign import Campaign
from recmail.campaign.calendar import RECIPIENT, Occurrence, zone_of
from recmail.campaign.options import Schedule
from recmail.db.connect import reading, writing
from recmail.db.leases import held_leases
from recmail.db.runs import find_run, record, waiting_runs
from recmail.db.schedules import Switch, find_switch, list_switches, switch
from recmail.errors import ConfigError, RecmailError, RefusedError
from recmail.records import RunState
from recmail.runs.agenda import frozen_occurrence, last_chance
from recmail.runs.check import unknown_names
from recmail.runs.occurrences import SHOWN, next_occurrences
from recmail.runs.project import Project
from recmail.runs.scheduler import agenda_of, no_schedule
from recmail.runs.working import SCHEDULER, SENDER
from recmail.settings.values import format_duration

NOBODY = "nothing is running that would prepare and send it: start recmail serve, or recmail work"


@dataclass(frozen=True)
class Planned:
    """A run that is prepared and has not begun."""

    run_no: int
    state: str
    reason: str | None
    due: datetime

    @property
    def line(self) -> str:
        """The run in one line."""
        return f"run {self.run_no} is {self.state}" + (f" and {self.reason}" if self.reason else "")


@dataclass(frozen=True)
class Plan:
    """A campaign's schedule as it stands.

    Attributes:
        is_on: it goes out by itself.
        times: the next ones; while the file cannot be read, none.
        lines: in words, when it goes out, when it is prepared and who approves.
        trouble: why it cannot be prepared.
        runs: prepared and not begun.
        advice: what a person has to do besides.
    """

    campaign: str
    is_on: bool
    changed_by: str | None
    changed_at: datetime | None
    times: tuple[Occurrence, ...]
    lines: tuple[str, ...]
    trouble: str | None
    runs: tuple[Planned, ...]
    advice: str | None

    @property
    def next_words(self) -> str | None:
        """When it goes out next."""
        return self.lines[0].removeprefix("goes out ") if self.times else None

    def to_dict(self) -> dict[str, Any]:
        """The schedule with stable keys, for --json."""
        return {
            "campaign": self.campaign,
            "on": self.is_on,
            "by": self.changed_by,
            "since": self.changed_at,
            "next": [
                {
                    "local": one.wall.isoformat(timespec="minutes"),
                    "first_due": one.first_due,
                    "last_due": one.last_due,
                    "prepare_at": one.prepare_at,
                }
                for one in self.times
            ],
            "trouble": self.trouble,
            "runs": [
                {"run": one.run_no, "state": one.state, "reason": one.reason, "due": one.due}
                for one in self.runs
            ],
            "advice": self.advice,
        }


def switch_on(project: Project, name: str, *, now: datetime, who: str) -> Plan:
    """Let a campaign go out by itself, whenever its file says.

    Raises:
        ConfigError: the file has mistakes, or no schedule.
        RefusedError: there is no such campaign, or its schedule is over.
    """
    campaign = project.campaign(name)
    if campaign.schedule is None:
        raise no_schedule(campaign)
    if problems := unknown_names(project, campaign):
        raise ConfigError(problems)
    if not next_occurrences(project, campaign, now=now):
        raise RefusedError(
            f"the schedule in {campaign.file} is over; it has no time after {now:%Y-%m-%d %H:%M} UTC"
        )
    _switch(project, campaign.name, is_on=True, now=now, who=who)
    return read_plan(project, campaign.name, now=now)


def switch_off(project: Project, name: str, *, now: datetime, who: str) -> Plan:
    """Let a campaign not go out by itself any more; what is being sent goes on.

    Raises:
        RefusedError: it was never switched on.
    """
    with reading(project.engine) as connection:
        one = find_switch(connection, name)
    if one is None:
        raise RefusedError(f"{name} does not go out by itself; recmail schedule lists what does")
    _switch(project, name, is_on=False, now=now, who=who)
    return read_plan(project, name, now=now)


def _switch(project: Project, name: str, *, is_on: bool, now: datetime, who: str) -> None:
    with writing(project.engine) as connection:
        if switch(connection, name, is_on=is_on, now=now, who=who):
            detail = {"campaign": name}
            record(connection, f"schedule {'on' if is_on else 'off'}", who=who, now=now, detail=detail)


def read_plan(project: Project, name: str, *, now: datetime) -> Plan:
    """How a campaign's schedule stands."""
    with reading(project.engine) as connection:
        one = find_switch(connection, name)
        waiting = waiting_runs(connection, name)
    try:
        campaign: Campaign | None = project.campaign(name)
        trouble = str(no_schedule(campaign)) if campaign and campaign.schedule is None else None
    except RecmailError as error:
        campaign, trouble = None, str(error)
    schedule = campaign.schedule if campaign else None
    times = _next_times(project, one, campaign, now) if campaign else ()
    is_on = one is not None and one.is_on
    runs = [Planned(run["run_no"], run["state"], run["reason"], run["due_instant"]) for run in waiting]
    return Plan(
        campaign=name,
        is_on=is_on,
        changed_by=one.changed_by if one else None,
        changed_at=one.changed_at if one else None,
        times=times,
        lines=tuple(in_words(schedule, project.settings.project.timezone, times, now)) if schedule else (),
        trouble=(one.trouble if one and is_on else None) or trouble,
        runs=tuple(runs),
        advice=nobody_is_there(project) if is_on else None,
    )


def _next_times(
    project: Project, one: Switch | None, campaign: Campaign, now: datetime
) -> tuple[Occurrence, ...]:
    """The next times that may go out, those that are late and not given up yet among them."""
    late, schedule = [], campaign.schedule
    if one is not None and one.is_on and schedule is not None:
        late = [time for time in agenda_of(project, one, schedule, now).due if time.first_due <= now]
    return (*late, *next_occurrences(project, campaign, now=now))[:SHOWN]


def in_words(
    schedule: Schedule, project_zone: str, times: tuple[Occurrence, ...], now: datetime
) -> list[str]:
    """Say when a campaign goes out, when its plan is made, and who has to agree."""
    if not times:
        return ["its schedule is over"]
    zone, first = zone_of(schedule, project_zone), times[0]
    lines = [("goes out " if one == first else "         ") + _time(one, zone) for one in times]
    if schedule.until:
        lines.append(f"the last day is {schedule.until:%a %d %b %Y}")
    lead = format_duration(first.first_due - first.prepare_at)
    when = _short(first.prepare_at) if first.prepare_at > now else "at once"
    lines.append(f"prepared {lead} before, the next time {when}: sources, model, plan")
    lines.append(_approval(schedule))
    lines.append(f"given up if it cannot begin by {_short(last_chance(schedule, first))}")
    return lines


def _time(one: Occurrence, zone: str) -> str:
    if zone == RECIPIENT:
        where = f"on everybody's own clock, {_short(one.first_due)} to {_short(one.last_due)}"
        return f"{one.wall:%a %d %b %Y %H:%M} {where}"
    shown = one.first_due.astimezone(ZoneInfo(zone))  # where clocks skip the time, what they show
    return f"{shown:%a %d %b %Y %H:%M} in {zone}, {_short(one.first_due)}"


def _short(moment: datetime) -> str:
    return f"{moment:%d %b %H:%M} UTC"


def _approval(schedule: Schedule) -> str:
    share = schedule.approval.people_change_at_most if schedule.approval else None
    if share is None:
        return "each run waits for a person: recmail approve RUN"
    return (
        "the first run waits for a person; later ones go out by themselves while people change by at most "
        f"{100 * share:.3g} %, nothing new is found in the emails, and the campaign's file, templates and "
        "printed settings stay as they are"
    )


def waiting_besides(project: Project, run_no: int, campaign: str, *, now: datetime) -> list[Planned]:
    """Other runs of a campaign that will go out, too: those that are approved, and those due later."""
    with reading(project.engine) as connection:
        waiting = waiting_runs(connection, campaign)
    return [
        Planned(run["run_no"], run["state"], run["reason"], run["due_instant"])
        for run in waiting
        if run["run_no"] != run_no and (run["state"] != RunState.PLANNED or run["due_instant"] > now)
    ]


def read_plans(project: Project, *, now: datetime) -> list[Plan]:
    """All campaigns that have a schedule or had one switched on, by name."""
    with reading(project.engine) as connection:
        names = {one.campaign for one in list_switches(connection)}
    for name in project.campaigns():
        try:
            if project.campaign(name).schedule is not None:
                names.add(name)
        except ConfigError:
            continue  # recmail check says what is wrong with it
    return [read_plan(project, name, now=now) for name in sorted(names)]


def goes_out_by_itself(project: Project, run_no: int) -> datetime | None:
    """When a run that is approved goes out without anybody sending it; None when somebody has to."""
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        one = find_switch(connection, run["campaign"])
    if one is None or not one.is_on:
        return None
    zone = run["settings"]["printed"]["timezone"]
    found = frozen_occurrence(run["campaign_yaml"], run["campaign"], zone, run["due_instant"])
    return found[1].first_due if found else None


def nobody_is_there(project: Project) -> str | None:
    """Say that no process looks at schedules, or that none sends; None when both are there."""
    with reading(project.engine) as connection:
        looks, sends = held_leases(connection, SCHEDULER), held_leases(connection, SENDER)
    if not looks and not sends:
        return NOBODY
    if not looks:
        return "nothing is running that would prepare it: start recmail serve, or recmail work --build"
    return None if sends else "nothing is running that would send it: start recmail serve, or recmail work"
