"""What blocks fell short of is added up over all shards, and said in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from recmail.campaign import parse_frozen
from recmail.db.connect import reading, writing
from recmail.db.runs import claim_shard, finish_shard
from recmail.runs.shortfall import BlockShortfall, read_shortfalls
from tests.ledgers import add_run

CAMPAIGN = parse_frozen(
    "subject: Hello\naudience: everyone\nblocks:\n  - popular: 4\n  - text: Hi\n  - staff_picks: 2\n",
    "spring",
)


def test_shards_add_up_block_by_block(database: sa.Engine, now: datetime) -> None:
    """Shard 0 was planned without a word, 1 and 2 counted the first block; the third was never seen."""
    add_run(database, 1, now, people=[])
    counted = {1: [0, 10, 1, 2, 3, 4, 8.0, 6.0], 2: [0, 1200, 0, 1, 0, 0, 2.0, 1.5]}
    with writing(database) as connection:
        for shard, row in counted.items():
            assert claim_shard(connection, 1, shard, now=now)
            finish_shard(connection, 1, shard, rows=1, digest="", shortfall=[row])
    with reading(database) as connection:
        popular, staff_picks = read_shortfalls(connection, 1, CAMPAIGN)
    assert popular == BlockShortfall(
        0, "popular", 4, people=1210, fewer=1, filled_up=3, no_outside=3, no_new=4, given_up=0.25
    )
    assert popular.in_words() == (
        "a fallback fills up for 3; fewer than 4 for 1; too few from outside the usual for 3; "
        "too few new ones for 4; variety costs 25.0% of the score"
    )
    assert (staff_picks.block, staff_picks.name, staff_picks.people) == (2, "staff_picks", 0)
    assert staff_picks.in_words() == "nothing to show to anybody"
    assert replace(popular, fewer=0, filled_up=0, no_outside=0, no_new=0, given_up=0).in_words() == "as asked"
