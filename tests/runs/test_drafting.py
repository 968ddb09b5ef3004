"""Messages are the same whichever process writes them."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.tables import ledger
from recmail.deliver.clock import Clock
from recmail.runs import drafting
from recmail.runs.lifecycle import approve
from recmail.runs.plan import plan
from recmail.runs.project import Project
from recmail.runs.send import send
from tests.runs.conftest import PEOPLE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # who writes knows of no database
def test_what_another_process_writes_is_what_this_one_would(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_no = plan(project, "free", now=now, who="test")
    approve(project, run_no, now=now, who="test")
    monkeypatch.setattr(drafting, "_WORTH_PROCESSES", 1)
    sent = send(project, run_no, clock=Clock(now), who="test", stop=threading.Event())
    assert sent.mailed == PEOPLE - 1
    elsewhere = hashes(project)
    # The same run once more, all of it written here.
    with project.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE ledger SET state = 'planned', next_at = due_at, body_sha256 = NULL")
        )
        connection.execute(sa.text("UPDATE runs SET state = 'approved'"))
    monkeypatch.setattr(drafting, "_WORTH_PROCESSES", 10**9)
    assert send(project, run_no, clock=Clock(now), who="test", stop=threading.Event()).mailed == PEOPLE - 1
    assert hashes(project) == elsewhere
    assert len(set(elsewhere)) == PEOPLE - 1


def hashes(project: Project) -> list[str]:
    """Of the bodies that left, by person."""
    query = sa.select(ledger.c.body_sha256).where(ledger.c.state == "sent").order_by(ledger.c.user_no)
    with reading(project.engine) as connection:
        return list(connection.scalars(query))
