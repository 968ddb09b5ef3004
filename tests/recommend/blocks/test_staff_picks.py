"""The block staff_picks: what is marked, the newest first."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from recmail.recommend.blocks.staff_picks import StaffPicks
from tests.contracts import BlockContract
from tests.shards import NOW, make_catalogue, make_shard

DAY = timedelta(days=1)


class TestStaffPicks(BlockContract):
    block = StaffPicks


def test_only_what_is_picked_the_newest_first() -> None:
    catalogue = make_catalogue(
        5,
        staff_pick=[True, False, True, True, True],
        published_at=[NOW - 9 * DAY, NOW, NOW - DAY, pd.NaT, NOW - 5 * DAY],
    )
    offer = StaffPicks().offer(make_shard([[0] * 5]), catalogue, {})
    ranked = np.argsort(-offer.score[0], kind="stable")
    assert ranked.tolist() == [2, 4, 0, 3, 1]
    assert np.isneginf(offer.score[0, 1])
    assert offer.reasons(np.array([0]), np.array([2])) == ["Picked by our team"]
    assert not offer.personal
