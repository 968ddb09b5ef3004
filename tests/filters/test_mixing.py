"""Variety: worked out by hand, and against a plain loop over one person at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import PrivateAttr, ValidationError

from recmail.filters.slate import fill
from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Variety
from recmail.recommend.blocks.popular import Popular
from recmail.recommend.likeness import Content
from recmail.records import Catalogue, Offer, Shard, Slate
from tests.shards import NOW, make_catalogue, make_shard

DAY = timedelta(days=1)
NONE = -np.inf


class Ranked(BlockOptions):
    """A block that offers what the test says: people x courses."""

    _score: np.ndarray = PrivateAttr()

    @classmethod
    def of(cls, *score: Sequence[float], **options: Any) -> Ranked:
        block = cls.model_validate({"show": 3, **options})
        block._score = np.array(score, dtype=np.float32)
        return block

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        score = self._score[shard.people["user_no"].to_numpy()] if len(self._score) > 1 else self._score
        return Offer(score, lambda rows, courses: [""] * len(rows), personal=False)


def shown(slate: Slate, person: int = 0) -> list[int]:
    slots: list[int] = slate.slots.loc[slate.slots["person"] == person, "course_no"].tolist()
    return slots


def short(slate: Slate) -> dict[str, float]:
    (row,) = slate.shortfall.to_dict("records")
    return {name: value for name, value in row.items() if value}


def test_a_course_like_one_that_is_shown_gives_way_to_an_unlike_one() -> None:
    """Maths 10, 9, 8 and art 5: relevance 1, .8, .6, 0. With mix .5, after the first: .4 - .5, .3 - .5, 0."""
    catalogue = make_catalogue(4, category_no=[0, 0, 0, 1])
    shard, scores = make_shard([[0] * 4]), [10, 9, 8, 5]
    assert shown(fill(shard, catalogue, [Ranked.of(scores)], {})) == [0, 1, 2]
    mixed = fill(shard, catalogue, [Ranked.of(scores, variety=Variety(mix=0.5))], {})
    assert shown(mixed) == [0, 3, 1]
    assert short(mixed) == {"people": 1, "ideal": pytest.approx(2.4), "worth": pytest.approx(1.8)}


def test_the_quota_holds_whatever_the_mix() -> None:
    catalogue = make_catalogue(5, category_no=[0, 0, 0, 1, 1])
    block = Ranked.of([5, 4, 3, 2, 1], variety=Variety(mix=0.05, per_category=1))
    slate = fill(make_shard([[0] * 5]), catalogue, [block], {})
    assert shown(slate) == [0, 3]
    assert short(slate)["fewer"] == 1


def test_one_from_outside_takes_the_last_place_when_the_ranking_brings_none() -> None:
    """They took course 4, maths; the best of art is the fourth."""
    catalogue = make_catalogue(5, category_no=[0, 0, 0, 1, 0])
    shard = make_shard([[0, 0, 0, 0, 3]])
    block = Ranked.of([9, 8, 7, 1, NONE], variety=Variety(outside_usual=1))
    slate = fill(shard, catalogue, [block], {})
    assert shown(slate) == [0, 1, 3]
    assert short(slate) == {"people": 1, "ideal": pytest.approx(2.625), "worth": pytest.approx(1.875)}


def test_nothing_moves_when_the_ranking_brings_it_anyway() -> None:
    catalogue = make_catalogue(4, category_no=[0, 1, 0, 0])
    block = Ranked.of([9, 8, 7, NONE], variety=Variety(outside_usual=1))
    assert shown(fill(make_shard([[0, 0, 0, 3]]), catalogue, [block], {})) == [0, 1, 2]


def test_a_new_release_is_found_however_deep_it_ranks() -> None:
    """300 courses, the new one last: in each person's own ranking, and in one that all share."""
    published = [NOW - 99 * DAY] * 299 + [NOW - DAY]
    catalogue = make_catalogue(300, category_no=[0] * 300, published_at=published)
    ranking = list(range(300, 0, -1))
    variety = Variety(new_releases=1)
    shard = make_shard(np.zeros((2, 300)))
    own = fill(shard, catalogue, [Ranked.of(ranking, ranking, variety=variety)], {})
    shared = fill(shard, catalogue, [Ranked.of(ranking, variety=variety)], {})
    assert shown(own, 1) == shown(shared, 1) == [0, 1, 299]


def test_one_course_may_be_both_new_and_from_outside() -> None:
    published = [NOW - 99 * DAY] * 3 + [NOW - DAY, pd.NaT]
    catalogue = make_catalogue(5, category_no=[0, 0, 0, 1, 0], published_at=published)
    block = Ranked.of([9, 8, 7, 6, NONE], variety=Variety(outside_usual=1, new_releases=1))
    slate = fill(make_shard([[0, 0, 0, 0, 3]]), catalogue, [block], {})
    assert sorted(shown(slate)) == [0, 1, 3]


