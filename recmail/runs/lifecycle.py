"""What a person decides about a run: approve, pause, resume, cancel, retry, and settle the unclear ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db import ledger
from recmail.db.account import account
from recmail.db.approvals import sign, signatures
from recmail.db.connect import reading, writing
from recmail.db.ledger_claims import sweep
from recmail.db.people import find_user, user_ids_by_no
from recmail.db.runs import find_run, move_run, record, run_state
from recmail.errors import RefusedError
from recmail.records import MessageState, RunState
from recmail.render.lint import Severity
from recmail.runs.findings import Findings
from recmail.runs.lint_run import LookProgress, lint_run
from recmail.runs.project import Project
from recmail.runs.seal import check_unchanged


def approve(
    project: Project,
    run_no: int,
    *,
    now: datetime,
    who: str,
    progress: LookProgress = None,
    stands_for: int = 1,
) -> Findings | None:
    """Sign the plan: what was looked at is what may go out; returns what there is to warn of.

    Emails at which this version did not look yet, as of a run that an older one planned, are looked at first.
    The run is approved once as many different people signed it as [delivery] approvers says.

    Args:
        stands_for: how many people approve by this: more than one only where recmail repeats what as many
            people approved before.

    Raises:
        RefusedError: the run is not waiting for approval, has changed, is past its shelf life, not all of its
            emails were looked at, there are errors in them, or this person approved it already.
    """
    findings, needed = None, project.settings.delivery.approvers
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        waits = run["state"] == RunState.PLANNED or _needs_another(connection, run, needed)
        if waits:
            check_fresh(run, now)
            check_unchanged(connection, run)
    if run["state"] == RunState.PLANNED:
        findings = lint_run(project, run_no, progress)
        _refuse_unseen(project, findings, run)
        _refuse_errors(findings, run)
    with writing(project.engine) as connection:
        if not waits:
            move_run(connection, run_no, RunState.APPROVED, who=who, now=now)  # which is refused
        _sign(connection, run, needed, now=now, who=who, stands_for=stands_for)
    return findings


def _needs_another(connection: sa.Connection, run: Mapping[str, Any], needed: int) -> bool:
    """Whether an approved run got too few approvals for what recmail.toml says now."""
    signed = sum(one.stands_for for one in signatures(connection, run["run_no"]))
    return run["state"] == RunState.APPROVED and signed < needed


def _sign(
    connection: sa.Connection,
    run: Mapping[str, Any],
    needed: int,
    *,
    now: datetime,
    who: str,
    stands_for: int,
) -> None:
    run_no, digest = run["run_no"], run["content_hash"]
    if not sign(connection, run_no, who=who, now=now, content_hash=digest, stands_for=stands_for):
        more = "; somebody else has to approve it too" if needed > 1 else ""
        raise RefusedError(f"run {run_no} was approved by {who} already{more}")
    signed = sum(one.stands_for for one in signatures(connection, run_no))
    if signed >= needed and run_state(connection, run_no) != RunState.APPROVED:
        move_run(connection, run_no, RunState.APPROVED, who=who, now=now, approved_at=now, approved_by=who)
    else:
        record(connection, f"approved, {signed} of {needed}", who=who, now=now, run_no=run_no)


def _refuse_unseen(project: Project, findings: Findings, run: Mapping[str, Any]) -> None:
    """Refuse while an email waits that nobody looked at. More may have been: people leave."""
    with reading(project.engine) as connection:
        waiting = account(connection, run["run_no"]).states[MessageState.PLANNED]
    if findings.tally.people < waiting:
        raise RefusedError(
            f"run {run['run_no']} is not approved: {waiting:,} people wait for an email, and those of "
            f"{findings.tally.people:,} were looked at; plan again: recmail plan {run['campaign']}"
        )


def _refuse_errors(findings: Findings, run: Mapping[str, Any]) -> None:
    if findings.errors:
        people = "1 person" if findings.errors == 1 else f"{findings.errors:,} people"
        listed = "\n".join(f"  {line}" for line in findings.lines(only=Severity.ERROR))
        raise RefusedError(
            f"run {run['run_no']} is not approved: there are errors in the emails of {people}\n{listed}\n"
            f"mend them and plan again: recmail plan {run['campaign']}"
        )


def check_fresh(run: Mapping[str, Any], now: datetime) -> None:
    """Refuse a plan that lay too long: people, prices and courses have moved on.

    Raises:
        RefusedError: the plan is past its shelf life.
    """
    if run["shelf_until"] and now > run["shelf_until"]:
        until = f"{run['shelf_until']:%Y-%m-%d %H:%M} UTC"
        advice = "plan the campaign again"
        if run["state"] in (RunState.SENDING, RunState.PAUSED):
            advice = f"end it with: recmail run cancel {run['run_no']}; who still waits needs a new plan"
        raise RefusedError(f"the plan of run {run['run_no']} was good until {until}; {advice}")


def pause(project: Project, run_no: int, *, now: datetime, who: str) -> None:
    """Stop a run that is being sent; what is in hand is finished, the rest waits."""
    with writing(project.engine) as connection:
        move_run(connection, run_no, RunState.PAUSED, who=who, now=now, reason=f"paused by {who}")


def resume(project: Project, run_no: int, *, now: datetime, who: str) -> None:
    """Let a paused run go on; `send` continues it with the people not yet mailed.

    Raises:
        RefusedError: the run is not paused.
    """
    with writing(project.engine) as connection:
        state = run_state(connection, run_no)
        if state != RunState.PAUSED:
            raise RefusedError(f"run {run_no} is {state}, not paused")
        move_run(connection, run_no, RunState.SENDING, who=who, now=now)


def cancel(project: Project, run_no: int, *, now: datetime, who: str, reason: str = "") -> int:
    """End a run for good; returns how many people will not get it. What left has left."""
    why = reason or f"cancelled by {who}"
    with writing(project.engine) as connection:
        move_run(connection, run_no, RunState.CANCELLED, who=who, now=now, reason=why)
        cancelled = ledger.cancel_run(connection, run_no, now=now)
        sweep(connection, now=now)  # what a dead sender held
        return cancelled


def retry(project: Project, run_no: int, *, now: datetime, who: str) -> int:
    """Put the failed messages of a finished run back in line; returns how many.

    Raises:
        RefusedError: the run has not finished.
    """
    with writing(project.engine) as connection:
        state = run_state(connection, run_no)
        if state != RunState.FINISHED:
            raise RefusedError(f"run {run_no} is {state}; only a finished run is retried")
        count = ledger.retry_failed(connection, run_no, now=now)
        record(connection, "retry", who=who, now=now, run_no=run_no, detail={"messages": count})
        return count


def decide(
    project: Project,
    run_no: int,
    outcome: str,
    *,
    user_ids: Sequence[str] | None,
    now: datetime,
    who: str,
) -> int:
    """Settle messages that may have arrived: `sent` believes so, `resend` sends again; returns how many.

    Args:
        user_ids: whose; None for all unclear ones of the run.
    """
    with writing(project.engine) as connection:
        run_state(connection, run_no)
        sweep(connection, now=now)
        numbers = None
        if user_ids is not None:
            numbers = [find_user(connection, user_id) for user_id in user_ids]
        count = ledger.decide_unknown(connection, run_no, numbers, outcome, now=now)
        detail = {"outcome": outcome, "messages": count}
        record(connection, "decide", who=who, now=now, run_no=run_no, detail=detail)
        return count


def unclear(project: Project, run_no: int, *, now: datetime, of: Sequence[str] | None = None) -> list[str]:
    """The ids of people whose message may have arrived, for `decide`.

    Args:
        of: only of these, by user_id or e-mail address; None: everybody.
    """
    with writing(project.engine) as connection:
        run_state(connection, run_no)
        sweep(connection, now=now)  # also those of a sender that died
        found = ledger.unknown_users(connection, run_no)
        if of is None:
            return found
        asked = {*user_ids_by_no(connection, [find_user(connection, who) for who in of]).values()}
        return [user_id for user_id in found if user_id in asked]
