"""One look at all campaigns that go out by themselves: what is due is planned, scheduled, or given up.

Any number of processes may look at once, on any machines: a run is made by INSERT ... ON CONFLICT DO NOTHING,
and a lease for each campaign keeps two from importing and planning for the same run.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.campaign import Campaign
from recmail.campaign.calendar import Occurrence, occurrences
from recmail.campaign.options import Schedule
from recmail.db.connect import reading, writing
from recmail.db.leases import is_held
from recmail.db.runs import find_due_run, run_audit
from recmail.db.schedules import (
    Next,
    Switch,
    find_switch,
    keep_trouble,
    list_switches,
    look_forward,
    note_try,
    settle,
)
from recmail.errors import ConfigError, Problem, RecmailError, StorageError
from recmail.records import RunState
from recmail.runs.agenda import Agenda, last_chance, read_agenda
from recmail.runs.before_sending import move_on, next_steps
from recmail.runs.ending import miss
from recmail.runs.holding import holding
from recmail.runs.left_behind import DIED, clear_away
from recmail.runs.news import Tell
from recmail.runs.preparing import TAKEN_UP, prepare, take_up
from recmail.runs.project import Project
from recmail.runs.shift import Halted, Shift, at

AGAIN = timedelta(minutes=5)
"""After a preparation that failed, before the next try."""


def tick(
    project: Project, now: datetime, who: str, *, tell: Tell, stop: threading.Event | None = None
) -> list[RecmailError]:
    """Do what is to be done now for every campaign whose schedule is on; return what went wrong.

    What goes wrong with one campaign is kept with its schedule and stops no other.

    Args:
        now: business time.
        who: for the audit.
        tell: told of every event.
        stop: set when the process is to end: what was begun is taken up again by the next look.
    """
    shift = Shift(project, now, who, tell, stop or threading.Event())
    errors: list[RecmailError] = []
    with reading(project.engine) as connection:
        names = [one.campaign for one in list_switches(connection) if one.is_on]
    for name in names:
        if shift.stop.is_set():
            break
        try:
            if (error := _look(shift, name)) is not None:
                errors.append(error)
        except Halted:
            continue
        except RecmailError as error:  # the database; the next look tries again
            errors.append(error)
            shift.news("trouble", str(error), name, is_bad=True)
        except Exception as error:  # a bug; the other campaigns have to go out all the same
            traceback.print_exc()
            errors.append(RecmailError(f"{type(error).__name__}: {error}"))
            shift.news("trouble", str(errors[-1]), name, is_bad=True)
    if not shift.stop.is_set():
        clear_away(shift)
    return errors


def _look(shift: Shift, name: str) -> RecmailError | None:
    """Do what one campaign needs, if it needs anything; return what is in the way."""
    campaign, broken = _read(shift.project, name)
    schedule = campaign.schedule if campaign is not None and broken is None else None
    if not _needs_work(shift, name, schedule):
        _remember(shift, name, schedule, broken)
        return broken
    with holding(shift.project.engine, f"schedule {name}") as is_ours:
        if not is_ours:
            return None  # another process does it
        if campaign is None or schedule is None:
            _give_up_unread(shift, name, str(broken))
        else:
            broken = _work_through(shift, campaign, schedule)
        move_on(shift, name, schedule)
        _remember(shift, name, schedule, broken)
    return broken


def _read(project: Project, name: str) -> tuple[Campaign | None, RecmailError | None]:
    """Read a campaign's file as it is now; without a schedule it is as good as broken."""
    try:
        campaign = project.campaign(name)
    except RecmailError as error:
        return None, error
    return campaign, None if campaign.schedule else no_schedule(campaign)


def no_schedule(campaign: Campaign) -> ConfigError:
    """Say what a campaign needs to go out by itself."""
    last = len(campaign.text.rstrip().splitlines())
    message = (
        "there is no schedule; to let it go out by itself write when, for example:\n\n"
        "schedule:\n  when: every tuesday 09:00\n  timezone: recipient\n"
    )
    return ConfigError([Problem(campaign.file, max(last, 1), 0, message)])


def agenda_of(project: Project, one: Switch, schedule: Schedule, now: datetime) -> Agenda:
    """Return what a schedule asks for that is not settled."""
    zone = project.settings.project.timezone
    return read_agenda(schedule, occurrences(schedule, zone, after=one.settled_until), now)


def _switch(shift: Shift, name: str) -> Switch:
    with reading(shift.project.engine) as connection:
        one = find_switch(connection, name)
    if one is None or not one.is_on:
        raise Halted  # switched off since this look began; the next one sees to the others
    return one


def _needs_work(shift: Shift, name: str, schedule: Schedule | None) -> bool:
    """Tell without writing whether there is anything to do."""
    one = _switch(shift, name)
    if next_steps(shift, name, schedule):
        return True
    if schedule is None:
        return one.next is not None and shift.now > one.next.missed
    agenda = agenda_of(shift.project, one, schedule, shift.now)
    return bool(agenda.missed or agenda.due)


