"""What runs there were, and what happened in each: the numbers that every screen shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from recmail.db.account import Account, account, accounts
from recmail.db.connect import reading
from recmail.db.runs import find_run, list_runs, run_audit, shard_findings
from recmail.records import MessageState
from recmail.runs.due import DueReport, read_due
from recmail.runs.project import Project

if TYPE_CHECKING:
    from recmail.runs.findings import Findings


@dataclass(frozen=True)
class Run:
    """One run with its account.

    Attributes:
        history: who did what, oldest first, in words.
        due: when its emails are due; None: all at once.
        findings: what was found in its emails; None while not all were looked at.
    """

    run_no: int
    campaign: str
    state: str
    reason: str | None
    planned_at: datetime | None
    content_hash: str | None
    model_version: str | None
    account: Account
    history: Sequence[str] = ()
    due: DueReport | None = None
    findings: Findings | None = None

    @property
    def waiting(self) -> int:
        """People who wait for their email."""
        return int(self.account.states[MessageState.PLANNED])

    @property
    def headline(self) -> str:
        """The run in one line."""
        reason = f" ({self.reason})" if self.reason else ""
        digest = f", content {self.content_hash[:12]}" if self.content_hash else ""
        return f"Run {self.run_no}, {self.campaign}: {self.state}{reason}{digest}"

    def as_row(self) -> tuple[object, ...]:
        """The run as a row of a list."""
        planned = f"{self.planned_at:%Y-%m-%d %H:%M}" if self.planned_at else None
        sent = self.account.states[MessageState.SENT]
        people = self.account.audience
        return (self.run_no, self.campaign, self.state, planned, people, sent, self.waiting, self.reason)

    def to_dict(self) -> dict[str, Any]:
        """The run with stable keys, for --json."""
        return {
            "run": self.run_no,
            "campaign": self.campaign,
            "state": self.state,
            "reason": self.reason,
            "planned_at": self.planned_at,
            "content_hash": self.content_hash,
            "model": self.model_version,
            "waiting": self.waiting,
            "account": self.account.to_dict(),
        }

    def to_dict_in_full(self) -> dict[str, Any]:
        """The same, with when its emails are due and what was found in them."""
        due = self.due and self.due.to_dict()
        return {**self.to_dict(), "due": due, "findings": self.findings and self.findings.to_dict()}


def read_runs(project: Project) -> list[Run]:
    """All runs, newest first."""
    with reading(project.engine) as connection:
        listed = list_runs(connection)
        counted = accounts(connection, [row["run_no"] for row in listed])
    return [_run(dict(row), counted[row["run_no"]], ()) for row in listed]


def read_run(project: Project, run_no: int) -> Run:
    """One run.

    Raises:
        RefusedError: there is no such run.
    """
    with reading(project.engine) as connection:
        history = [
            f"{row['at']:%Y-%m-%d %H:%M:%S} UTC  {row['action']} by {row['who']}"
            for row in run_audit(connection, run_no)
        ]
        row = find_run(connection, run_no)
        run = _run(row, account(connection, run_no), history)
        run = replace(run, due=read_due(connection, row))
        if None in shard_findings(connection, run_no).values():
            return run
        from recmail.runs.findings import read_findings  # which takes a second to import, for premailer

        return replace(run, findings=read_findings(connection, run_no))


def _run(row: Mapping[str, Any], counts: Account, history: Sequence[str]) -> Run:
    return Run(
        run_no=row["run_no"],
        campaign=row["campaign"],
        state=row["state"],
        reason=row["reason"],
        planned_at=row["planned_at"],
        content_hash=row["content_hash"],
        model_version=row["model_version"],
        account=counts,
        history=history,
    )
