"""The measures: by hand, and to 1e-9 those of ir-measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recmail.evaluate.cut import HeldOut
from recmail.evaluate.metrics import FIRST, Courses, Lists, accuracy, lists, variety
from recmail.records import GradedTriples
from tests.shards import make_triples

NOTHING: GradedTriples = make_triples([])


def held_out(seen: list[list[int]], relevant: list[list[int]]) -> HeldOut:
    return HeldOut(
        NOTHING,
        np.arange(len(seen)),
        sparse.csr_array(np.array(seen, dtype=np.float32)),
        sparse.csr_array(np.array(relevant, dtype=bool)),
    )


def measured(scores: list[list[float]], relevant: list[list[int]]) -> dict[str, list[float]]:
    table = np.array(scores, dtype=np.float32)
    held = held_out([[0] * len(row) for row in relevant], relevant)
    return {name: values.tolist() for name, values in accuracy(lists(lambda _: table, held)).items()}


def test_measures_by_hand() -> None:
    """Ranked 1, 2, 3 (0 was seen). Person A wants 2: second place. Person B wants 1 and 3: first and third.

    A: nDCG 1/log2(3), average precision 1/2. B: nDCG (1 + 1/log2(4)) / (1 + 1/log2(3)), average precision
    (1/1 + 2/3) / 2. Precision is of ten places.
    """
    ranked = [[-math.inf, 8, 7, 6]] * 2
    found = measured(ranked, [[0, 0, 1, 0], [0, 1, 0, 1]])
    second = 1 / math.log2(3)
    assert found["ndcg_at_10"] == pytest.approx([second, 1.5 / (1 + second)])
    assert found["precision_at_10"] == pytest.approx([0.1, 0.2])
    assert found["recall_at_10"] == [1, 1]
    assert found["map_at_10"] == pytest.approx([1 / 2, (1 + 2 / 3) / 2])
    assert found["hit_rate_at_10"] == [1, 1]


def test_what_comes_after_the_tenth_place_does_not_count() -> None:
    wanted = [[1] + [0] * 10]
    assert measured([[0.0] + [9.0] * 10], wanted)["hit_rate_at_10"] == [0]
    tenth = measured([[1.0] + [9.0] * 9 + [0.5]], wanted)
    assert tenth["ndcg_at_10"] == pytest.approx([1 / math.log2(11)])
    assert tenth["map_at_10"] == pytest.approx([0.1])


def test_who_has_no_score_finds_nothing() -> None:
    assert all(values == [0] for values in measured([[-math.inf] * 3], [[1, 0, 0]]).values())


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_agrees_with_ir_measures(seed: int) -> None:
    """Relevance at random, 25 courses, all scores different (ir-measures orders ties by name)."""
    ir_measures = pytest.importorskip("ir_measures", reason="needs ir-measures: pip install ir-measures")
    random = np.random.default_rng(seed)
    scores = random.permuted(np.tile(np.arange(25.0), (6, 1)), axis=1)
    relevant = random.random((6, 25)) < random.uniform(0.02, 0.9, (6, 1))
    relevant[:, 3] = True
    found = measured(scores.tolist(), relevant.tolist())
    theirs = [ir_measures.parse_measure(name) for name in ("nDCG@10", "P@10", "R@10", "AP@10", "Success@10")]
    judged = [
        ir_measures.Qrel(str(person), str(course), int(relevant[person, course]))
        for person in range(6)
        for course in range(25)
    ]
    run = [
        ir_measures.ScoredDoc(str(person), str(course), float(scores[person, course]))
        for person in range(6)
        for course in range(25)
    ]
    names = dict(zip(map(str, theirs), found, strict=True))
    count = 0
    for one in ir_measures.iter_calc(theirs, judged, run):
        assert abs(found[names[str(one.measure)]][int(one.query_id)] - one.value) < 1e-9
        count += 1
    assert count == 30


def shown(*rows: list[int]) -> Lists:
    course = np.full((len(rows), FIRST), -1)
    for place, row in enumerate(rows):
        course[place, : len(row)] = row
    return Lists(course, course < -1, np.ones(len(rows), dtype=int))


def test_variety_by_hand() -> None:
    """Courses 0 and 1 are maths, 2 is art, 3 has no category; 4 nobody ever took.

    Person A is shown 0, 1, 2: of three pairs two differ. Person B 0, 3: they differ. Shown: 0 twice, 1, 2 and
    3 once; Gini of 1, 1, 1, 2 is 2 (1 + 2 + 3 + 8) / (4 x 5) - 5/4 = .15. Taken by 8, 4, 2 and 1: 0, 1, 2 and
    3 bits.
    """
    courses = Courses(np.array([0, 0, 1, -1, 0]), np.array([8, 4, 2, 1, 0]))
    assert variety(shown([0, 1, 2], [0, 3]), courses) == {
        "coverage": 1.0,
        "diversity": pytest.approx((2 / 3 + 1) / 2),
        "novelty": pytest.approx((0 + 1 + 2 + 0 + 3) / 5),
        "gini": pytest.approx(0.15),
    }


def test_the_same_for_all_covers_little_and_is_unequal() -> None:
    courses = Courses(np.zeros(100, dtype=int), np.ones(100, dtype=int))
    found = variety(shown(*[list(range(10))] * 5), courses)
    assert found["coverage"] == 0.1
    assert found["diversity"] == 0
    assert found["gini"] == pytest.approx(0.9)


def test_nobody_is_shown_anything() -> None:
    courses = Courses(np.zeros(3, dtype=int), np.ones(3, dtype=int))
    assert variety(shown([], []), courses) == dict.fromkeys(("coverage", "diversity", "novelty", "gini"), 0.0)
