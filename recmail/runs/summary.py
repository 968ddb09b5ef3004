"""What a fresh plan says to the marketer before anybody approves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.campaign import Campaign, parse_frozen
from recmail.db.account import Account, account
from recmail.db.among import among
from recmail.db.connect import reading
from recmail.db.eligibility import displaced
from recmail.db.ledger_rows import same_key, state_is
from recmail.db.runs import find_run
from recmail.db.samples import people_who_matter
from recmail.db.tables import ledger, ledger_context, users
from recmail.deliver.duration import Estimate
from recmail.deliver.esp import open_provider
from recmail.errors import ConfigError, RenderError
from recmail.records import MessageState
from recmail.runs.due import DueReport, read_due
from recmail.runs.exposure import ExposureReport, read_exposure
from recmail.runs.findings import Findings, read_findings
from recmail.runs.message import Writers, links_for
from recmail.runs.pace import sending_time
from recmail.runs.project import Project
from recmail.runs.shortfall import BlockShortfall, read_shortfalls
from recmail.settings import Limit

SUBJECTS, BY_LOT, WHO_MATTER = 6, 20, 20


@dataclass(frozen=True)
class Sample:
    """What one person will read first, and why just theirs is looked at."""

    user_id: str
    why: str
    subject: str
    variant: str | None = None

    @property
    def of_whom(self) -> str:
        """Whose subject it is, in words."""
        return f"{self.user_id}, {self.why}" + (f", variant {self.variant}" if self.variant else "")


@dataclass(frozen=True)
class Displaced:
    """How many people get nothing from another run because they get this one's email."""

    run: int
    campaign: str
    people: int

    def in_words(self) -> str:
        """The same in a sentence."""
        people = "1 person gets" if self.people == 1 else f"{self.people:,} people get"
        had = "had enough emails lately"
        return f'{people} this instead of run {self.run} ({self.campaign}), of lower priority: there "{had}"'


@dataclass(frozen=True)
class Planned:
    """A planned run in numbers, with some of its subjects.

    Attributes:
        waiting: people who will be mailed.
        blocks: what each block of courses does for them, and what it fell short of.
        exposure: what limits over the whole audience took from them; None without limits.
        due: when the emails are due; None: all at once.
        samples: subjects, as different people will read them.
        sending: how long it takes at least; None when the provider is not set up.
        not_in_time: who will not get it because that is too long, in words; None when it is not.
        instead: how many get this email instead of one of another run, of lower priority.
        findings: what was found in the emails; None while not all were looked at.
    """

    run_no: int
    campaign: str
    content_hash: str
    model_version: str | None
    account: Account
    waiting: int
    blocks: Sequence[BlockShortfall]
    exposure: ExposureReport | None
    due: DueReport | None
    samples: Sequence[Sample]
    sending: Estimate | None
    not_in_time: str | None = None
    instead: Sequence[Displaced] = ()
    findings: Findings | None = None

    @property
    def due_over(self) -> timedelta:
        """From when the first email is due to when the last is: sending does not end before."""
        return self.due.last - self.due.first if self.due else timedelta()

    @property
    def subjects_by_variant(self) -> dict[str, list[str]]:
        """The subjects of each variant by its name; empty where there are none."""
        names = dict.fromkeys(one.variant for one in self.samples if one.variant is not None)
        return {name: [one.subject for one in self.samples if one.variant == name] for name in names}

    def to_dict(self) -> dict[str, Any]:
        """The plan with stable keys, for --json."""
        return {
            "run": self.run_no,
            "campaign": self.campaign,
            "content_hash": self.content_hash,
            "model": self.model_version,
            "waiting": self.waiting,
            "account": self.account.to_dict(),
            "blocks": [asdict(block) for block in self.blocks],
            "exposure": asdict(self.exposure) if self.exposure else None,
            "due": self.due and self.due.to_dict(),
            "subjects": [sample.subject for sample in self.samples],
            "subjects_by_variant": self.subjects_by_variant,
            "samples": [asdict(sample) for sample in self.samples],
            "sending": self.sending
            and {"seconds_at_least": self.sending.takes.total_seconds(), "because": self.sending.because},
            "not_in_time": self.not_in_time,
            "instead": [asdict(one) for one in self.instead],
            "findings": self.findings and self.findings.to_dict(),
        }


def summarize(project: Project, run_no: int) -> Planned:
    """Describe a planned run."""
    samples = sample_subjects(project, run_no)
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        counts = account(connection, run_no)
        campaign = parse_frozen(run["campaign_yaml"], run["campaign"])
        blocks = read_shortfalls(connection, run_no, campaign)
        findings = read_findings(connection, run_no)
        due = read_due(connection, run)
        instead = _instead(connection, run)
    waiting = counts.states[MessageState.PLANNED]
    sending = _sending_time(project, campaign, waiting, run["due_instant"])
    return Planned(
        run_no=run_no,
        campaign=run["campaign"],
        content_hash=run["content_hash"] or "",
        model_version=run["model_version"],
        account=counts,
        waiting=waiting,
        blocks=blocks,
        exposure=read_exposure(run),
        due=due,
        samples=samples,
        sending=sending,
        not_in_time=_not_in_time(run, due, sending),
        instead=instead,
        findings=findings,
    )


