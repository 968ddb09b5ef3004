"""Scheduled runs that are planned and not begun: approved, scheduled, or ended when their time is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recmail.campaign.calendar import Occurrence
from recmail.campaign.options import Schedule
from recmail.db.connect import reading, writing
from recmail.db.runs import move_run, waiting_runs
from recmail.errors import RefusedError
from recmail.records import RunState
from recmail.runs.agenda import frozen_occurrence, last_chance, occurrence_due
from recmail.runs.ending import expire
from recmail.runs.preparing import approve_or_say_why
from recmail.runs.shift import Shift, at


@dataclass(frozen=True)
class Step:
    """What is next for a run: it ends, with the reason; else it is approved, or scheduled."""

    run_no: int
    state: str
    schedule: Schedule
    occurrence: Occurrence
    over: str | None


def next_steps(shift: Shift, name: str, current: Schedule | None) -> list[Step]:
    """What is to be done now for the runs of a campaign.

    Args:
        current: the schedule in the campaign's file; None while that cannot be read.
    """
    with reading(shift.project.engine) as connection:
        waiting = waiting_runs(connection, name)
    steps = []
    for run in waiting:
        zone = run["settings"]["printed"]["timezone"]
        found = frozen_occurrence(run["campaign_yaml"], name, zone, run["due_instant"])
        if found is None:
            continue  # planned by hand to go out at once: a person sends it
        over = _why_over(shift, run["state"], *found, current)
        is_to_judge = run["state"] == RunState.PLANNED and run["reason"] is None
        if over or is_to_judge or run["state"] == RunState.APPROVED:
            steps.append(Step(run["run_no"], run["state"], *found, over))
    return steps


def _why_over(
    shift: Shift, state: str, schedule: Schedule, occurrence: Occurrence, current: Schedule | None
) -> str | None:
    until = last_chance(schedule, occurrence)
    if shift.now > until:
        who = "nobody approved it" if state == RunState.PLANNED else "nothing ran that would send it"
        return f"{who} until {at(until)}"
    zone = shift.project.settings.project.timezone
    if current is not None and occurrence_due(current, zone, occurrence.first_due) is None:
        return "the schedule in its file was changed, and has no such time any more"
    return None


def move_on(shift: Shift, name: str, current: Schedule | None) -> None:
    """Do what is next for each of them; whoever else moved a run meanwhile was first."""
    for step in next_steps(shift, name, current):
        shift.go_on()
        try:
            for what, text, is_bad in _moved(shift, name, step):
                shift.news(what, text, name, step.run_no, is_bad=is_bad)
        except RefusedError:
            continue


def _moved(shift: Shift, name: str, step: Step) -> Iterator[tuple[str, str, bool]]:
    if step.over:
        expire(shift, step.run_no, step.over)
        yield "expired", f"is not sent: {step.over}", True
        return
    if step.state == RunState.PLANNED and not approve_or_say_why(
        shift, step.run_no, name, step.schedule, step.occurrence
    ):
        return
    with writing(shift.project.engine) as connection:
        move_run(connection, step.run_no, RunState.SCHEDULED, who=shift.who, now=shift.now)
    yield "scheduled", f"goes out from {at(step.occurrence.first_due)} on", False
