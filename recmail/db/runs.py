"""The life of a run as rows: made once for a due instant, moved only by legal transitions, written down."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.inserting import insert
from recmail.db.prepared import run_prepared
from recmail.db.schedules import switched_on
from recmail.db.tables import audit, run_shards, runs
from recmail.db.types import UtcTime, clean
from recmail.errors import RefusedError
from recmail.records import RunState

S = RunState
ENDS = frozenset({S.FINISHED, S.CANCELLED, S.EXPIRED, S.MISSED, S.FAILED})
LEGAL: dict[RunState, frozenset[RunState]] = {  # to: from
    S.PLANNED: frozenset({S.BUILDING}),
    S.FAILED: frozenset({S.BUILDING}),
    S.APPROVED: frozenset({S.PLANNED}),
    S.SCHEDULED: frozenset({S.APPROVED}),
    S.SENDING: frozenset({S.APPROVED, S.SCHEDULED, S.PAUSED, S.SENDING, S.FINISHED}),
    S.PAUSED: frozenset({S.SENDING}),
    S.FINISHED: frozenset({S.SENDING}),
    S.EXPIRED: frozenset({S.PLANNED, S.APPROVED, S.SCHEDULED}),
    S.CANCELLED: frozenset(set(S) - ENDS),
}
# A plan that nobody approved takes nobody's place: marketers plan several times before they approve.
OPEN: sa.ColumnElement[bool] = sa.literal_column(
    "runs.state IN ('approved', 'scheduled', 'sending', 'paused')"
)
_NOT_BEGUN = (S.PLANNED, S.APPROVED, S.SCHEDULED)
LOOKED_BY = "recmail"
"""The key of findings for the version that looked: another one may write the same email differently."""
_HEAVY = ("campaign_yaml", "template_bundle", "courses")
_LIGHT = [column for column in runs.c if column.name not in _HEAVY]


def insert_run(connection: sa.Connection, values: Mapping[str, Any]) -> int | None:
    """Make a run in state `building`; None when the campaign already has one for this due instant."""
    made = _insert_once(connection, runs, {"state": RunState.BUILDING, **values}, runs.c.run_no)
    return None if made is None else int(made)


def find_run(connection: sa.Connection, run_no: int) -> dict[str, Any]:
    """All columns of a run.

    Raises:
        RefusedError: there is no such run.
    """
    row = connection.execute(sa.select(runs).where(runs.c.run_no == run_no)).mappings().first()
    if row is None:
        raise RefusedError(f"there is no run {run_no}; `recmail runs` lists them")
    return dict(row)


def run_summary(connection: sa.Connection, run_no: int) -> sa.RowMapping:
    """A run without what was frozen with it.

    Raises:
        RefusedError: there is no such run.
    """
    row = connection.execute(sa.select(*_LIGHT).where(runs.c.run_no == run_no)).mappings().first()
    if row is None:
        raise RefusedError(f"there is no run {run_no}; `recmail runs` lists them")
    return row


def run_state(connection: sa.Connection, run_no: int) -> RunState:
    """Where a run stands, without reading what was frozen with it.

    Raises:
        RefusedError: there is no such run.
    """
    state = connection.scalar(sa.select(runs.c.state).where(runs.c.run_no == run_no))
    if state is None:
        raise RefusedError(f"there is no run {run_no}; `recmail runs` lists them")
    return RunState(state)


def list_runs(connection: sa.Connection, *, campaign: str | None = None) -> list[sa.RowMapping]:
    """All runs, newest first, without their frozen texts."""
    query = sa.select(*_LIGHT).order_by(runs.c.run_no.desc())
    if campaign is not None:
        query = query.where(runs.c.campaign == campaign)
    return list(connection.execute(query).mappings())


def free_due_instant(connection: sa.Connection, run_no: int) -> None:
    """Leave the due instant of a run that will not go out to another; it gets the next free microsecond."""
    this = sa.select(runs.c.campaign, runs.c.due_instant).where(runs.c.run_no == run_no)
    campaign, due = connection.execute(this).one()
    newest = sa.select(sa.func.max(runs.c.due_instant, type_=UtcTime())).where(
        runs.c.campaign == campaign, runs.c.due_instant < due + timedelta(seconds=1)
    )
    free = connection.scalars(newest).one() + timedelta(microseconds=1)
    connection.execute(sa.update(runs).where(runs.c.run_no == run_no).values(due_instant=free))


_OPEN_RUNS = sa.select(runs.c.run_no, runs.c.priority).where(OPEN)


def higher_runs(connection: sa.Connection, run_nos: Collection[int]) -> dict[int, tuple[int, ...]]:
    """For each of these runs the open runs of higher priority, in order; only where there are some."""
    open_runs = run_prepared(connection, _OPEN_RUNS)
    priorities = {run_no: priority for run_no, priority in open_runs if run_no in run_nos}
    higher = {
        mine: tuple(sorted(run_no for run_no, other in open_runs if other > priority))
        for mine, priority in priorities.items()
    }
    return {mine: others for mine, others in higher.items() if others}


def move_run(
    connection: sa.Connection,
    run_no: int,
    to: RunState,
    *,
    who: str,
    now: datetime,
    reason: str | None = None,
    **columns: Any,
) -> None:
    """Move a run to another state, if that is legal, and write down who did it.

    Raises:
        RefusedError: the run is in a state from which this cannot be done.
    """
    reason = reason and clean(reason)  # it may be a server's words
    moved = connection.execute(
        sa.update(runs)
        .where(runs.c.run_no == run_no, runs.c.state.in_(LEGAL[to]))
        .values(state=to, reason=reason, **columns)
        .returning(runs.c.run_no)
    ).first()
    if moved is None:
        state = run_state(connection, run_no)
        needed = " or ".join(sorted(LEGAL[to]))
        raise RefusedError(f"run {run_no} is {state}; it can become {to} only when it is {needed}")
    record(connection, to, who=who, now=now, run_no=run_no, detail={"reason": reason} if reason else {})


def record(
    connection: sa.Connection,
    action: str,
    *,
    who: str,
    now: datetime,
    run_no: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write into the audit who did what."""
    connection.execute(
        audit.insert().values(at=now, who=who, action=action, run_no=run_no, detail=dict(detail or {}))
    )


