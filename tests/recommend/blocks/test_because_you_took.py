"""The block because_you_took: one course of the person's own, and only what it brought."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from recmail.errors import ModelError
from recmail.recommend.blocks.because_you_took import BecauseYouTook
from recmail.recommend.blocks.popular import Popular
from recmail.records import Offer
from tests.contracts import BlockContract
from tests.shards import NOW, make_catalogue, make_shard, small_svd

CATALOGUE = make_catalogue(12)


class TestBecauseYouTook(BlockContract):
    block = BecauseYouTook


def offer(grades: list[float], taken: list[bool] | None = None) -> Offer:
    shard = make_shard([grades], taken=None if taken is None else [taken])
    return BecauseYouTook().offer(shard, CATALOGUE, {"auto": small_svd()})


def rank(score: np.ndarray, course: int) -> int:
    return int((score > score[course]).sum())


@pytest.mark.parametrize("grades", [[5, 3, 3], [5, 3, 3, 0, 0, 3], [3, 0, 0, 0, 0, 5, 3, 3], [0, 0, 3, 1]])
def test_all_that_is_offered_was_brought_by_the_one_course(grades: list[float]) -> None:
    """It adds more than any other of their courses, and without it each offered course ranks lower."""
    history = np.array([*grades, *[0] * (12 - len(grades))], dtype=np.float32)
    found, svd = offer(history.tolist()), small_svd()
    assert found.because is not None
    because = int(found.because[0])
    assert history[because] >= 3
    offered = np.flatnonzero(found.score[0] > -np.inf)
    assert len(offered)
    mine = np.flatnonzero(history)
    less = history.copy()
    less[because] = 0
    before, after = (svd.score(make_shard([one]).grades)[0] for one in (history, less))
    after[because] = -np.inf
    for course in offered:
        adds = svd.weights(mine, np.full(len(mine), course)) * history[mine]
        assert mine[adds.argmax()] == because
        assert rank(after, course) > rank(before, course) or np.isneginf(after[course])


def test_its_scores_are_the_scorers_own() -> None:
    found = offer([3] + [0] * 11)
    there = found.score[0] > -np.inf
    expected = small_svd().score(make_shard([[3] + [0] * 11]).grades)[0]
    assert np.array_equal(found.score[0, there], expected[there])


def test_the_reason_names_the_course() -> None:
    found = offer([3] + [0] * 11)
    assert found.reasons(np.array([0, 0]), np.array([1, 2])) == ["Because you took Course 0"] * 2


def test_only_a_course_finished_lately_counts_when_that_is_asked() -> None:
    lately, long_ago = NOW - timedelta(days=29), NOW - timedelta(days=31)
    pairs = [
        {"person": 0, "course_no": 0, "taken_at": lately, "completed_at": lately},
        {"person": 1, "course_no": 0, "taken_at": long_ago, "completed_at": long_ago},
        {"person": 2, "course_no": 0, "taken_at": lately, "progress": 0.9},
        {"person": 3, "course_no": 0, "taken_at": lately, "completed_at": long_ago},  # opened it again
    ]
    shard = make_shard([[3] + [0] * 11] * 4, pairs=pairs)
    found = BecauseYouTook(finished_within="30d").offer(shard, CATALOGUE, {"auto": small_svd()})
    assert found.because is not None
    assert found.because.tolist() == [0, -1, -1, -1]
    assert np.isneginf(found.score[1:]).all()
    assert found.reasons(np.array([0]), np.array([1])) == ["Because you finished Course 0"]
    without = BecauseYouTook().offer(shard, CATALOGUE, {"auto": small_svd()})
    assert np.array_equal(found.score[0], without.score[0])


def test_what_was_only_looked_at_is_not_called_taken() -> None:
    found = offer([1] + [0] * 11)
    assert found.because is not None
    assert found.because.tolist() == [-1]
    assert np.isneginf(found.score).all()


def test_a_scorer_without_reasons_leaves_the_block_empty() -> None:
    class Silent:
        known = small_svd().known
        score = small_svd().score

        @staticmethod
        def weights(taken: np.ndarray, offered: np.ndarray) -> None:
            return None

    shard = make_shard([[3] + [0] * 11])
    assert np.isneginf(BecauseYouTook().offer(shard, CATALOGUE, {"auto": Silent()}).score).all()  # type: ignore[dict-item]


def test_without_a_model_says_to_train_one() -> None:
    with pytest.raises(ModelError, match=r"because_you_took: no model has the scorer 'auto' .*recmail train"):
        BecauseYouTook().offer(make_shard([[3] * 12]), CATALOGUE, {})
    assert BecauseYouTook().needs_model


def test_only_its_title_may_name_the_course() -> None:
    assert BecauseYouTook(title="You took {course}. And then?").title == "You took {course}. And then?"
    with pytest.raises(ValidationError, match="works in because_you_took only"):
        Popular(title="Like {course}")
    with pytest.raises(ValidationError, match=r"found \{curse\}; all that a title may hold in braces"):
        BecauseYouTook(title="You took {curse}")
