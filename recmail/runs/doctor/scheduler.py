"""The schedules: is somebody there who prepares and sends what they ask for, and is anything in the way."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.runs.doctor.finding import Finding, ok, said, warning, wrong
from recmail.runs.doctor.subject import Subject
from recmail.runs.scheduling import nobody_is_there, read_plans


def check_scheduler(subject: Subject) -> Iterator[Finding]:
    """Say what goes out by itself, and what keeps it from doing so."""
    if subject.project is None:
        return
    plans = read_plans(subject.project, now=subject.now)
    if not plans:
        yield ok("scheduler", "no campaign has a schedule; runs are sent by hand")
        return
    for plan in plans:
        name = plan.campaign
        if not plan.is_on:
            if plan.times:
                found = f"{name} has a schedule that is switched off; it is sent by hand"
                yield warning("scheduler", found, f"recmail schedule {name}")
        elif plan.trouble:
            found = f"{name} cannot be prepared: {said(plan.trouble)}"
            yield wrong("scheduler", found, f"recmail check {name}, or recmail schedule {name} --off")
        else:
            yield ok("scheduler", f"{name} goes out {plan.next_words or 'no more: its schedule is over'}")
    advice = nobody_is_there(subject.project)
    if not any(plan.is_on for plan in plans):
        return
    if advice:
        found, _, step = advice.partition(": ")
        yield wrong("scheduler", found, step)
    else:
        yield ok("scheduler", "schedules are looked at, and what is due is sent")
