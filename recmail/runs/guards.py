"""What must be true before a run goes out: what was approved, still fresh, of the size that was approved.

Nothing here asks a person anything: `send` does that with what `prepare` returns, a scheduler does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.campaign import Campaign
from recmail.db.account import account, planned_emails
from recmail.db.approvals import Signature, signatures
from recmail.db.connect import reading
from recmail.db.courses import read_courses
from recmail.db.runs import find_run
from recmail.deliver.clock import Clock
from recmail.deliver.esp import Provider, open_provider
from recmail.errors import RefusedError
from recmail.records import MessageState, RunState
from recmail.render.lint import Severity
from recmail.runs.due import DueReport, read_due
from recmail.runs.edits import Edit, edits_since
from recmail.runs.findings import read_findings
from recmail.runs.lifecycle import check_fresh
from recmail.runs.message import RunWriter
from recmail.runs.project import TO_FILL_IN, Project, is_reserved
from recmail.runs.seal import check_unchanged
from recmail.segment import Courses, compile_segment, whole_audience

GROWTH_AT_MOST = 0.05
_CAN_START = (RunState.APPROVED, RunState.SCHEDULED, RunState.SENDING, RunState.FINISHED)
_STARTED = (RunState.SENDING, RunState.FINISHED)


@dataclass(frozen=True)
class Crowd:
    """How many people the audience had when it was planned, and how many it has now.

    Whoever came since gets nothing from the plan; who left it and still waits gets their email.
    """

    planned: int
    now: int

    @property
    def grew_too_much(self) -> bool:
        """There are so many more people that the plan is not for this audience any more."""
        return self.now - self.planned > GROWTH_AT_MOST * self.planned

    def in_words(self) -> str:
        """The change in a sentence; empty without one."""
        if self.now == self.planned:
            return ""
        verb = "grew" if self.now > self.planned else "shrank"
        share = f" ({abs(self.now - self.planned) / self.planned:.1%})" if self.planned else ""
        return f"the audience {verb} from {self.planned:,} to {self.now:,} people since the plan{share}"


@dataclass(frozen=True)
class Readiness:
    """What `send` is about to do, for the person to confirm.

    Attributes:
        waiting: people who would be mailed now.
        emails: of the whole plan, those included that were sent before.
        started: the run was confirmed before and only goes on.
        leaves: the messages leave this machine.
        crowd: how the audience changed since the plan; None for a run that only goes on.
        edits: what was edited since the plan, which does not contain it.
        due: when the emails are due; None: at once.
    """

    campaign: str
    provider: str
    waiting: int
    emails: int
    started: bool
    leaves: bool
    crowd: Crowd | None = None
    edits: Sequence[Edit] = ()
    due: DueReport | None = None


def prepare(project: Project, run_no: int, clock: Clock) -> Readiness:
    """Check every guard that can be checked before anybody is mailed.

    What a run has to pass once, before its first message, is not asked of one that goes on.

    Raises:
        RefusedError: not approved, changed since, too old, for another audience, with errors in its emails,
            or not allowed to leave this machine: all that is wrong, where one does not make the rest void.
    """
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        check_state(run)
        check_unchanged(connection, run)
        counts = account(connection, run_no)
        emails = planned_emails(connection, run_no)
        waiting, due = counts.states[MessageState.PLANNED], read_due(connection, run)
        if waiting:
            check_fresh(run, clock.now())
        writer = RunWriter(project, run)
        started, crowd, wrong = run["state"] in _STARTED, None, list[str]()
        if not started:
            signed = signatures(connection, run_no)
            wrong += unsigned(run, signed, project.settings.delivery.approvers)
            wrong += _errors(connection, run)
            crowd = Crowd(counts.audience, count_audience(connection, run, writer.campaign, clock.now()))
            wrong += _too_many(run, crowd, writer.campaign)
    provider = provider_of(project, writer)
    if provider.leaves_machine:
        wrong += _departure(project, run, writer, waiting=waiting, clock=clock)
    if wrong:
        raise RefusedError("\n".join(wrong))
    leaves = provider.leaves_machine
    edits = edits_since(project, run)
    return Readiness(run["campaign"], provider.name, waiting, emails, started, leaves, crowd, edits, due)


def check_state(run: Mapping[str, Any]) -> None:
    """Refuse a run that is not approved, or that is at its end or paused.

    Raises:
        RefusedError: with what to do instead.
    """
    number, state = run["run_no"], run["state"]
    if state in _CAN_START:
        return
    advice = {
        RunState.PLANNED: f"approve it first: recmail approve {number}",
        RunState.PAUSED: f"{run['reason']}; let it go on with: recmail run resume {number}",
    }
    raise RefusedError(f"run {number} is {state}; {advice.get(state, 'only an approved run can be sent')}")


def provider_of(project: Project, writer: RunWriter) -> Provider:
    """The provider that a run's campaign names, else the project's default."""
    name = writer.campaign.provider or project.settings.delivery.provider
    return open_provider(name, project.settings)


def unsigned(run: Mapping[str, Any], signed: Sequence[Signature], needed: int) -> Iterator[str]:
    """Say that too few people approved what the run is now."""
    mine = [one for one in signed if one.content_hash == run["content_hash"]]
    if sum(one.stands_for for one in mine) >= needed:
        return
    by = " and ".join(one.who for one in mine) or "nobody"
    yield (
        f"run {run['run_no']} was approved by {by}, and [delivery] approvers is {needed}; somebody else "
        f"approves it with: recmail approve {run['run_no']}"
    )


def _errors(connection: sa.Connection, run: Mapping[str, Any]) -> Iterator[str]:
    """Say which errors are in the emails; there are none in a run that this version approved."""
    findings = read_findings(connection, run["run_no"])
    if findings and findings.errors:
        listed = "\n".join(f"  {line}" for line in findings.lines(only=Severity.ERROR))
        people = "1 person" if findings.errors == 1 else f"{findings.errors:,} people"
        yield f"there are errors in the emails of {people}\n{listed}\n{_again(run)}"


def count_audience(
    connection: sa.Connection, run: Mapping[str, Any], campaign: Campaign, now: datetime
) -> int:
    """How many people match the campaign's `who`, as it was frozen, by now."""
    attributes = run["settings"].get("attributes", {})
    courses = Courses.of_columns(read_courses(connection))
    at = max(now, run["as_of"])  # a clock that was set may be behind
    segment = compile_segment(campaign.audience.who, at, attributes=attributes, courses=courses)
    people = whole_audience(connection, segment).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(people)).scalar_one())


