"""Reading the mailboxes that bounces come to: what they tell is written down, then they are marked as read.

In that order: a kill between the two reads a mail again, and what it tells is known already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa

from recmail.errors import DataError, DeliveryError, RecmailError, StorageError
from recmail.feedback.bounce_report import read_report
from recmail.feedback.mailbox import Mail, Mailbox
from recmail.feedback.recording import Counts, Progress, Returned, record, rehearse


@dataclass(frozen=True)
class ReadMailbox:
    """What was in one mailbox.

    Attributes:
        mails: that were unread.
        other: of these, those that tell nothing of a message: absence notes, spam, what cannot be read.
        errors: what stopped the reading.
    """

    name: str
    mails: int = 0
    other: int = 0
    counts: Counts = field(default_factory=Counts)
    errors: Sequence[RecmailError] = ()


def read_bounces(
    engine: sa.Engine,
    mailbox: Mailbox,
    *,
    keys: Sequence[bytes],
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ReadMailbox:
    """Write down what the unread mails of a mailbox tell, and mark them as read; a dry run does neither.

    Args:
        keys: the project's, and those of before, the oldest of which hashes addresses.
    """
    found = ReadMailbox(mailbox.name)
    try:
        with mailbox.options.open() as opened:
            for mails in opened.unread():
                told = [_told(mail, keys, now) for mail in mails]
                returned = [one for some in told for one in some]
                if dry_run:
                    counts = rehearse(engine, mailbox.name, returned, key=keys[-1])
                else:
                    counts = record(engine, mailbox.name, returned, key=keys[-1], now=now)
                    opened.mark_read(mails)
                found = replace(
                    found,
                    mails=found.mails + len(mails),
                    other=found.other + sum(not some for some in told),
                    counts=found.counts + counts,
                )
                if progress is not None:
                    progress(len(mails))
    except (DeliveryError, StorageError) as error:
        return replace(found, errors=[type(error)(f"[bounces.{mailbox.name}] {error}")])
    return found


def _told(mail: Mail, keys: Sequence[bytes], now: datetime) -> list[Returned]:
    try:
        return read_report(mail.raw, keys=keys, now=now)
    except DataError:
        return []  # counted; whoever reads the mailbox finds it there
