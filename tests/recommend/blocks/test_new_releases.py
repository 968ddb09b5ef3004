"""The block new_releases: the person's categories, then the newest."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from recmail.recommend.blocks.new_releases import NewReleases
from tests.contracts import BlockContract
from tests.shards import NOW, make_catalogue, make_shard

DAY = timedelta(days=1)
CATALOGUE = make_catalogue(
    6,
    category_no=[0, 0, 1, 1, -1, 0],
    published_at=[NOW - 2 * DAY, NOW - 30 * DAY, NOW - 20 * DAY, NOW + DAY, NOW - DAY, pd.NaT],
)


class TestNewReleases(BlockContract):
    block = NewReleases


def ranked(grades: list[int], **options: object) -> list[int]:
    score = NewReleases(**options).offer(make_shard([grades]), CATALOGUE, {}).score[0]  # type: ignore[arg-type]
    return [int(course) for course in np.argsort(-score, kind="stable") if score[course] > -np.inf]


def test_the_newest_first_to_who_has_no_history() -> None:
    """Exactly 30 days ago, tomorrow and never are not new."""
    assert ranked([0] * 6) == [4, 0, 2]


def test_their_own_categories_first() -> None:
    assert ranked([0, 0, 0, 1, 0, 0]) == [2, 4, 0]


def test_how_new_is_an_option() -> None:
    assert ranked([0] * 6, within="31d") == [4, 0, 2, 1]


def test_the_reason_is_the_day() -> None:
    offer = NewReleases().offer(make_shard([[0] * 6]), CATALOGUE, {})
    assert offer.reasons(np.array([0]), np.array([0])) == ["New since 31 October 2026"]
    assert not offer.personal
