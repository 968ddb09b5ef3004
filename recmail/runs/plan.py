"""Planning: who gets what, frozen shard by shard under one content hash."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from recmail.campaign import Campaign
from recmail.campaign.calendar import Occurrence
from recmail.campaign.dealing import exact_allotment
from recmail.campaign.due import Due
from recmail.db.connect import reading, writing
from recmail.db.leases import take_lease
from recmail.db.ledger import forget_shard
from recmail.db.runs import find_run, insert_run, move_run, shard_hashes, write_exposure
from recmail.deliver.crash import crash_at
from recmail.engine import give_memory_back
from recmail.errors import ConfigError, RecmailError, RefusedError, StorageError
from recmail.filters.limits import Exposure
from recmail.history.reading import last_user_no
from recmail.pipeline import (
    ShardTask,
    WishesBy,
    draw_shard,
    exposure_of,
    plan_shard,
    run_facts,
    wish_shard,
)
from recmail.records import SHARD_SIZE, RunState
from recmail.runs.check import check_templates_of, unknown_names
from recmail.runs.exposure import Settlement, settle
from recmail.runs.facts import draft_run, read_facts
from recmail.runs.funnel import over_at_most, read_funnel
from recmail.runs.holding import holding, new_holder
from recmail.runs.project import Project
from recmail.runs.replanning import make_way
from recmail.runs.seal import content_hash
from recmail.runs.shards import over_shards
from recmail.runs.summary import compare_samples

SHELF_LIFE = timedelta(days=7)
"""How long after its last email is due a plan is good; longer where the schedule lets emails be later."""
Progress = Callable[[int, int], None] | None
Result = TypeVar("Result")


def plan(
    project: Project,
    name: str,
    *,
    now: datetime,
    who: str,
    occurrence: Occurrence | None = None,
    progress: Progress = None,
) -> int:
    """Freeze who gets what into a new run; returns its number.

    Args:
        now: as of when people, histories and courses are judged.
        occurrence: of the campaign's schedule, at which the emails are due; None: all are due now.

    Raises:
        ConfigError: the campaign has mistakes, or names unknown courses.
        RefusedError: the audience is larger than `at_most`, or the campaign has a run for this instant.
        ModelError: a block needs a model and there is none.
    """
    campaign, holder = _checked(project, name, now), new_holder()
    run_no = _open_run(project, _draft(project, campaign, now, occurrence), holder)
    try:
        build(project, run_no, campaign, now=now, who=who, progress=progress, holder=holder)
    except StorageError as error:
        if (
            occurrence is None
        ):  # of a schedule's run the next look goes on with what is planned; of this nobody
            with suppress(StorageError):
                _fail(project, run_no, error, now=now, who=who)
        raise
    return run_no


def plan_again(
    project: Project,
    name: str,
    *,
    now: datetime,
    who: str,
    occurrence: Occurrence,
    progress: Progress = None,
    tell: Callable[[str], None] | None = None,
) -> int:
    """Plan as `plan` does, in place of a run for the same occurrence that nobody approved, or that ended.

    Args:
        tell: told in words which run made way, if one did.

    Raises:
        ConfigError, ModelError: as for `plan`.
        RefusedError: as for `plan`; or that run is approved, or has gone out.
    """
    campaign, holder = _checked(project, name, now), new_holder()
    draft = _draft(project, campaign, now, occurrence)  # what cannot be planned leaves the other run alone
    made_way = make_way(project, campaign.name, occurrence, now=now, who=who)
    if made_way is not None and tell is not None:
        tell(made_way)
    run_no = _open_run(project, draft, holder)
    build(project, run_no, campaign, now=now, who=who, progress=progress, holder=holder)
    return run_no


def _checked(project: Project, name: str, now: datetime) -> Campaign:
    campaign = project.campaign(name)
    if problems := unknown_names(project, campaign):
        raise ConfigError(problems)
    check_templates_of(project, campaign)
    _check_size(project, campaign, now)
    return campaign


def build(
    project: Project,
    run_no: int,
    campaign: Campaign,
    *,
    now: datetime,
    who: str,
    progress: Progress = None,
    holder: str | None = None,
) -> None:
    """Plan the shards of a run that are not planned yet, and close it; whoever dies in it is followed.

    Args:
        campaign: as it was frozen with the run.

    Raises:
        RefusedError: another process plans it.
        StorageError: the database fails; the run stays as it is, and this goes on with it.
        RecmailError: it cannot be planned, and has failed.
    """
    project.engine.dispose()  # it read all enrolments, and would keep pages of them while shards need memory
    give_memory_back()
    with holding(project.engine, f"run {run_no}", holder=holder) as is_ours:
        if not is_ours:
            raise RefusedError(f"run {run_no} is being planned by another process")
        try:
            shards = _plan_shards(project, run_no, campaign, progress)
            compare_samples(project, run_no)  # a wrong plan must not be there to be approved
            _close_run(project, run_no, shards, now=now, who=who)
        except StorageError:
            raise
        except RecmailError as error:
            _fail(project, run_no, error, now=now, who=who)
            raise


def _fail(project: Project, run_no: int, error: RecmailError, *, now: datetime, who: str) -> None:
    with writing(project.engine) as connection:
        move_run(connection, run_no, RunState.FAILED, who=who, now=now, reason=str(error))


def _check_size(project: Project, campaign: Campaign, now: datetime) -> None:
    if campaign.audience.at_most is None:
        return
    people = read_funnel(project, campaign, now=now)[-1].people
    if (why := over_at_most(campaign, people)) is not None:
        raise RefusedError(why)


def _draft(
    project: Project, campaign: Campaign, now: datetime, occurrence: Occurrence | None
) -> dict[str, Any]:
    """Return the row of a run, with everything that all its shards share."""
    with reading(project.engine) as connection:
        return draft_run(project, read_facts(connection, project, campaign, now, occurrence=occurrence))


def _open_run(project: Project, draft: Mapping[str, Any], holder: str) -> int:
    """Write the run; `holder` plans it."""
    with writing(project.engine) as connection:
        run_no = insert_run(connection, draft)
        if run_no is not None:
            take_lease(connection, f"run {run_no}", holder)
        crash_at("before-run")
    crash_at("after-run")
    if run_no is None:
        instant = f"{draft['due_instant']:%Y-%m-%d %H:%M:%S} UTC"
        raise RefusedError(f"{draft['campaign']} already has a run for {instant}")
    return run_no


def _plan_shards(project: Project, run_no: int, campaign: Campaign, progress: Progress) -> int:
    """Plan every shard of a run, after what the whole audience has to say; returns how many there are."""
    with reading(project.engine) as connection:
        shards = last_user_no(connection) // SHARD_SIZE + 1
        run = find_run(connection, run_no)
    exposure, url, done = exposure_of(campaign), project.settings.database_url, count(1)
    if campaign.variants or exposure:
        _begin_anew(project, run_no)
    steps = shards * (1 + bool(campaign.variants) + bool(exposure))

    def over(work: Callable[[ShardTask], Result], tasks: Iterable[ShardTask]) -> Iterator[Result]:
        for result in over_shards(project, work, tasks, shards):
            if progress:
                progress(next(done), steps)
            yield result

    tasks, settlement = [ShardTask(url, run_no, shard) for shard in range(shards)], None
    if campaign.variants:
        # Before anybody's email is filled: a variant may fill it with blocks of its own, and who has too few
        # courses for one variant counts against it and becomes nobody else's.
        allotment = exact_allotment(campaign, run["seed"], list(over(draw_shard, tasks)))
        tasks = [replace(task, allotment=allotment) for task in tasks]
    if exposure:
        settlement = _settle(project, run, exposure, over(wish_shard, tasks), shards)
    for _rows in over(plan_shard, _settled(tasks, settlement)):
        pass
    if settlement:
        with writing(project.engine) as connection:
            write_exposure(connection, run_no, settlement.to_json())
    return shards


def _begin_anew(project: Project, run_no: int) -> None:
    """Forget what a planner that died had planned: the whole audience is counted once, for all shards.

    Consent, caps and people may have changed since. Shards that were planned by another count would break
    the limits on courses and the shares of variants.
    """
    with reading(project.engine) as connection:
        planned = shard_hashes(connection, run_no)
    for shard in planned:
        with writing(project.engine) as connection:
            forget_shard(connection, run_no, shard)


def _settle(
    project: Project, run: Mapping[str, Any], exposure: Exposure, wishes: Iterable[WishesBy], shards: int
) -> Settlement:
    with reading(project.engine) as connection:
        facts = run_facts(connection, run)
    last = shards * SHARD_SIZE - 1  # whoever is imported meanwhile has room in the last one
    return settle(facts, exposure, wishes, last=last, seed=run["seed"])


def _settled(tasks: Iterable[ShardTask], settlement: Settlement | None) -> Iterator[ShardTask]:
    for task in tasks:
        low = task.shard * SHARD_SIZE
        yield replace(task, settled=settlement.of(low, low + SHARD_SIZE)) if settlement else task


def _close_run(project: Project, run_no: int, shards: int, *, now: datetime, who: str) -> None:
    with writing(project.engine) as connection:
        hashes = shard_hashes(connection, run_no)
        if sorted(hashes) != list(range(shards)):
            raise RecmailError(f"run {run_no} misses shards {sorted(set(range(shards)) - set(hashes))}")
        run = find_run(connection, run_no)
        due, digest = Due.of_run(run), content_hash(run, hashes)
        move_run(
            connection,
            run_no,
            RunState.PLANNED,
            who=who,
            now=now,
            content_hash=digest,
            planned_at=now,
            planned_by=who,
            shelf_until=due.last + max(SHELF_LIFE, due.if_late or SHELF_LIFE),
        )
        crash_at("before-plan")
    crash_at("after-plan")
