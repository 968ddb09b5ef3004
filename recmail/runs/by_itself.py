"""Whether a scheduled run may be approved without a person: only when a person approved one that is like it.

`approval: once, while people change by at most 10% and checks stay clean` compares with the newest run of the
campaign that a person approved, never with one that recmail approved: small changes do not add up unseen.
Once such a run was cancelled, or while one is paused, a person is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from recmail.campaign.values import Approval
from recmail.db.account import planned_emails
from recmail.db.connect import reading
from recmail.db.runs import find_run, last_approved_by_a_person, stopped_since
from recmail.runs.findings import Findings, read_findings
from recmail.runs.project import Project

WHO = "recmail (once)"
"""Who approves in the name of the person who did so before."""
# What a person saw and agreed to. Another model, and other prices and courses, are what "once" is for.
_SAME = {
    "campaign_yaml": "the campaign's file",
    "template_bundle": "a template",
    "settings_hash": "what recmail.toml prints",
}


def why_not_by_itself(
    project: Project, run_no: int, approval: Approval | None, findings: Findings
) -> tuple[str | None, str]:
    """Say why a person has to approve a run, None when none has to; and with what it was compared.

    Args:
        findings: in the emails of the run.
    """
    if approval is None or approval.people_change_at_most is None:
        return "every run is approved by a person", ""
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        before_no = last_approved_by_a_person(connection, run["campaign"], before=run_no, but=WHO)
        if before_no is None:
            return "the first run is approved by a person", ""
        if stopped := stopped_since(connection, run["campaign"], before_no, before=run_no):
            return f"run {stopped['run_no']}, which was approved, is {stopped['state']}", ""
        before = find_run(connection, before_no)
        if changed := [words for column, words in _SAME.items() if run[column] != before[column]]:
            return f"{' and '.join(changed)} changed since run {before_no}, which was approved", ""
        change = _change(connection, run, before)
        known = read_findings(connection, before_no)
    if change > approval.people_change_at_most + 1e-9:
        return f"{_percent(change)} more or fewer people than in run {before_no}, which was approved", ""
    if new := _new_findings(findings, known):
        return f"its emails have what those of run {before_no} had not: {', '.join(new)}", ""
    approved = f"run {before_no} was approved by {before['approved_by']}"
    return None, f"as {approved}, {_percent(change)} more or fewer people, nothing new in the emails"


def _change(connection: sa.Connection, run: Mapping[str, Any], before: Mapping[str, Any]) -> float:
    """How many more or fewer emails there are, as a share of what there was."""
    now, then = (planned_emails(connection, one["run_no"]) for one in (run, before))
    return abs(now - then) / then if then else float(now > 0)


def _new_findings(findings: Findings, known: Findings | None) -> list[str]:
    """The rules that found something, errors included, and did not the last time."""
    before = {counted.rule for counted in known.tally} if known else set()
    return [counted.rule for counted in findings.tally if counted.rule not in before]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
