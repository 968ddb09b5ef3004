"""The block top_picks: the model's ranking, with a reason that counts what went into it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from recmail.errors import ModelError
from recmail.recommend.blocks.popular import Popular
from recmail.recommend.blocks.top_picks import TopPicks
from tests.contracts import BlockContract
from tests.shards import make_catalogue, make_shard, small_svd

CATALOGUE = make_catalogue(13, enrolled_90d=range(13))


class TestTopPicks(BlockContract):
    block = TopPicks


class Unexplained:
    """A scorer whose score is not a sum over the history."""

    def __init__(self) -> None:
        self._svd = small_svd()
        self.known, self.score = self._svd.known, self._svd.score

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> None:
        return None


def reasons(grades: list[float], taken: list[bool], scorer: Any = None, **known: Any) -> list[str]:
    shard = make_shard([grades], taken=[taken], **known)
    offer = TopPicks().offer(shard, CATALOGUE, {"auto": scorer or Unexplained()})
    return offer.reasons(np.array([0, 0]), np.array([3, 4]))


def test_the_reason_names_the_course_that_brought_it_and_what_was_done_with_it() -> None:
    grades = [5] + [0] * 12
    assert reasons(grades, flags(1), small_svd()) == ["Because you took Course 0"] * 2
    assert reasons(grades, flags(0), small_svd()) == ["Because you looked at Course 0"] * 2
    rated = [{"person": 0, "course_no": 0}]
    assert reasons(grades, flags(0), small_svd(), pairs=rated) == ["Because you rated Course 0"] * 2


def flags(count: int, of: int = 13) -> list[bool]:
    return [place < count for place in range(of)]


@pytest.mark.parametrize(
    ("grades", "taken", "expected"),
    [
        ([3, 3, 5] + [0] * 10, flags(3), "Chosen from the 3 courses you took"),
        ([3] + [0] * 12, flags(1), "Chosen from the course you took"),
        ([3, 1, 1] + [0] * 10, flags(1), "Chosen from the course you took"),
        ([1, 1, 1] + [0] * 10, flags(0), "Chosen from the 3 courses you looked at"),
        ([1] + [0] * 12, flags(0), "Chosen from the course you looked at"),
    ],
)
def test_the_reason_counts_the_courses_that_were_used(
    grades: list[float], taken: list[bool], expected: str
) -> None:
    assert reasons(grades, taken) == [expected] * 2


def test_the_reason_leaves_out_courses_that_the_model_does_not_know() -> None:
    """Courses 10 and 11 were met by nobody, 12 is newer than the model: of four taken, one was used."""
    assert (
        reasons([3] + [0] * 9 + [3, 3, 3], [True] + [False] * 9 + [True] * 3)
        == ["Chosen from the course you took"] * 2
    )


def test_the_reason_leaves_out_a_course_taken_without_a_grade() -> None:
    assert reasons([3] + [0] * 12, flags(2)) == ["Chosen from the course you took"] * 2


def test_many_courses_are_written_with_a_comma() -> None:
    from recmail.recommend.blocks.top_picks import _sentence

    assert _sentence(1_204, 3, False) == "Chosen from the 1,204 courses you took"


def test_auto_and_svd_are_whatever_the_model_has_under_these_names() -> None:
    shard = make_shard([[3, 3] + [0] * 11])
    one, other = small_svd(seed=1), small_svd(seed=2)
    scorers = {"auto": one, "svd": other}
    assert np.array_equal(TopPicks().offer(shard, CATALOGUE, scorers).score, one.score(shard.grades))
    assert np.array_equal(
        TopPicks(scorer="svd").offer(shard, CATALOGUE, scorers).score, other.score(shard.grades)
    )


def test_scorer_popular_is_what_the_block_popular_offers() -> None:
    shard = make_shard([[3, 3] + [0] * 11])
    ours = TopPicks(scorer="popular").offer(shard, CATALOGUE, {})
    theirs = Popular().offer(shard, CATALOGUE, {})
    assert np.array_equal(ours.score, theirs.score)
    assert not ours.personal


def test_without_a_model_says_to_train_one() -> None:
    with pytest.raises(
        ModelError, match=r"no model has the scorer 'auto' \(there are: none\); run: recmail train"
    ):
        TopPicks().offer(make_shard([[3] * 13]), CATALOGUE, {})


def test_needs_a_model_unless_it_ranks_by_popularity() -> None:
    assert TopPicks().needs_model
    assert not TopPicks(scorer="popular").needs_model
    assert TopPicks(scorer="popular", fallback=["top_picks"]).needs_model


def test_defaults_are_those_of_the_minimal_campaign() -> None:
    picks = TopPicks()
    assert (picks.title, picks.show, picks.at_least, picks.fallback) == ("Picked for you", 3, 2, ["popular"])
    assert picks.scalar == "show"


@pytest.mark.parametrize("options", [{"show": 0}, {"show": 21}, {"show": "3"}, {"show": True}, {"show": 2.0}])
def test_show_is_a_whole_number_from_1_to_20(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TopPicks.model_validate(options)


def test_at_least_may_not_be_more_than_show() -> None:
    with pytest.raises(ValidationError, match="at_least is 4, more than show, which is 3"):
        TopPicks(at_least=4)
    assert TopPicks(show=1).show == 1  # the default of at_least, 2, is no mistake of the campaign's
