"""Planning: who gets what, frozen shard by shard under one content hash."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from recmail.campaign import Campaign, not_yet
from recmail.db.connect import reading, writing
from recmail.db.runs import find_run, insert_run, move_run, shard_hashes
from recmail.engine import drive, shard_executor
from recmail.errors import ConfigError, RecmailError, RefusedError
from recmail.history.reading import last_user_no
from recmail.pipeline import ShardTask, plan_shard
from recmail.records import SHARD_SIZE, RunState
from recmail.runs.check import check_templates_of, unknown_names
from recmail.runs.facts import draft_run, read_facts
from recmail.runs.funnel import read_funnel
from recmail.runs.project import Project
from recmail.runs.seal import content_hash
from recmail.runs.summary import sample_subjects

SHELF_LIFE = timedelta(days=7)


def plan(
    project: Project,
    name: str,
    *,
    now: datetime,
    who: str,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Freeze who gets what into a new run; returns its number.

    Raises:
        ConfigError: the campaign has mistakes, uses what is not built yet, or names unknown courses.
        RefusedError: the audience is larger than `at_most`, or the campaign has a run for this instant.
        ModelError: a block needs a model and there is none.
    """
    campaign = project.campaign(name)
    if problems := [*not_yet(campaign), *unknown_names(project, campaign)]:
        raise ConfigError(problems)
    check_templates_of(project, campaign)
    _check_size(project, campaign, now)
    run_no = _open_run(project, campaign, now)
    try:
        shards = _plan_shards(project, run_no, progress)
        sample_subjects(project, run_no)  # what cannot be rendered must not be there to be approved
        _close_run(project, run_no, shards, now=now, who=who)
    except RecmailError as error:
        with writing(project.engine) as connection:
            move_run(connection, run_no, RunState.FAILED, who=who, now=now, reason=str(error))
        raise
    return run_no


def _check_size(project: Project, campaign: Campaign, now: datetime) -> None:
    at_most = campaign.audience.at_most
    if at_most is None:
        return
    people = read_funnel(project, campaign, now=now)[-1].people
    if people > at_most:
        raise RefusedError(f"the audience is {people:,} people, and the campaign says at_most: {at_most:,}")


def _open_run(project: Project, campaign: Campaign, now: datetime) -> int:
    """Write the run with everything that all its shards share."""
    with reading(project.engine) as connection:
        draft = draft_run(project, read_facts(connection, project, campaign, now))
    with writing(project.engine) as connection:
        run_no = insert_run(connection, draft)
    if run_no is None:
        raise RefusedError(f"{campaign.name} already has a run for {now:%Y-%m-%d %H:%M:%S} UTC")
    return run_no


def _plan_shards(project: Project, run_no: int, progress: Callable[[int, int], None] | None) -> int:
    delivery = project.settings.delivery
    with reading(project.engine) as connection:
        shards = last_user_no(connection) // SHARD_SIZE + 1
    workers = min(delivery.planners, shards)
    tasks = (ShardTask(project.settings.database_url, run_no, shard) for shard in range(shards))
    done = drive(shard_executor(delivery.engine, workers), plan_shard, tasks, window=2 * workers)
    for count, _rows in enumerate(done, start=1):
        if progress:
            progress(count, shards)
    return shards


def _close_run(project: Project, run_no: int, shards: int, *, now: datetime, who: str) -> None:
    with writing(project.engine) as connection:
        hashes = shard_hashes(connection, run_no)
        if sorted(hashes) != list(range(shards)):
            raise RecmailError(f"run {run_no} misses shards {sorted(set(range(shards)) - set(hashes))}")
        digest = content_hash(find_run(connection, run_no), hashes)
        move_run(
            connection,
            run_no,
            RunState.PLANNED,
            who=who,
            now=now,
            content_hash=digest,
            planned_at=now,
            planned_by=who,
            shelf_until=now + SHELF_LIFE,
        )