def _too_many(run: Mapping[str, Any], crowd: Crowd, campaign: Campaign) -> Iterator[str]:
    if crowd.grew_too_much:
        most = f"more than {GROWTH_AT_MOST:.0%} means that it is another audience"
        yield f"{crowd.in_words()}; {most}. {_again(run)}"
    at_most = campaign.audience.at_most
    if at_most is not None and crowd.now > at_most:
        yield f"the audience is {crowd.now:,} people, and the campaign says at_most: {at_most:,}"


def _again(run: Mapping[str, Any]) -> str:
    return f"Plan again: recmail plan {run['campaign']}"


def _departure(
    project: Project, run: Mapping[str, Any], writer: RunWriter, *, waiting: int, clock: Clock
) -> list[str]:
    """What is not in order and must be before mail may leave this machine."""
    sender, limit = project.settings.sender, project.settings.limits.first_send_at_most
    printed = run["settings"]["printed"]
    guards = (
        (
            not (sender.public_url or sender.unsubscribe_url),
            "mail leaves this machine only when people can unsubscribe: set public_url or unsubscribe_url "
            "under [sender] in recmail.toml",
        ),
        (
            printed["postal_address"] == TO_FILL_IN or any(is_reserved(one.sender) for one in writer),
            "who sends is still an example: fill in from and postal_address under [sender] in recmail.toml, "
            "then plan again",
        ),
        (
            not sender.public_url and any(_is_relative(url) for url in run["courses"]["image_url"]),
            "some courses have pictures without a web address, which people would not see: set public_url "
            "under [sender] in recmail.toml, or give their image_url as https://...",
        ),
        (
            clock.is_set,
            "--now is for trying out; mail that leaves this machine is sent at the real time",
        ),
        (
            waiting > limit,
            f"this would mail {waiting:,} people, and [limits] first_send_at_most is {limit:,}; raise it in "
            "recmail.toml when you trust your set-up",
        ),
    )
    return [advice for is_wrong, advice in guards if is_wrong]


def _is_relative(url: str | None) -> bool:
    return bool(url) and "://" not in str(url)