def test_what_cannot_be_had_is_counted_and_the_block_filled_all_the_same() -> None:
    """Person 0 knows both categories, person 1 only maths; there are no new courses."""
    catalogue = make_catalogue(4, category_no=[0, 0, 0, 1])
    shard = make_shard([[1, 0, 0, 1], [1, 0, 0, 0]])
    block = Ranked.of([4, 3, 2, 1], variety=Variety(outside_usual=1, new_releases=1))
    slate = fill(shard, catalogue, [block], {})
    assert (shown(slate, 0), shown(slate, 1)) == ([0, 1, 2], [0, 3, 1])
    counted = short(slate)
    assert (counted["people"], counted["no_outside"], counted["no_new"]) == (2, 1, 2)


def test_courses_without_a_category_are_from_nowhere() -> None:
    catalogue = make_catalogue(3, category_no=[0, 0, -1])
    block = Ranked.of([3, 2, 1], show=2, variety=Variety(outside_usual=1))
    slate = fill(make_shard([[1, 0, 0]]), catalogue, [block], {})
    assert shown(slate) == [0, 1]
    assert short(slate)["no_outside"] == 1


def test_a_fallback_is_mixed_with_what_is_there() -> None:
    """The block has a course of maths only; popular leads with two of maths and has one of art."""
    catalogue = make_catalogue(4, category_no=[0, 0, 0, 1], enrolled_90d=[0, 9, 8, 1])
    block = Ranked.of(
        [1, NONE, NONE, NONE], show=2, variety=Variety(mix=0.6), fallback=["popular"], title="Ours"
    )
    slate = fill(make_shard([[0] * 4]), catalogue, [block], {})
    assert shown(slate) == [0, 3]
    assert short(slate)["filled_up"] == 1


def test_more_wishes_than_places_are_refused() -> None:
    with pytest.raises(
        ValidationError, match="outside_usual and new_releases are more than show, which is 2"
    ):
        Popular(show=2, variety=Variety(outside_usual=2, new_releases=1))


def plain(
    scores: np.ndarray, catalogue: Catalogue, tried: set[int], new: Sequence[bool], block: BlockOptions
) -> list[int]:
    """The same for one person, a course at a time; at most 50 courses."""
    variety, content = block.variety, Content.of(catalogue)
    candidates = [int(c) for c in np.argsort(-scores, kind="stable") if scores[c] > NONE]
    if not candidates:
        return []
    low, high = scores[candidates].min(), scores[candidates].max()
    chosen: list[int] = []

    def category(course: int) -> int:
        return int(catalogue.category_no[course])

    def outside(course: int) -> bool:
        return category(course) >= 0 and category(course) not in tried

    while len(chosen) < block.show:
        free = [
            course
            for course in candidates
            if course not in chosen
            and (
                variety.per_category is None
                or category(course) < 0
                or sum(category(other) == category(course) for other in chosen) < variety.per_category
            )
        ]
        more_outside = variety.outside_usual - sum(map(outside, chosen))
        more_new = variety.new_releases - sum(new[course] for course in chosen)
        if block.show - len(chosen) <= max(more_outside, 0) + max(more_new, 0):
            wanted = [c for c in free if (more_outside > 0 and outside(c)) or (more_new > 0 and new[c])]
            free = wanted or free
        if not free:
            break

        def value(course: int) -> np.float32:
            relevance = np.float32(1 if high == low else (scores[course] - low) / (high - low))
            alike = [content.alike(np.array(course), np.array(other)) for other in chosen]
            mix = np.float32(variety.mix)
            return (1 - mix) * relevance - mix * np.float32(max(alike, default=0))

        chosen.append(max(free, key=value))
    return chosen


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_equals_a_plain_loop_over_people(data: st.DataObject) -> None:
    people, courses = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 10))
    draw = data.draw
    numbers = st.sampled_from([NONE, 0.0, 1.0, 2.0, 3.0, 7.0])
    scores = np.array(
        draw(
            st.lists(st.lists(numbers, min_size=courses, max_size=courses), min_size=people, max_size=people)
        )
    )
    new = draw(st.lists(st.booleans(), min_size=courses, max_size=courses))
    labels = st.lists(st.sampled_from("abc"), max_size=2, unique=True)
    catalogue = make_catalogue(
        courses,
        category_no=draw(st.lists(st.integers(-1, 3), min_size=courses, max_size=courses)),
        tags=draw(st.lists(labels, min_size=courses, max_size=courses)),
        published_at=[NOW - DAY if one else NOW - 99 * DAY for one in new],
    )
    show = draw(st.integers(1, 4))
    outside = draw(st.integers(0, show))
    variety = Variety(
        mix=draw(st.sampled_from([0.0, 0.2, 0.7, 1.0])),
        per_category=draw(st.sampled_from([None, 1, 2])),
        outside_usual=outside,
        new_releases=draw(st.integers(0, show - outside)),
    )
    grades = np.zeros((people, courses))
    for row in range(people):
        grades[row, draw(st.integers(0, courses - 1))] = draw(st.sampled_from([0, 1]))
    shard = make_shard(grades)
    block = Ranked.of(*scores.tolist(), show=show, variety=variety)
    slate = fill(shard, catalogue, [block], {})
    for row in range(people):
        tried = {int(category) for category in catalogue.category_no[grades[row] > 0]}
        assert shown(slate, row) == plain(scores[row].astype(np.float32), catalogue, tried, new, block)
