"""What a fresh plan says to the marketer before anybody approves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from recmail.campaign import parse_frozen
from recmail.db.account import Account, account
from recmail.db.connect import reading
from recmail.db.ledger_rows import same_key, state_is
from recmail.db.runs import find_run
from recmail.db.tables import ledger, ledger_context, users
from recmail.records import MessageState
from recmail.runs.exposure import ExposureReport, read_exposure
from recmail.runs.message import RunWriter, links_for
from recmail.runs.project import Project
from recmail.runs.shortfall import BlockShortfall, read_shortfalls

SUBJECTS = 5


@dataclass(frozen=True)
class Planned:
    """A planned run in numbers, with some of its subjects.

    Attributes:
        waiting: people who will be mailed.
        blocks: what each block of courses does for them, and what it fell short of.
        exposure: what limits over the whole audience took from them; None without limits.
        subjects: as some of them will read it; every one was rendered whole.
    """

    run_no: int
    campaign: str
    content_hash: str
    model_version: str | None
    account: Account
    waiting: int
    blocks: Sequence[BlockShortfall]
    exposure: ExposureReport | None
    subjects: Sequence[str]

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
            "subjects": list(self.subjects),
        }


def summarize(project: Project, run_no: int) -> Planned:
    """Describe a planned run.

    Raises:
        RenderError: a sampled email cannot be rendered.
    """
    subjects = sample_subjects(project, run_no)
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        counts = account(connection, run_no)
        campaign = parse_frozen(run["campaign_yaml"], run["campaign"])
        blocks = read_shortfalls(connection, run_no, campaign)
    return Planned(
        run_no=run_no,
        campaign=run["campaign"],
        content_hash=run["content_hash"] or "",
        model_version=run["model_version"],
        account=counts,
        waiting=counts.states[MessageState.PLANNED],
        blocks=blocks,
        exposure=read_exposure(run),
        subjects=subjects,
    )


def sample_subjects(project: Project, run_no: int) -> list[str]:
    """Render the emails of some people of the run; their subjects.

    Raises:
        RenderError: one of them cannot be rendered, or differs from the same message inlined by itself.
    """
    with reading(project.engine) as connection:
        writer = RunWriter(project, dict(find_run(connection, run_no)))
        samples = connection.execute(_samples(run_no)).all()
    subjects = []
    for user_no, user_id, context in samples:
        full = writer.context(context, links_for(project, run_no, user_no))
        subjects.append(writer.render(full, user_id=user_id).subject)
        writer.verify(full, user_id=user_id)
    return subjects


def _samples(run_no: int) -> sa.Select[Any]:
    """Some people of the run, by their row's hash: as good as drawn by lot, and the same each time."""
    return (
        sa.select(ledger.c.user_no, users.c.user_id, ledger_context.c.context)
        .join(ledger_context, same_key(ledger_context, ledger))
        .join(users, users.c.user_no == ledger.c.user_no)
        .where(ledger.c.run_no == run_no, state_is(ledger, MessageState.PLANNED))
        .order_by(ledger.c.row_hash)
        .limit(SUBJECTS)
    )