def _sending_time(project: Project, campaign: Campaign, messages: int, now: datetime) -> Estimate | None:
    name = campaign.provider or project.settings.delivery.provider
    try:
        provider = open_provider(name, project.settings)
    except ConfigError:  # which is said when somebody sends, or asks the doctor
        return None
    return sending_time(project.settings, provider, campaign, messages=messages, now=now)


def _not_in_time(run: Mapping[str, Any], due: DueReport | None, sending: Estimate | None) -> str | None:
    if sending is None:
        return None
    if due is not None and due.if_late_s is not None and sending.takes.total_seconds() > due.if_late_s:
        return "that is longer than if_late of its schedule: who is later than that is skipped as too late"
    until: datetime | None = run["shelf_until"]
    if until is not None and run["due_instant"] + sending.takes > until:
        return f"the plan is good until {until:%Y-%m-%d %H:%M} UTC: who still waits then will not get it"
    return None


def _instead(connection: sa.Connection, run: Mapping[str, Any]) -> list[Displaced]:
    cap = Limit.parse(run["settings"]["emails_per_person"]).cap
    found = displaced(connection, run["run_no"], now=run["planned_at"], cap=cap)
    return [
        Displaced(run_no, find_run(connection, run_no)["campaign"], people)
        for run_no, people in found.items()
    ]


def sample_subjects(project: Project, run_no: int) -> list[Sample]:
    """Return subjects of people of different kinds, and of each variant, where they can be written."""
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        writers = Writers(run)
        topic, now = writers.campaign.topic, run["as_of"]
        matter = people_who_matter(connection, _waiting(run_no), topic=topic, now=now, at_most=SUBJECTS)
        why = {user_no: reason for reason, user_no in matter}
        found = connection.execute(_frozen(run_no).where(among(ledger.c.user_no, sorted(why)))).all()
        found = sorted(found, key=lambda row: [*why].index(row.user_no))
        if len(writers) > 1:  # of each variant as many as of another
            found = [*found, *_drawn(connection, run_no, writers, at_most=SUBJECTS)]
    samples = dict[int, Sample]()
    for user_no, user_id, variant, context in found:
        writer = writers.of(variant)
        full = writer.context(context, links_for(project, run_no, user_no))
        with suppress(RenderError):  # it is among what the lint finds
            subject = writer.render(full, user_id=user_id).subject
            samples.setdefault(user_no, Sample(user_id, why.get(user_no, "drawn by lot"), subject, variant))
    return list(samples.values())


def compare_samples(project: Project, run_no: int) -> None:
    """Compare the pages of people who matter, and of some by lot, with the same pages inlined by themselves.

    Raises:
        RenderError: one of them differs, or none can be written at all.
    """
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        writers = Writers(run)
        topic, now = writers.campaign.topic, run["as_of"]
        matter = people_who_matter(connection, _waiting(run_no), topic=topic, now=now, at_most=WHO_MATTER)
        among_them = among(ledger.c.user_no, [user_no for _, user_no in matter])
        samples = [*connection.execute(_frozen(run_no).where(among_them))]
        samples += _drawn(connection, run_no, writers, at_most=BY_LOT)
    failed: list[RenderError] = []
    for user_no, user_id, variant, context in samples:
        writer = writers.of(variant)
        full = writer.context(context, links_for(project, run_no, user_no))
        try:
            writer.render(full, user_id=user_id)
        except RenderError as error:
            failed.append(error)  # the lint tells how many there are
            continue
        writer.verify(full, user_id=user_id)
    if failed and len(failed) == len(samples):
        raise failed[0]


def _drawn(connection: sa.Connection, run_no: int, writers: Writers, *, at_most: int) -> list[Any]:
    """Some people of the run, of each variant as many as of another.

    They are the first by their row's hash: as good as drawn by lot, and the same each time.
    """
    by_lot = _frozen(run_no).order_by(ledger.c.row_hash).limit(max(at_most // len(writers), 2))
    drawn = (by_lot.where(ledger.c.variant.is_not_distinct_from(one.variant)) for one in writers)
    return [row for query in drawn for row in connection.execute(query)]


def _frozen(run_no: int) -> sa.Select[Any]:
    return (
        sa.select(ledger.c.user_no, users.c.user_id, ledger.c.variant, ledger_context.c.context)
        .join(ledger_context, same_key(ledger_context, ledger))
        .join(users, users.c.user_no == ledger.c.user_no)
        .where(ledger.c.run_no == run_no, state_is(ledger, MessageState.PLANNED))
    )


def _waiting(run_no: int) -> sa.Select[tuple[int]]:
    return sa.select(ledger.c.user_no).where(
        ledger.c.run_no == run_no, state_is(ledger, MessageState.PLANNED)
    )
