"""Looks at every email of a planned run; what is found is kept with its shards, and nobody looks twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from recmail import __version__
from recmail.db.connect import reading, writing
from recmail.db.ledger_rows import same_key, state_is
from recmail.db.runs import LOOKED_BY, find_run, run_state, shard_findings, write_findings
from recmail.db.tables import ledger, ledger_context
from recmail.errors import RefusedError
from recmail.pipeline import shard_engine
from recmail.records import SHARD_SIZE, MessageState
from recmail.render.lint.tally import Tally
from recmail.runs.findings import Findings, read_findings
from recmail.runs.linter import Linter
from recmail.runs.message import Links, stand_in_links
from recmail.runs.project import Project
from recmail.runs.shards import over_shards

LookProgress = Callable[[int, int, int], None] | None
"""Told the emails looked at, the shards done, and how many shards there are."""


@dataclass(frozen=True)
class LintTask:
    """All that a worker is told: everything else it reads from the database."""

    database_url: str
    run_no: int
    shard: int
    links: Links


def lint_run(project: Project, run_no: int, progress: LookProgress = None) -> Findings:
    """Look at all emails of a planned run that this version did not look at yet; what is in all of them.

    Raises:
        RefusedError: not all could be looked at, as when somebody cancels the run meanwhile.
    """
    with reading(project.engine) as connection:
        kept = shard_findings(connection, run_no)
    unseen = [shard for shard, found in kept.items() if not _is_current(found)]
    links, people = stand_in_links(project), 0
    tasks = (LintTask(project.settings.database_url, run_no, shard, links) for shard in unseen)
    for done, looked_at in enumerate(over_shards(project, lint_shard, tasks, len(unseen)), start=1):
        people += looked_at
        if progress:
            progress(people, done, len(unseen))
    with reading(project.engine) as connection:
        findings, state = read_findings(connection, run_no), run_state(connection, run_no)
    if findings is None and kept:
        raise RefusedError(f"run {run_no} is {state}, and not all of its emails were looked at")
    return findings or Findings(Tally(), {})  # without shards nobody is in the run


def _is_current(found: Mapping[str, Any] | None) -> bool:
    return found is not None and found.get(LOOKED_BY) == __version__


def lint_shard(task: LintTask) -> int:
    """Look at one shard's emails and keep what is found, unless that is too late; returns how many there are.

    May run twice.
    """
    engine = shard_engine(task.database_url)
    linter = _linter(task.database_url, task.run_no, task.links)
    with reading(engine) as connection:
        people = connection.execute(_waiting(task.run_no, task.shard)).all()
    tally = linter.tally(tuple(row) for row in people)
    with writing(engine) as connection:
        write_findings(connection, task.run_no, task.shard, {LOOKED_BY: __version__, **tally.to_dict()})
    return tally.people


def _waiting(run_no: int, shard: int) -> sa.Select[Any]:
    low = shard * SHARD_SIZE
    return (
        sa.select(ledger.c.user_no, ledger.c.variant, ledger_context.c.context)
        .join(ledger_context, same_key(ledger_context, ledger))
        .where(ledger.c.run_no == run_no, state_is(ledger, MessageState.PLANNED))
        .where(ledger.c.user_no >= low, ledger.c.user_no < low + SHARD_SIZE)
        .order_by(ledger.c.user_no)
    )


@lru_cache(maxsize=2)
def _linter(database_url: str, run_no: int, links: Links) -> Linter:
    """Read what all shards of a run share, once in each process."""
    with reading(shard_engine(database_url)) as connection:
        return Linter(find_run(connection, run_no), links)
