"""What recmail does by itself, for as long as it runs or once: look at schedules, and send what is due."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta

from recmail.db.connect import writing
from recmail.db.leases import take_lease
from recmail.deliver.clock import Clock
from recmail.errors import RecmailError
from recmail.runs.holding import holding, new_holder
from recmail.runs.look_back import LookBack
from recmail.runs.news import News, Tell
from recmail.runs.project import Project
from recmail.runs.scheduler import tick
from recmail.runs.senders import Senders

WHO = "recmail"
SCHEDULER, SENDER = "scheduler ", "sender "
"""How the leases begin that say that somebody is there."""
THERE = timedelta(minutes=2)
AT_LEAST_EVERY = timedelta(hours=1)
"""How often `work --once` has to be started, at least, to count as being there."""
_TICK_S, _LOOK_S, _ONCE_LOOK_S = 10.0, 1.0, 0.1


def keep_scheduling(project: Project, clock: Clock, *, tell: Tell, stop: threading.Event) -> None:
    """Look at all schedules every few seconds, and once a minute at what came back, until `stop` is set."""
    returned = LookBack(project, WHO, tell, stop)
    with holding(project.engine, SCHEDULER + new_holder(), lease=THERE):
        while not stop.is_set():
            try:
                returned.look(clock.now())  # first: whoever bounced or said no is not planned for
                tick(project, clock.now(), WHO, tell=tell, stop=stop)
            except RecmailError as error:  # the database went away; it may come back
                tell(News(clock.now(), "trouble", str(error), is_bad=True))
            stop.wait(_TICK_S)


def keep_sending(project: Project, clock: Clock, *, tell: Tell, stop: threading.Event) -> None:
    """Send every run that is due or being sent, until `stop` is set; what is in hand then is finished."""
    senders = Senders(project, clock, WHO, tell, waits=True)
    with holding(project.engine, SENDER + new_holder(), lease=THERE):
        while not stop.is_set():
            wait_s = _LOOK_S
            try:
                senders.look()
            except RecmailError as error:
                tell(News(clock.now(), "trouble", str(error), is_bad=True))
                wait_s = _TICK_S
            stop.wait(wait_s)
        senders.close()


def schedule_once(project: Project, clock: Clock, *, tell: Tell, stop: threading.Event) -> list[RecmailError]:
    """Look at all schedules once; return what went wrong."""
    _was_here(project, SCHEDULER)
    errors = LookBack(project, WHO, tell, stop).look(clock.now())
    return [*errors, *tick(project, clock.now(), WHO, tell=tell, stop=stop)]


def send_once(project: Project, clock: Clock, *, tell: Tell, stop: threading.Event) -> Senders:
    """Send what is due now and held by no other sender; return what there is to say of it."""
    _was_here(project, SENDER)
    senders = Senders(project, clock, WHO, tell, waits=False)
    while senders.look() and not senders.errors and not stop.is_set():
        stop.wait(_ONCE_LOOK_S)
    senders.close()
    return senders


def _was_here(project: Project, role: str) -> None:
    """Be there until the next time that this machine is expected."""
    with writing(project.engine) as connection:
        take_lease(connection, f"{role}once {socket.gethostname()}", "once", AT_LEAST_EVERY)
