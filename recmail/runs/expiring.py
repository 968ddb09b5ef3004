"""Once a day, whoever looks at schedules deletes what is older than [retention] allows."""

from __future__ import annotations

from datetime import datetime, timedelta

from recmail.db.connect import writing
from recmail.db.leases import take_lease
from recmail.feedback.retention import expire
from recmail.runs.holding import new_holder
from recmail.runs.project import Project

LEASE = "expired"
"""Held for a day by whoever did it last; nobody gives it back."""
EVERY = timedelta(days=1)


def expire_daily(project: Project, now: datetime, who: str) -> bool:
    """Delete what is too old, unless somebody did so within a day; tell whether it was done."""
    with writing(project.engine) as connection:
        if not take_lease(connection, LEASE, new_holder(), EVERY):
            return False
    expire(project.engine, project.settings, who=who, now=now)
    return True
