"""What the blocks of a planned run could not do as they were asked, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from recmail.campaign import Campaign, all_blocks
from recmail.campaign.variants import NumberedBlock, gets_own_blocks
from recmail.db.tables import run_shards
from recmail.records import SHORTFALL_COLUMNS

_COUNTS = ("people", "fewer", "filled_up", "no_outside", "no_new")


@dataclass(frozen=True)
class BlockShortfall:
    """One block of courses; the counts are those of SHORTFALL_COLUMNS, over the whole run.

    Attributes:
        variant: whose block it is; None for the campaign's own.
        given_up: the share of the score that variety cost, from 0 to 1.
    """

    block: int
    name: str
    show: int
    people: int
    fewer: int
    filled_up: int
    no_outside: int
    no_new: int
    given_up: float
    variant: str | None = None

    @property
    def named(self) -> str:
        """The block's name, with the variant whose block it is."""
        return f"{self.name} ({self.variant})" if self.variant else self.name

    def in_words(self) -> str:
        """Say what fell short, or "as asked"."""
        if not self.people:
            return "nothing to show to anybody"
        said = (
            (self.filled_up, f"a fallback fills up for {self.filled_up:,}"),
            (self.fewer, f"fewer than {self.show} for {self.fewer:,}"),
            (self.no_outside, f"too few from outside the usual for {self.no_outside:,}"),
            (self.no_new, f"too few new ones for {self.no_new:,}"),
            (self.given_up >= 0.001, f"variety costs {self.given_up:.1%} of the score"),
        )
        return "; ".join(words for counted, words in said if counted) or "as asked"


def read_shortfalls(connection: sa.Connection, run_no: int, campaign: Campaign) -> list[BlockShortfall]:
    """Add up what the shards of a run counted, a row for each block that offers courses, in order."""
    query = sa.select(run_shards.c.shortfall).where(run_shards.c.run_no == run_no)
    shards = connection.scalars(query.order_by(run_shards.c.shard)).all()
    rows = [dict(zip(SHORTFALL_COLUMNS, row, strict=True)) for shard in shards for row in shard or ()]
    return [
        _added_up(block, [row for row in rows if row["block"] == block.number])
        for block in all_blocks(campaign)
        if hasattr(block.options, "show") and (block.variant or gets_own_blocks(campaign))
    ]


def _added_up(block: NumberedBlock, rows: Sequence[Mapping[str, Any]]) -> BlockShortfall:
    ideal, worth = (sum(row[column] for row in rows) for column in ("ideal", "worth"))
    return BlockShortfall(
        block=block.number,
        name=block.name,
        variant=block.variant,
        show=getattr(block.options, "show", 0),
        **{column: sum(row[column] for row in rows) for column in _COUNTS},
        given_up=1 - worth / ideal if ideal else 0.0,
    )
