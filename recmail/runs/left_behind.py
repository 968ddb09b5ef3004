"""Runs that nobody goes on with: plans whose planner died, and plans that lay past their shelf life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db import ledger
from recmail.db.connect import reading, writing
from recmail.db.leases import held_leases
from recmail.db.runs import move_run, overdue_runs, unfinished_plans
from recmail.db.schedules import find_switch
from recmail.errors import RefusedError
from recmail.records import RunState
from recmail.runs.agenda import frozen_occurrence
from recmail.runs.ending import expire
from recmail.runs.project import Project
from recmail.runs.shift import Shift, at

DIED = "its planner died"


@dataclass(frozen=True)
class DeadPlan:
    """A run that is `building` and that nobody plans.

    Attributes:
        goes_on: whatever looks at schedules takes it up.
    """

    run_no: int
    campaign: str
    goes_on: bool

    @property
    def in_words(self) -> str:
        """What is the matter, and what to do."""
        again = f"plan again with: recmail plan {self.campaign}"
        if self.goes_on:
            return f"{DIED}; what looks at schedules goes on with it, or {again}"
        return f"{DIED}; {again}"


def dead_plans(connection: sa.Connection, campaign: str | None = None) -> list[DeadPlan]:
    """The plans of all campaigns, or of one, whose planner died; a lease tells who is alive."""
    found, alive = unfinished_plans(connection, campaign), {*held_leases(connection, "run ")}
    dead = [run for run in found if f"run {run['run_no']}" not in alive]
    return [DeadPlan(run["run_no"], run["campaign"], _goes_on(connection, run)) for run in dead]


def _goes_on(connection: sa.Connection, run: sa.RowMapping) -> bool:
    """Whether a schedule that is on asks for this run, and has none yet."""
    one = find_switch(connection, run["campaign"])
    if one is None or not one.is_on or run["due_instant"] <= one.settled_until:
        return False
    zone = run["settings"]["printed"]["timezone"]
    return frozen_occurrence(run["campaign_yaml"], run["campaign"], zone, run["due_instant"]) is not None


def give_up_dead_plans(
    project: Project, *, now: datetime, who: str, campaign: str | None = None
) -> Iterator[DeadPlan]:
    """End the plans whose planner died and that no schedule goes on with; those that failed thereby."""
    with reading(project.engine) as connection:
        found = [one for one in dead_plans(connection, campaign) if not one.goes_on]
    for one in found:
        try:
            fail_dead_plan(project, one.run_no, one.in_words, now=now, who=who)
        except RefusedError:
            continue  # somebody cancelled it meanwhile
        yield one


def fail_dead_plan(project: Project, run_no: int, reason: str, *, now: datetime, who: str) -> None:
    """End a plan whose planner died; whoever it had planned gets nothing from it.

    Raises:
        RefusedError: it is not being planned any more.
    """
    with writing(project.engine) as connection:
        move_run(connection, run_no, RunState.FAILED, who=who, now=now, reason=reason)
        ledger.cancel_run(connection, run_no, now=now)


def clear_away(shift: Shift) -> None:
    """End what is left behind, of all campaigns, and tell of it.

    Plans past their shelf life could not be sent any more, and approved ones would still take people's places
    under the cap.
    """
    for one in give_up_dead_plans(shift.project, now=shift.now, who=shift.who):
        shift.news("failed", one.in_words, one.campaign, one.run_no, is_bad=True)
    with reading(shift.project.engine) as connection:
        overdue = overdue_runs(connection, shift.now)
    for run in overdue:
        why = f"its plan was good until {at(run['shelf_until'])}, and nobody sent it"
        try:
            expire(shift, run["run_no"], why)
        except RefusedError:
            continue
        shift.news("expired", f"is not sent: {why}", run["campaign"], run["run_no"], is_bad=True)
