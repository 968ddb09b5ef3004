"""How scheduled runs end that never go out: missed before there was a plan, expired after."""

from __future__ import annotations

from datetime import datetime

from recmail import __version__
from recmail.db import ledger
from recmail.db.connect import writing
from recmail.db.runs import find_due_run, insert_run, move_run, record
from recmail.records import RunState
from recmail.runs.project import Project
from recmail.runs.shift import Shift


def miss(shift: Shift, name: str, due: datetime, reason: str) -> int | None:
    """Write down that a campaign did not go out; the run that says so, None when there is a run already."""
    project = shift.project
    with writing(project.engine) as connection:
        run_no = insert_run(connection, _nothing(project, name, due, reason))
        if run_no is not None:
            record(
                connection,
                RunState.MISSED,
                who=shift.who,
                now=shift.now,
                run_no=run_no,
                detail={"reason": reason},
            )
            return run_no
        run = find_due_run(connection, name, due)
        if run is None or run["state"] != RunState.BUILDING:
            return None
        number = int(run["run_no"])
        move_run(connection, number, RunState.FAILED, who=shift.who, now=shift.now, reason=reason)
        return number


def _nothing(project: Project, name: str, due: datetime, reason: str) -> dict[str, object]:
    """The row of a run that was never planned: its campaign as it is, if it can be read, and nobody in it."""
    try:
        text = (project.folder / "campaigns" / f"{name}.yaml").read_text("utf-8", "replace")
    except OSError:
        text = ""
    return {
        "campaign": name,
        "due_instant": due,
        "state": RunState.MISSED,
        "reason": reason,
        "campaign_yaml": text.replace("\x00", ""),
        "template_bundle": {},
        "settings": {},
        "courses": {},
        "settings_hash": "",
        "seed": 0,
        "recmail_version": __version__,
    }


def expire(shift: Shift, run_no: int, reason: str) -> None:
    """End a run that was planned and is too late: whoever waits gets nothing from it."""
    with writing(shift.project.engine) as connection:
        move_run(connection, run_no, RunState.EXPIRED, who=shift.who, now=shift.now, reason=reason)
        ledger.cancel_run(connection, run_no, now=shift.now)
