"""What runs there were, and what happened in each: the numbers that every screen shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from recmail.db.account import Account, account, accounts
from recmail.db.approvals import Signature, signatures
from recmail.db.connect import reading
from recmail.db.ledger_outcomes import people_by_event
from recmail.db.runs import ENDS, find_run, list_runs, run_audit, shard_findings
from recmail.errors import RefusedError, did_you_mean
from recmail.records import EventKind, MessageState, RunState
from recmail.runs.due import DueReport, read_due
from recmail.runs.edits import Edit, edits_since
from recmail.runs.project import Project

if TYPE_CHECKING:
    from recmail.runs.findings import Findings


LISTED = ("run", "campaign", "state", "planned", "approved", "people", "sent", "waiting", "failed")
_WITHOUT_EDITS = {*ENDS, RunState.BUILDING}


@dataclass(frozen=True)
class Run:
    """One run with its account.

    Attributes:
        history: who did what, oldest first, in words.
        due: when its emails are due; None: all at once.
        approvals: who approved it.
        needed: how many people have to.
        edits: what was edited since the plan; None for runs that have ended, or were not asked.
        findings: what was found in its emails; None while not all were looked at.
        returned: how many people something of each kind came back from.
    """

    run_no: int
    campaign: str
    state: str
    reason: str | None
    planned_at: datetime | None
    approved_at: datetime | None
    approved_by: str | None
    content_hash: str | None
    model_version: str | None
    account: Account
    history: Sequence[str] = ()
    due: DueReport | None = None
    findings: Findings | None = None
    approvals: Sequence[Signature] = ()
    needed: int = 1
    edits: Sequence[Edit] | None = None
    returned: Mapping[str, int] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """People who wait for their email."""
        return int(self.account.states[MessageState.PLANNED])

    @property
    def headline(self) -> str:
        """The run in one line."""
        digest = f", content {self.content_hash[:12]}" if self.content_hash else ""
        return f"Run {self.run_no}, {self.campaign}: {state_with_reason(self.state, self.reason)}{digest}"

    def as_row(self) -> tuple[object, ...]:
        """The run as a row of a list, as LISTED names its columns."""
        states = self.account.states
        unclear = states[MessageState.UNKNOWN]
        return (
            self.run_no,
            self.campaign,
            state_with_reason(self.state, self.reason) + (f", {unclear:,} unclear" if unclear else ""),
            f"{self.planned_at:%Y-%m-%d}" if self.planned_at else None,
            self.approved_by,
            self.account.audience,
            states[MessageState.SENT],
            self.waiting,
            states[MessageState.FAILED],
        )

    def to_dict(self) -> dict[str, Any]:
        """The run with stable keys, for --json."""
        return {
            "run": self.run_no,
            "campaign": self.campaign,
            "state": self.state,
            "reason": self.reason,
            "planned_at": self.planned_at,
            "approved_at": self.approved_at,
            "approved_by": self.approved_by,
            "content_hash": self.content_hash,
            "model": self.model_version,
            "waiting": self.waiting,
            "account": self.account.to_dict(),
        }

    def to_dict_in_full(self) -> dict[str, Any]:
        """The same, with who approved it, when its emails are due, what was found in them, and edits."""
        return {
            **self.to_dict(),
            "approvals": [{"by": one.who, "at": one.at} for one in self.approvals],
            "approvers": self.needed,
            "due": self.due and self.due.to_dict(),
            "edits": None if self.edits is None else [edit.to_dict() for edit in self.edits],
            "findings": self.findings and self.findings.to_dict(),
            "returned": dict(self.returned),
        }

    @property
    def came_back(self) -> str | None:
        """What came back, in the order of EventKind; None when nothing did."""
        parts = [f"{self.returned[kind]:,} {kind}" for kind in EventKind if self.returned.get(kind)]
        return f"what came back, by people: {', '.join(parts)}" if parts else None

    @property
    def waits_for(self) -> str | None:
        """Whose approval is missing, in words; None when nobody's is."""
        missing = self.needed - sum(one.stands_for for one in self.approvals)
        if self.state not in (RunState.PLANNED, RunState.APPROVED) or not self.approvals or missing <= 0:
            return None
        by = " and ".join(one.who for one in self.approvals)
        more = "somebody else has" if missing == 1 else f"{missing} others have"
        return f"approved by {by}; {more} to approve it too: recmail approve {self.run_no}"


def state_with_reason(state: str, reason: str | None) -> str:
    """Where a run stands, and why: paused by ana; paused: cannot reach smtp.acme.example."""
    if not reason:
        return state
    return reason if reason.startswith(f"{state} ") else f"{state}: {reason}"


def read_runs(project: Project, *, campaign: str | None = None) -> list[Run]:
    """All runs, or those of a campaign, newest first.

    Raises:
        RefusedError: there is no such campaign, and never was.
    """
    with reading(project.engine) as connection:
        listed = list_runs(connection, campaign=campaign)
        if campaign is not None and not listed:
            refuse_unknown(project, campaign, {row["campaign"] for row in list_runs(connection)})
        counted = accounts(connection, [row["run_no"] for row in listed])
    return [_run(dict(row), counted[row["run_no"]], ()) for row in listed]


def refuse_unknown(project: Project, campaign: str, planned: Collection[str]) -> None:
    """Refuse a campaign of which there are no runs, unless there is a file of it.

    Raises:
        RefusedError: there is no such campaign, and never was.
    """
    known = sorted({*project.campaigns(), *planned})
    if campaign not in known:
        hint = did_you_mean(campaign, known) or f"; there are: {', '.join(known) or 'none'}"
        raise RefusedError(f"there is no campaign {campaign!r}{hint}")


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
        run = replace(
            _run(row, account(connection, run_no), history),
            approvals=signatures(connection, run_no),
            needed=project.settings.delivery.approvers,
            due=read_due(connection, row),
            returned=people_by_event(connection, run_no),
            edits=None if row["state"] in _WITHOUT_EDITS else edits_since(project, row),
        )
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
        approved_at=row["approved_at"],
        approved_by=row["approved_by"],
        content_hash=row["content_hash"],
        model_version=row["model_version"],
        account=counts,
        history=history,
    )
