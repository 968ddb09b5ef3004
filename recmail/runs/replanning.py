"""A run that is planned once more for the same time of its schedule takes the place of the one before."""

from __future__ import annotations

from datetime import datetime

from recmail.campaign.calendar import Occurrence
from recmail.db.connect import reading, writing
from recmail.db.runs import ENDS, find_due_run, free_due_instant
from recmail.errors import RefusedError
from recmail.records import RunState
from recmail.runs.left_behind import DIED, dead_plans, fail_dead_plan
from recmail.runs.lifecycle import cancel
from recmail.runs.project import Project


def make_way(
    project: Project, campaign: str, occurrence: Occurrence, *, now: datetime, who: str
) -> str | None:
    """Let another run be planned for an occurrence: one that nobody approved is cancelled; which, in words.

    One whose planner died has failed. A run that somebody cancelled keeps schedulers from making another; a
    person may make one all the same.

    Raises:
        RefusedError: there is one that is being planned, is approved, or has gone out.
    """
    with reading(project.engine) as connection:
        found = find_due_run(connection, campaign, occurrence.first_due)
        dead = {one.run_no for one in dead_plans(connection, campaign)}
    if found is None:
        return None
    run_no, state = found["run_no"], RunState(found["state"])
    when = f"{occurrence.wall:%Y-%m-%d %H:%M}"
    if state == RunState.FINISHED:
        raise RefusedError(f"{campaign} has gone out for {when}, as run {run_no}")
    if state == RunState.PLANNED:
        cancel(project, run_no, now=now, who=who, reason=f"planned again by {who}")
    elif run_no in dead:
        fail_dead_plan(project, run_no, f"{DIED}; planned again by {who}", now=now, who=who)
    elif state not in ENDS:
        advice = f"cancel it first: recmail run cancel {run_no}"
        raise RefusedError(f"{campaign} has run {run_no} for {when}, which is {state}; {advice}")
    with writing(project.engine) as connection:
        free_due_instant(connection, run_no)
    if state == RunState.PLANNED:
        return f"run {run_no}, which was planned for the same time, is cancelled: nobody had approved it"
    return (
        f"run {run_no}, which was planned for the same time, has failed: {DIED}" if run_no in dead else None
    )