def claim_shard(connection: sa.Connection, run_no: int, shard: int, *, now: datetime) -> bool:
    """Put the shard's marker down, first thing in its transaction; False when it was planned before."""
    marker = {"run_no": run_no, "shard": shard, "rows": 0, "hash": "", "committed_at": now}
    return _insert_once(connection, run_shards, marker, run_shards.c.shard) is not None


def finish_shard(
    connection: sa.Connection,
    run_no: int,
    shard: int,
    *,
    rows: int,
    digest: str,
    shortfall: Sequence[Sequence[float]] = (),
) -> None:
    """Write what the shard holds into its marker, last thing in its transaction."""
    where = (run_shards.c.run_no == run_no) & (run_shards.c.shard == shard)
    held = {"rows": rows, "hash": digest, "shortfall": [list(row) for row in shortfall]}
    connection.execute(sa.update(run_shards).where(where).values(**held))


def write_findings(connection: sa.Connection, run_no: int, shard: int, findings: Mapping[str, Any]) -> bool:
    """Keep what was found in the emails of a shard's people; False, and nothing, when that is too late.

    It is once the run is not planned any more, since then some of its people may wait no longer, or when the
    same version has written what it found already.

    Args:
        findings: with the version that looked, as LOOKED_BY.
    """
    planned = sa.select(runs.c.run_no).where(runs.c.run_no == run_no, runs.c.state == RunState.PLANNED)
    if connection.scalar(planned.with_for_update(read=True)) is None:  # until the end nobody moves the run
        return False
    here = (run_shards.c.run_no == run_no) & (run_shards.c.shard == shard)
    kept = connection.scalar(sa.select(run_shards.c.findings).where(here))
    if kept is not None and kept.get(LOOKED_BY) == findings[LOOKED_BY]:
        return False
    connection.execute(sa.update(run_shards).where(here).values(findings=dict(findings)))
    return True


def shard_findings(connection: sa.Connection, run_no: int) -> dict[int, dict[str, Any] | None]:
    """What was found in the emails of every planned shard, in order; None where nobody looked yet."""
    query = sa.select(run_shards.c.shard, run_shards.c.findings).where(run_shards.c.run_no == run_no)
    return {int(shard): found for shard, found in connection.execute(query.order_by(run_shards.c.shard))}


def write_exposure(connection: sa.Connection, run_no: int, exposure: Mapping[str, Any]) -> None:
    """Keep what limits over the whole audience took from people."""
    connection.execute(sa.update(runs).where(runs.c.run_no == run_no).values(exposure=dict(exposure)))


def shard_hashes(connection: sa.Connection, run_no: int) -> dict[int, str]:
    """The hash of every planned shard, in order."""
    query = sa.select(run_shards.c.shard, run_shards.c.hash).where(run_shards.c.run_no == run_no)
    return {
        int(shard): str(digest) for shard, digest in connection.execute(query.order_by(run_shards.c.shard))
    }


