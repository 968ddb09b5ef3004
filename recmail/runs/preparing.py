"""Making the plan for one time of a schedule, and having it approved or left for a person."""

from __future__ import annotations

from recmail.campaign import Campaign, parse_frozen
from recmail.campaign.calendar import Occurrence
from recmail.campaign.options import Schedule
from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.runs import find_run, record, say_why_waiting
from recmail.db.schedules import find_switch, keep_trouble
from recmail.errors import RefusedError
from recmail.records import MessageState
from recmail.runs.agenda import last_chance
from recmail.runs.by_itself import WHO, why_not_by_itself
from recmail.runs.findings import Findings
from recmail.runs.freshening import freshen
from recmail.runs.holding import holding
from recmail.runs.lifecycle import approve
from recmail.runs.lint_run import lint_run
from recmail.runs.plan import build, plan
from recmail.runs.shift import Shift, at

TAKEN_UP = "taken up"
"""What the audit says of a plan whose planner died, each time that another went on with it."""
FRESH = "import and train"
"""The lease of who brings in what is new: of several campaigns, one at a time."""


def prepare(shift: Shift, campaign: Campaign, occurrence: Occurrence) -> bool:
    """Import, train when it is time, and plan; False when another process imports just now.

    Raises:
        RecmailError: it cannot be planned.
        Halted: the process is to end.
    """
    project, name = shift.project, campaign.name
    with holding(project.engine, FRESH) as is_ours:
        if not is_ours:
            return False
        wrong = freshen(shift, campaign)
        with writing(project.engine) as connection:  # before there is a plan that could be approved
            keep_trouble(connection, name, "; ".join(wrong) or None, now=shift.now)
    for one in wrong:
        shift.news("trouble", one, name, is_bad=True)
    run_no = plan(project, name, now=shift.now, who=shift.who, occurrence=occurrence, progress=shift.go_on)
    _say_planned(shift, name, run_no, occurrence)
    return True


def take_up(shift: Shift, run_no: int, occurrence: Occurrence) -> None:
    """Go on with a plan whose planner died.

    Raises:
        RecmailError: it cannot be planned.
        Halted: the process is to end.
    """
    with writing(shift.project.engine) as connection:
        run = find_run(connection, run_no)
        record(connection, TAKEN_UP, who=shift.who, now=shift.now, run_no=run_no)
    name = run["campaign"]
    shift.news("taken up", "its planner died; planning goes on", name, run_no)
    campaign = parse_frozen(run["campaign_yaml"], name)
    build(shift.project, run_no, campaign, now=shift.now, who=shift.who, progress=shift.go_on)
    _say_planned(shift, name, run_no, occurrence)


def _say_planned(shift: Shift, name: str, run_no: int, occurrence: Occurrence) -> None:
    with reading(shift.project.engine) as connection:
        counts = account(connection, run_no)
    waiting = counts.states[MessageState.PLANNED]
    text = (
        f"planned: {waiting:,} of {counts.audience:,} people get an email, from {at(occurrence.first_due)} on"
    )
    shift.news("planned", text, name, run_no)


def approve_or_say_why(
    shift: Shift, run_no: int, name: str, schedule: Schedule, occurrence: Occurrence
) -> bool:
    """Look at all emails of a plan; approve it if nobody has to, else keep why somebody has to."""
    project = shift.project
    findings = lint_run(project, run_no, shift.go_on)
    why, like = _why_a_person(shift, run_no, name, schedule, findings)
    if why is None:
        try:
            approve(project, run_no, now=shift.now, who=WHO, stands_for=project.settings.delivery.approvers)
        except RefusedError as error:
            why = str(error)
    if why is not None:
        why = f"waits for approval until {at(last_chance(schedule, occurrence))}: {why}"
        with writing(project.engine) as connection:
            say_why_waiting(connection, run_no, why)
        shift.news("waits", f"{why}; recmail approve {run_no}", name, run_no)
        return False
    with writing(project.engine) as connection:
        record(connection, f"approved {like}", who=WHO, now=shift.now, run_no=run_no)
    shift.news("approved", f"approved by itself, {like}", name, run_no)
    return True


def _why_a_person(
    shift: Shift, run_no: int, name: str, schedule: Schedule, findings: Findings
) -> tuple[str | None, str]:
    """Say why a person has to approve, None when nobody has to; and with what the run was compared."""
    if findings.errors:
        whose = "1 person" if findings.errors == 1 else f"{findings.errors:,} people"
        return f"there are errors in the emails of {whose} (recmail runs {run_no})", ""
    with reading(shift.project.engine) as connection:
        one = find_switch(connection, name)
    if one is not None and one.trouble:
        return f"not all data is fresh ({one.trouble})", ""
    return why_not_by_itself(shift.project, run_no, schedule.approval, findings)
