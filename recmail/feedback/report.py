"""What came of the messages of some runs: every figure of `recmail report`, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.feedback.report_clicked import count_clicks
from recmail.feedback.report_compared import Sums, first_left, read_sums
from recmail.feedback.report_enrolled import count_enrolments
from recmail.feedback.report_events import count_sent, count_told, count_unsubscribed, kinds_told
from recmail.feedback.report_figures import ByRun, Places
from recmail.feedback.report_known import Known, read_known
from recmail.feedback.report_shown import Blocks, count_shown
from recmail.history.reading import last_user_no
from recmail.records import SHARD_SIZE

WITHIN = timedelta(days=7)


@dataclass(frozen=True)
class Measured:
    """What came of the messages of some runs.

    Attributes:
        figures: by run and variant; those of several together are their sum.
        places: of all of these messages together.
        sums: of everybody who was to get a message, and of control groups.
        told: which kinds of events there are, by run.
        first: when the first message of each run left; runs of which none did are not in it.
    """

    figures: ByRun
    places: Places
    sums: Sums
    told: dict[int, set[str]]
    known: Known
    first: dict[int, datetime]


def measure(
    connection: sa.Connection,
    run_nos: Sequence[int],
    blocks: Blocks,
    *,
    within: timedelta = WITHIN,
    now: datetime,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Measured:
    """Count what came of the messages of these runs up to now.

    Args:
        connection: one view of the database.
        blocks: the names of the blocks of these runs.
        within: how long after a message an enrolment, or a no, counts to it.
        advance: told how many shards of people are done, and how many there are.
    """
    figures, places, sums = ByRun(), Places(), Sums()
    known = read_known(connection, now)
    first = first_left(connection, run_nos)
    went_out = sorted(first)
    if went_out:
        count_sent(connection, went_out, seen_until=known.until, within=within, figures=figures)
        count_told(connection, went_out, now, figures)
        count_unsubscribed(connection, went_out, within=within, now=now, figures=figures)
        count_shown(connection, went_out, blocks, places)
        shards = last_user_no(connection) // SHARD_SIZE + 1
        for shard in range(shards):
            low, high = shard * SHARD_SIZE, (shard + 1) * SHARD_SIZE
            read_sums(connection, first, low, high, within=within, now=now, sums=sums)
            count_clicks(connection, went_out, low, high, now=now, blocks=blocks, places=places)
            count_enrolments(
                *(connection, went_out, low, high),
                within=within,
                now=now,
                blocks=blocks,
                figures=figures,
                places=places,
            )
            advance(shard + 1, shards)
    return Measured(figures, places, sums, kinds_told(connection, went_out), known, first)
