"""The evaluation: the same people for all scorers, by how much is known of them, and paired."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recmail.evaluate.cut import HeldOut
from recmail.evaluate.evaluation import Evaluation, evaluate
from recmail.recommend.popular import Popular
from recmail.recommend.trending import Settings, Trending
from tests.shards import make_triples


def held_out(seen: int, people: int = 30) -> HeldOut:
    """Everybody met so many of 30 courses, and took course 29 last."""
    table = np.zeros((people, 30), dtype=np.float32)
    table[:, :seen] = 3
    relevant = np.zeros((people, 30), dtype=bool)
    relevant[:, 29] = True
    pairs = make_triples([(1, 29, 3.0), (2, 29, 3.0), (2, 28, 3.0)])
    return HeldOut(pairs, np.arange(people), sparse.csr_array(table), sparse.csr_array(relevant))


def evaluated(held: HeldOut) -> Evaluation:
    right = Popular(np.arange(30, dtype=np.float32), np.ones(30, dtype=bool))
    wrong = Trending(np.arange(30, 0, -1).astype(np.float32), np.ones(30, dtype=bool), Settings(30))
    return evaluate({"wrong": wrong, "right": right}, held, category_no=np.arange(30) % 3, seed=1)


def test_the_best_stands_first_with_all_measures() -> None:
    found = evaluated(held_out(seen=2))
    assert list(found.rows) == ["right", "wrong"]
    assert found.people == 30
    row = found.rows["right"]
    assert {name: value.mean for name, value in row.accuracy.items()} == pytest.approx(
        {"ndcg_at_10": 1, "precision_at_10": 0.1, "recall_at_10": 1, "map_at_10": 1, "hit_rate_at_10": 1}
    )
    assert found.rows["wrong"].accuracy["hit_rate_at_10"].mean == 0
    assert row.variety["coverage"] == 1  # courses 28 and 29 are all that anybody had dealt with
    assert row.variety["diversity"] == pytest.approx(33 / 45)  # of ten in three categories 4, 3, 3: 12 alike


@pytest.mark.parametrize(
    ("seen", "group"), [(1, "cold"), (2, "cold"), (3, "light"), (9, "light"), (10, "heavy")]
)
def test_people_are_grouped_by_how_much_is_known(seen: int, group: str) -> None:
    found = evaluated(held_out(seen))
    assert found.groups == {group: 30}
    assert found.rows["right"].groups[group].mean == 1


def test_groups_of_few_people_are_not_shown() -> None:
    assert evaluated(held_out(seen=2, people=19)).groups == {}


def test_differences_are_paired() -> None:
    gain = evaluated(held_out(seen=2)).difference("right", "wrong", seed=1)
    assert gain.to_json() == [1, 1, 1]


def test_is_json_without_single_people() -> None:
    document = evaluated(held_out(seen=2)).to_json()
    assert document["scorers"]["right"]["accuracy"]["ndcg_at_10"] == [1, 1, 1]
    assert document["groups"] == {"cold": 30}
    assert set(document["scorers"]["right"]) == {"accuracy", "groups", "variety"}