def _remember(shift: Shift, name: str, schedule: Schedule | None, broken: RecmailError | None) -> None:
    """Keep what is due next and what is in the way, where that is news."""
    one = _switch(shift, name)
    ahead = one.next
    if schedule is not None:
        first = agenda_of(shift.project, one, schedule, shift.now).first
        ahead = Next(first.first_due, first.prepare_at, last_chance(schedule, first)) if first else None
    trouble = str(broken) if broken else None
    if ahead == one.next and trouble == one.trouble:
        return
    with writing(shift.project.engine) as connection:
        look_forward(connection, name, ahead)
        is_news = keep_trouble(connection, name, trouble, now=shift.now)
    if is_news and broken:
        shift.news("trouble", f"cannot be prepared: {broken}", name, is_bad=True)


def _give_up_unread(shift: Shift, name: str, why: str) -> None:
    """Give up what was due while the campaign could not be read."""
    one = _switch(shift, name)
    if one.next is None or shift.now <= one.next.missed:
        return
    _miss(shift, name, one.next.due, f"it could not be prepared until {at(one.next.missed)}: {why}")
    with writing(shift.project.engine) as connection:
        settle(connection, name, one.next.due)
        look_forward(connection, name, None)


def _work_through(shift: Shift, campaign: Campaign, schedule: Schedule) -> RecmailError | None:
    """Give up what is too late and prepare what is due; return what was in the way."""
    one = _switch(shift, campaign.name)
    agenda = agenda_of(shift.project, one, schedule, shift.now)
    if agenda.missed:
        _give_up(shift, one, schedule, agenda.missed)
    for occurrence in agenda.due:
        shift.go_on()
        if (error := _prepare(shift, one, campaign, occurrence)) is not None:
            return error
    return None


def _give_up(shift: Shift, one: Switch, schedule: Schedule, missed: Sequence[Occurrence]) -> None:
    """Give up times that are too late; one run stands for all of them, and says so once."""
    name, engine = one.campaign, shift.project.engine
    with reading(engine) as connection:
        runs = [find_due_run(connection, name, occurrence.first_due) for occurrence in missed]
    left = [
        occurrence
        for occurrence, run in zip(missed, runs, strict=True)
        if run is None or run["state"] == RunState.BUILDING
    ]
    if left:
        until = last_chance(schedule, left[-1])
        why = one.trouble or "nothing ran that would prepare it"
        late = f"until {at(until)}" if shift.now > until else "and the next time has come"
        reason = f"{why}, {late}"
        if others := len(left) - 1:
            reason += f"; missed too: {others:,} before it, from {at(left[0].first_due)} on"
        _miss(shift, name, left[-1].first_due, reason)
    with writing(engine) as connection:
        settle(connection, name, missed[-1].first_due)


def _miss(shift: Shift, name: str, due: datetime, reason: str) -> None:
    number = miss(shift, name, due, reason)
    if number is not None:
        shift.news("missed", f"was due {at(due)} and did not go out: {reason}", name, number, is_bad=True)


def _prepare(shift: Shift, one: Switch, campaign: Campaign, occurrence: Occurrence) -> RecmailError | None:
    """See that there is a plan for one time of a schedule; return what was in the way."""
    name, engine = one.campaign, shift.project.engine
    with reading(engine) as connection:
        run = find_due_run(connection, name, occurrence.first_due)
        is_dead = run is not None and run["state"] == RunState.BUILDING
        if run is not None and is_dead and is_held(connection, f"run {run['run_no']}"):
            return None  # somebody plans it by hand just now
        taken_up = _taken_up_at(connection, run["run_no"]) if run is not None and is_dead else None
    if run is None or is_dead:
        began = one.tried_at if run is None else taken_up
        if began is not None and timedelta() <= shift.now - began < AGAIN:
            trouble = one.trouble if run is None else f"{DIED} again; the next try is at {at(began + AGAIN)}"
            return RecmailError(trouble) if trouble else None
        with writing(engine) as connection:
            note_try(connection, name, shift.now)
        try:
            if run is not None:
                take_up(shift, run["run_no"], occurrence)
            elif not prepare(shift, campaign, occurrence):
                with writing(engine) as connection:
                    note_try(connection, name, None)  # nothing was tried: the next look need not wait
                return None
        except StorageError as error:
            return error  # what is planned stays, and the next try goes on with it
        except RecmailError as error:
            return _failed(shift, name, occurrence, error)
    with writing(engine) as connection:
        note_try(connection, name, None)
        settle(connection, name, occurrence.first_due)
    return None


def _taken_up_at(connection: sa.Connection, run_no: int) -> datetime | None:
    """When a plan whose planner died was last taken up; the first time nothing is waited for."""
    times = [row["at"] for row in run_audit(connection, run_no) if row["action"] == TAKEN_UP]
    return times[-1] if times else None


def _failed(shift: Shift, name: str, occurrence: Occurrence, error: RecmailError) -> RecmailError | None:
    """Tell a plan that failed for good from one that was not even begun, and is tried again."""
    with writing(shift.project.engine) as connection:
        run = find_due_run(connection, name, occurrence.first_due)
        if run is None or run["state"] == RunState.BUILDING:
            return error
        note_try(connection, name, None)
        settle(connection, name, occurrence.first_due)
    shift.news("failed", f"could not be planned: {error}", name, run["run_no"], is_bad=True)
    return None
