"""Which courses messages showed, and where: read from what was frozen of each, as arrays of many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.ledger_rows import same_key
from recmail.db.tables import ledger, ledger_context
from recmail.feedback.report_figures import PICKED, Places
from recmail.records import SHARD_SIZE, MessageState

Blocks = Mapping[int, Sequence[str]]
"""For each run the names of its blocks, by number; of other runs only the courses are looked at."""


class Slots:
    """The places of courses in some messages, an item each: columns of equal length.

    Attributes:
        message: which of the messages, from 0.
        position: in the block, from 1.
        course_no: the course.
        block, fallback: codes of `names`; a fallback is the block that filled up, PICKED where none did.
        names: of blocks.
    """

    def __init__(
        self, contexts: Sequence[dict[str, Any] | None], run_nos: Sequence[int], blocks: Blocks
    ) -> None:
        codes: dict[str, int] = {PICKED: 0}
        own = {
            run: dict(enumerate(codes.setdefault(name, len(codes)) for name in blocks[run]))
            if run in blocks
            else defaultdict[int, int](int)
            for run in set(run_nos)
        }
        # What is frozen is JSON: to parse it is nine tenths of the time, whoever does it (SQLite's own
        # functions, which find five values of each slot one by one, took half as long again).
        table = np.array(
            [
                (at, slot[0], of_run[slot[0]], slot[1], codes.setdefault(slot[3], len(codes)) * slot[4])
                for at, (context, run) in enumerate(zip(contexts, run_nos, strict=True))
                if context and (of_run := own[run]) is not None  # an email without blocks of courses has {}
                for slot in context["slots"]
            ],
            dtype=np.int64,
        ).reshape(-1, 5)
        self.message, number, self.block, self.course_no, self.fallback = table.T
        self.position = _place_in_run(self.message, number) + 1
        self.names = list(codes)

    def __len__(self) -> int:
        return len(self.message)

    def showing(self, course_nos: np.ndarray) -> np.ndarray:
        """For each message the place that shows a course, given for each; -1 where none does."""
        found = np.full(len(course_nos), -1)
        hits = np.flatnonzero(self.course_no == course_nos[self.message])
        found[self.message[hits]] = hits
        return found

    def columns(self) -> dict[str, np.ndarray]:
        """What each place is, by dimension of a report; blocks and fallbacks as codes."""
        return {
            "block": self.block,
            "course": self.course_no,
            "position": self.position,
            "fallback": self.fallback,
        }

    def key(self, dimension: str, value: int) -> str | int:
        """What a value of a column means."""
        return self.names[value] if dimension in ("block", "fallback") else value


def _place_in_run(*columns: np.ndarray) -> np.ndarray:
    """For each item how many stand before it that are alike in all columns, without another between them."""
    size = len(columns[0])
    begins = np.ones(size, dtype=bool)
    begins[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    starts = np.flatnonzero(begins)
    place: np.ndarray = np.arange(size) - np.repeat(starts, np.diff(np.append(starts, size)))
    return place


def count_shown(
    connection: sa.Connection,
    run_nos: Sequence[int],
    blocks: Blocks,
    places: Places,
    *,
    advance: Callable[[int], None] = lambda messages: None,
) -> None:
    """Count in how many sent messages each block, course, position and fallback stood.

    Args:
        advance: told how many messages were read since the last time.
    """
    query = (
        sa.select(ledger.c.run_no, ledger_context.c.context)
        .join(ledger_context, same_key(ledger_context, ledger))
        .where(among(ledger.c.run_no, run_nos), ledger.c.state == MessageState.SENT.value)
        .execution_options(yield_per=SHARD_SIZE)
    )
    with connection.execute(query) as found:
        for rows in found.partitions():
            slots = Slots([row.context for row in rows], [row.run_no for row in rows], blocks)
            for dimension, column in slots.columns().items():
                for value, count in zip(*np.unique(column, return_counts=True), strict=True):
                    places.at(dimension, slots.key(dimension, int(value))).shown += int(count)
            advance(len(rows))
