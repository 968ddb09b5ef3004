"""What most people took, as a scorer."""

from __future__ import annotations

from recmail.recommend.popular import Popular
from tests.contracts import SharedScorerContract
from tests.shards import make_triples, table_of


class TestPopular(SharedScorerContract):
    scorer = Popular


def test_counts_people_by_their_grades() -> None:
    """Course 1: two people, grades 5 and 5; course 2: three, 5, 1 and 1; person 2 has met course 2 only."""
    rows = [(0, 1, 5.0), (1, 1, 5.0), (0, 2, 5.0), (1, 2, 1.0), (2, 2, 1.0)]
    popular = Popular.fit(make_triples(rows), courses=3, seed=1)
    assert popular.score(table_of(make_triples(rows), people=3, courses=3))[2].tolist() == [
        float("-inf"),
        2.0,
        float("-inf"),
    ]
    assert popular.count.tolist()[1] < 2
