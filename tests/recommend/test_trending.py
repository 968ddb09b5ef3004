"""What most people took lately, as a scorer."""

from __future__ import annotations

from recmail.recommend.trending import DAY_US, Settings, Trending
from tests.contracts import SharedScorerContract
from tests.shards import make_triples


class TestTrending(SharedScorerContract):
    scorer = Trending


def test_counts_only_what_happened_lately() -> None:
    """Course 0 was taken 40 days before the newest interaction, course 1 today and ten days ago."""
    rows = [(0, 0, 5.0), (1, 0, 5.0), (0, 1, 5.0), (1, 1, 5.0)]
    at = [60 * DAY_US, 60 * DAY_US, 90 * DAY_US, 100 * DAY_US]
    for days, expected in ((30, [0, 10]), (90, [10, 10]), (5, [0, 5])):
        trending = Trending.fit(make_triples(rows, at=at), courses=2, seed=1, settings=Settings(days))
        assert trending.count.tolist() == expected
