"""Which run is meant when a campaign is named: the one that a command can be for, when there is just one."""

from __future__ import annotations

from collections.abc import Collection

from recmail.db.account import accounts
from recmail.db.connect import reading
from recmail.db.runs import list_runs
from recmail.errors import RefusedError
from recmail.records import MessageState, RunState
from recmail.runs.project import Project

LISTED = 10
_WORDS = {MessageState.FAILED: "failed", MessageState.UNKNOWN: "unclear"}


def choose_run(
    project: Project,
    named: int | str,
    states: Collection[RunState],
    *,
    having: MessageState | None = None,
) -> int:
    """Return the run of a number, whatever its state, or the only run of a campaign in one of these states.

    Args:
        having: only runs with such messages.

    Raises:
        RefusedError: no run of the campaign is meant, or several are: each with its state.
    """
    if isinstance(named, int):
        return named
    with reading(project.engine) as connection:
        all_runs = list_runs(connection, campaign=named)
        found = [row for row in all_runs if row["state"] in states]
        counted = accounts(connection, [row["run_no"] for row in found])
    if having is not None:
        found = [row for row in found if counted[row["run_no"]].states[having]]
    if len(found) == 1:
        return int(found[0]["run_no"])
    if not found:
        if not all_runs:
            project.campaign(named)  # which says what campaigns there are
            raise RefusedError(f"{named} has no runs yet; plan one with: recmail plan {named}")
        meant = f"is {' or '.join(states)}" if having is None else f"has {_WORDS[having]} messages"
        raise RefusedError(f"no run of {named} {meant}; recmail runs {named} lists them")
    listed = [
        f"  run {row['run_no']}: {row['state']}, {counted[row['run_no']].states[MessageState.PLANNED]:,} wait"
        for row in found[:LISTED]
    ]
    more = [f"  and {len(found) - LISTED} more"] if len(found) > LISTED else []
    said = "\n".join((f"{len(found)} runs of {named} may be meant; say which by its number:", *listed, *more))
    raise RefusedError(said)