def _insert_once(
    connection: sa.Connection, table: sa.Table, row: Mapping[str, Any], key: sa.Column[Any]
) -> Any | None:
    """Insert a row if its key is free; the key, or None. The caller's row is there when this returns None.

    RETURNING, never rowcount: after DO NOTHING psycopg's rowcount said "no row" for rows that it had made.
    """
    statement = insert(connection, table).values(**row).on_conflict_do_nothing().returning(key)
    return connection.execute(statement).scalar()


def run_audit(connection: sa.Connection, run_no: int) -> list[sa.RowMapping]:
    """What people and recmail did with a run, in order."""
    query = sa.select(audit).where(audit.c.run_no == run_no).order_by(audit.c.audit_no)
    return list(connection.execute(query).mappings())


def waiting_runs(connection: sa.Connection, campaign: str) -> list[sa.RowMapping]:
    """The runs of a campaign planned and not begun, oldest first, with what tells when they are due."""
    names = ("run_no", "state", "reason", "due_instant", "campaign_yaml", "settings")
    wanted = [runs.c[name] for name in names]
    query = sa.select(*wanted).where(runs.c.campaign == campaign, runs.c.state.in_(_NOT_BEGUN))
    return list(connection.execute(query.order_by(runs.c.due_instant)).mappings())


def unfinished_plans(connection: sa.Connection, campaign: str | None = None) -> list[sa.RowMapping]:
    """The runs that are being planned, of all campaigns or of one, with what tells when they are due."""
    names = ("run_no", "campaign", "due_instant", "campaign_yaml", "settings")
    query = sa.select(*[runs.c[name] for name in names]).where(runs.c.state == RunState.BUILDING)
    if campaign is not None:
        query = query.where(runs.c.campaign == campaign)
    return list(connection.execute(query.order_by(runs.c.run_no)).mappings())


def overdue_runs(connection: sa.Connection, now: datetime) -> list[sa.RowMapping]:
    """The runs that did not begin within the shelf life of their plan."""
    query = sa.select(runs.c.run_no, runs.c.campaign, runs.c.shelf_until)
    query = query.where(runs.c.state.in_(_NOT_BEGUN), runs.c.shelf_until < now)
    return list(connection.execute(query.order_by(runs.c.run_no)).mappings())


def find_due_run(connection: sa.Connection, campaign: str, due_instant: datetime) -> sa.RowMapping | None:
    """The one run of a campaign for a due instant, in short; None when there is none."""
    wanted = sa.select(runs.c.run_no, runs.c.state, runs.c.reason, runs.c.campaign_yaml)
    query = wanted.where(runs.c.campaign == campaign, runs.c.due_instant == due_instant)
    return connection.execute(query).mappings().first()


def say_why_waiting(connection: sa.Connection, run_no: int, reason: str) -> None:
    """Keep for people what a planned run waits for, until somebody approves it."""
    here = (runs.c.run_no == run_no) & (runs.c.state == RunState.PLANNED)
    connection.execute(sa.update(runs).where(here).values(reason=reason))


def last_approved_by_a_person(
    connection: sa.Connection, campaign: str, *, before: int, but: str
) -> int | None:
    """The newest run of a campaign that was approved by anybody but one.

    Args:
        before: the run is older than this one.
        but: who approves for recmail itself.
    """
    query = sa.select(runs.c.run_no).where(
        runs.c.campaign == campaign,
        runs.c.run_no < before,
        runs.c.approved_by.is_not(None),
        runs.c.approved_by != but,
    )
    return connection.scalar(query.order_by(runs.c.run_no.desc()).limit(1))


def stopped_since(
    connection: sa.Connection, campaign: str, since: int, *, before: int
) -> sa.RowMapping | None:
    """The newest run of a campaign, from one to before another, that was stopped though it was approved."""
    query = sa.select(runs.c.run_no, runs.c.state).where(
        runs.c.campaign == campaign,
        runs.c.run_no >= since,
        runs.c.run_no < before,
        runs.c.approved_by.is_not(None),
        runs.c.state.in_((S.CANCELLED, S.PAUSED)),
    )
    return connection.execute(query.order_by(runs.c.run_no.desc()).limit(1)).mappings().first()


def runs_to_send(connection: sa.Connection, now: datetime) -> list[sa.RowMapping]:
    """The runs that are being sent, and those that are scheduled and due while their schedule is on."""
    is_due = (
        (runs.c.state == RunState.SCHEDULED)
        & (runs.c.due_instant <= now)
        & runs.c.campaign.in_(switched_on())
    )
    query = sa.select(runs.c.run_no, runs.c.campaign, runs.c.state)
    query = query.where(is_due | (runs.c.state == RunState.SENDING)).order_by(runs.c.run_no)
    return list(connection.execute(query).mappings())
