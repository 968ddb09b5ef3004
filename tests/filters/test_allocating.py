"""Who gets what may only be shown so often: by hand, and against plain loops on random audiences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.filters import all_emails, claiming, everybody
from recmail.filters.allocating import Allocation, allocate
from recmail.filters.block_places import Places
from recmail.filters.everybody import Audience
from recmail.filters.limits import NO_LIMIT
from recmail.filters.lots import lot
from recmail.filters.mixing import Tastes
from recmail.filters.settling import Settled
from recmail.filters.slate import fill
from recmail.filters.wishing import is_varied, wishes
from recmail.recommend import Scorer
from recmail.recommend.blocks import Variety
from recmail.recommend.blocks.continue_learning import ContinueLearning
from recmail.recommend.blocks.popular import Popular
from recmail.records import Catalogue, Shard
from tests.contracts import make_catalogue, make_shard, rows_of
from tests.filters.test_slate import NONE, Plain, Ranked, random_case, shown

SEED = 7


def new_array(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.zeros(shape, dtype=dtype)


def settle(
    shard: Shard,
    catalogue: Catalogue,
    blocks: Sequence[object],
    limits: Sequence[int] | np.ndarray | int,
    *,
    scorers: Mapping[str, Scorer] | None = None,
    parts: Sequence[slice] = (slice(None),),
    depth: int = 100,
) -> Allocation:
    """Settle the people of a shard, brought in parts."""
    audience = Audience.of(blocks, len(shard), depth=min(depth, len(catalogue)), new_array=new_array)
    for rows in parts:
        part = rows_of(shard, rows)
        if len(part):
            audience.add(wishes(part, catalogue, blocks, scorers or {}, depth=min(depth, len(catalogue))))
    return allocate(
        audience,
        limits=np.broadcast_to(np.array(limits, dtype=np.int64), len(catalogue)).copy(),
        category_no=catalogue.category_no,
        tastes=Tastes.of(shard, catalogue) if is_varied(blocks) else None,
        seed=SEED,
    )


def courses(allocation: Allocation) -> list[list[list[int]]]:
    """The courses of each block for each person; none for those who get no email."""
    blocks = [
        [
            [int(c) for c in row if c >= 0 and is_mailed]
            for row, is_mailed in zip(places.course, allocation.mailed.tolist(), strict=True)
        ]
        for places in allocation.places
    ]
    return [list(person) for person in zip(*blocks, strict=True)]


def nobody(count: int, width: int) -> Shard:
    return make_shard(np.zeros((count, width)))


def test_the_highest_scores_get_the_course_and_the_others_their_next_best() -> None:
    """Course 0 is the best for all three, and two may see it: person 1 is worth the least."""
    block = Ranked.of([[9, 1, 2], [7, 3, 2], [8, 1, 0]], show=1)
    allocation = settle(nobody(3, 3), make_catalogue(3), [block], [2, 5, 5])
    assert courses(allocation) == [[[0]], [[1]], [[0]]]
    assert allocation.shown.tolist() == [2, 1, 0]
    assert allocation.displaced.tolist() == [1, 0, 0]
    assert allocation.refused.tolist() == [False, True, False]
    assert allocation.closed.tolist() == [True, False, False]


def test_who_is_refused_asks_on_and_first_choices_come_first() -> None:
    """Persons 0 to 2 want course 0, person 3 wants course 1 first; one person may see each.

    Person 0 gets course 0. Persons 1 and 2 ask for course 1 next, which is person 3's by then although they
    would be worth more; course 2 goes to person 2, and for person 1 course 3 is left.
    """
    block = Ranked.of([[9, 0, 0, 0], [8, 7, 3, 1], [7, 6, 5, 1], [0, 1, 0, 0]], show=1)
    allocation = settle(nobody(4, 4), make_catalogue(4), [block], 1)
    assert courses(allocation) == [[[0]], [[3]], [[2]], [[1]]]
    assert allocation.displaced.tolist() == [2, 0, 0, 0]


def test_equals_are_drawn_by_lot() -> None:
    allocation = settle(nobody(50, 2), make_catalogue(2), [Popular(show=1)], [20, 30])
    drawn = lot(SEED, np.arange(50), np.zeros(50, dtype=int))
    winners = {person for person, [[course]] in enumerate(courses(allocation)) if course == 0}
    assert winners == set(np.argsort(drawn)[:20].tolist())


def test_lots_differ_by_seed_person_and_course() -> None:
    people, numbers = np.meshgrid(np.arange(200), np.arange(50))
    drawn = np.concatenate([lot(seed, people.ravel(), numbers.ravel()) for seed in (1, 2)])
    assert len(np.unique(drawn)) == len(drawn)


def test_a_block_higher_up_comes_first() -> None:
    """Both want course 0; person 0 in the second block only, where the score is higher."""
    blocks = [Ranked.of([[NONE, NONE], [1, 0]], show=1), Ranked.of([[9, 1], [9, 1]], show=1)]
    allocation = settle(nobody(2, 2), make_catalogue(2), blocks, [1, 2])
    assert courses(allocation) == [[[], [1]], [[0], [1]]]


def test_nothing_is_refused_twice_to_the_same_person() -> None:
    """Course 0 was refused to person 1 in the first block: the second does not count that again."""
    blocks = [Ranked.of([[9, 5, 4, 3], [8, 5, 4, 3]], show=1) for _ in range(2)]
    allocation = settle(nobody(2, 4), make_catalogue(4), blocks, [1, 2, 2, 2])
    assert courses(allocation) == [[[0], [1]], [[1], [2]]]
    assert allocation.displaced.tolist() == [1, 0, 0, 0]


def test_the_quota_holds_after_a_refusal_and_lets_others_of_the_category_in() -> None:
    """Two of category 0 are allowed: person 1 is refused course 0, and course 2 may take its place."""
    catalogue = make_catalogue(5, category_no=[0, 0, 0, 1, 0])
    block = Ranked.of([[9, 8, 7, 6, 5]] * 2, show=3, variety=Variety(per_category=2))
    allocation = settle(nobody(2, 5), catalogue, [block], [1, 2, 2, 2, 2])
    assert sorted(map(str, courses(allocation))) == ["[[0, 1, 3]]", "[[1, 3, 2]]"]


def test_fallbacks_fill_up_what_the_limits_took() -> None:
    """One person may see course 1, the only one of the block; the other gets the most popular one."""
    catalogue = make_catalogue(3, enrolled_90d=[9, 1, 5])
    block = Ranked.of([[NONE, 2, NONE], [NONE, 1, NONE]], show=1, fallback=["popular"])
    allocation = settle(nobody(2, 3), catalogue, [block], 1)
    assert courses(allocation) == [[[1]], [[0]]]
    assert allocation.places[0].source[:, 0].tolist() == [0, 1]


def test_going_on_with_a_course_is_not_limited() -> None:
    """Both are in the middle of course 0, which nobody else may begin."""
    shard = make_shard([[3, 0], [3, 0]])
    allocation = settle(shard, make_catalogue(2), [ContinueLearning(show=1)], [0, 0])
    assert courses(allocation) == [[[0]], [[0]]]
    assert allocation.shown.tolist() == [0, 0]


def test_nobody_and_nothing_are_no_errors() -> None:
    assert courses(settle(nobody(3, 2), make_catalogue(2), [Popular(show=1)], 5, parts=[])) == [[[]]] * 3
    assert settle(nobody(1, 0), make_catalogue(0), [Popular()], []).displaced.tolist() == []


def random_limits(data: st.DataObject, catalogue: Catalogue) -> list[int]:
    some = st.sampled_from([0, 1, 1, 2, 3, int(NO_LIMIT)])
    return data.draw(st.lists(some, min_size=len(catalogue), max_size=len(catalogue)))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_invariants(data: st.DataObject) -> None:
    shard, catalogue, blocks, scorers = random_case(data)
    mixes = st.sampled_from(data.draw(st.sampled_from([[0.0], [0.0, 0.5]])))
    for block in blocks:
        mix = data.draw(mixes)
        object.__setattr__(block, "variety", block.variety.model_copy(update={"mix": mix}))  # type: ignore[attr-defined]
    limits = random_limits(data, catalogue)
    allocation = settle(shard, catalogue, blocks, limits, scorers=scorers)
    everything = [[course for block in person for course in block] for person in courses(allocation)]
    seen = np.bincount([course for one in everything for course in one], minlength=len(catalogue))
    assert (seen <= limits).all()
    free = fill(shard, catalogue, blocks, scorers)
    for person, mine in enumerate(everything):
        assert len(mine) == len(set(mine))
        for number, chosen in enumerate(courses(allocation)[person]):
            category = catalogue.category_no[chosen]
            most = blocks[number].variety.per_category or 20  # type: ignore[attr-defined]
            assert np.bincount(category[category >= 0]).max(initial=0) <= most
        if not allocation.refused[person]:
            assert allocation.mailed[person] == free.enough[person]
            assert not mine or courses(allocation)[person] == padded(free, person, len(blocks))
    # Every refusal was by a course that is as full as it may be, also to those who get no email.
    assert (seen[allocation.displaced > 0] == np.array(limits)[allocation.displaced > 0]).all()
    if all(block.variety.mix == 0 for block in blocks):  # type: ignore[attr-defined]
        assert 0 <= allocation.worth <= allocation.ideal + 1e-6


def padded(slate: Any, person: int, blocks: int) -> list[list[int]]:
    mine = slate.slots[slate.slots["person"] == person]
    return [mine.loc[mine["block"] == number, "course_no"].tolist() for number in range(blocks)]


class Loops:
    """The allocation one person, place and claim at a time, for blocks that are not mixed."""

    def __init__(self, plain: Plain, blocks: Sequence[object], limits: Sequence[int]) -> None:
        self.plain, self.blocks, self.left = plain, blocks, list(limits)
        self.got: dict[int, list[list[int]]] = {}

    def run(self) -> list[list[list[int]]]:
        """Settle all, then whoever would have enough with all that is free; who gets no email has nothing."""
        everybody = range(len(self.plain.shard))
        emails, asking = dict[int, list[list[int]]](), list(everybody)
        while asking:
            emails |= self.settled(asking)
            left = list(self.left)
            asking = [one for one in everybody if one not in emails and self.alone_enough(one)]
            self.left = left
        return [emails.get(person, [[] for _ in self.blocks]) for person in everybody]

    def alone_enough(self, person: int) -> bool:
        """Tell whether somebody would have enough with all that is free."""
        left = list(self.left)
        self.ask_all([person])
        self.left = left
        return self.enough(person)

    def settled(self, people: list[int]) -> dict[int, list[list[int]]]:
        """Ask these people, without those who have too few, until all have enough."""
        left = list(self.left)
        while True:
            self.left = list(left)
            self.ask_all(people)
            short = [person for person in people if not self.enough(person)]
            if not short:
                return {person: self.got[person] for person in people}
            if 2 * len(short) > len(people):
                last = len(self.plain.catalogue)
                drawn = {one: int(lot(SEED, np.array([one]), np.array([last]))[0]) for one in short}
                short.sort(key=lambda one: (-sum(map(len, self.got[one])), drawn[one], one))
                short = short[len(short) // 2 :]
            people = [person for person in people if person not in short]

    def enough(self, person: int) -> bool:
        found = [len(chosen) >= block.at_least for chosen, block in zip(self.got[person], self.blocks)]  # type: ignore[attr-defined] # noqa: B905
        return all(found) and any(self.got[person])

    def ask_all(self, people: Sequence[int]) -> None:
        """Fill all blocks of these people, block by block."""
        from recmail.recommend.blocks import fallback_block

        self.got = {person: [[] for _ in self.blocks] for person in people}
        for number, block in enumerate(self.blocks):
            for source in (block, *map(fallback_block, block.fallback)):  # type: ignore[attr-defined]
                offer = source.offer(self.plain.shard, self.plain.catalogue, self.plain.scorers)  # type: ignore[attr-defined]
                shape = len(self.plain.shard), len(self.plain.catalogue)
                while self.ask(number, source, np.broadcast_to(offer.score, shape)):
                    pass

    def ask(self, number: int, source: object, score: np.ndarray) -> bool:
        """Let everybody ask for what is left, and give what can be; tell whether anybody was refused."""
        block, claims = self.blocks[number], dict[int, list[int]]()
        for person, got in self.got.items():
            mine = list(got[number])
            for course in self.plain.ranking(source, person):
                elsewhere = any(course in chosen for chosen in got)
                full = self.left[course] == 0 or len(mine) == block.show  # type: ignore[attr-defined]
                if (
                    not elsewhere and not full and self.plain.fits(course, mine, block.variety.per_category)  # type: ignore[attr-defined]
                ):
                    mine.append(course)
                    claims.setdefault(course, []).append(person)
        refused = False
        for course, people in claims.items():
            drawn = {person: int(lot(SEED, np.array([person]), np.array([course]))[0]) for person in people}
            people.sort(key=lambda one: (-score[one, course], drawn[one], one))
            refused |= len(people) > self.left[course]
            for person in people[: self.left[course]]:
                self.got[person][number].append(course)
            self.left[course] -= min(len(people), self.left[course])
        return refused


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_equals_plain_loops(data: st.DataObject) -> None:
    shard, catalogue, blocks, scorers = random_case(data)
    limits = random_limits(data, catalogue)
    allocation = settle(shard, catalogue, blocks, limits, scorers=scorers)
    expected = Loops(Plain(shard, catalogue, scorers), blocks, limits).run()
    assert [[sorted(block) for block in one] for one in courses(allocation)] == [
        [sorted(block) for block in one] for one in expected
    ]


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_neither_shards_nor_their_order_nor_chunks_matter(data: st.DataObject) -> None:
    shard, catalogue, blocks, scorers = random_case(data)
    limits = random_limits(data, catalogue)
    whole = settle(shard, catalogue, blocks, limits, scorers=scorers)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(shard) - 1))))
    parts = data.draw(st.permutations([slice(*cut) for cut in pairwise((0, *cuts, len(shard)))]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claiming, "AT_ONCE", 2)
        patch.setattr(all_emails, "AT_ONCE", 3)
        patch.setattr(everybody, "AT_ONCE", 3)
        again = settle(shard, catalogue, blocks, limits, scorers=scorers, parts=parts)
    for mine, other in zip(whole.places, again.places, strict=True):
        assert np.array_equal(mine.course, other.course)
        assert np.array_equal(mine.score, other.score)
    assert whole.displaced.tolist() == again.displaced.tolist()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_slate_shows_what_was_settled_and_spares_nothing_that_is_counted(data: st.DataObject) -> None:
    shard, catalogue, blocks, scorers = random_case(data)
    limits = random_limits(data, catalogue)
    allocation = settle(shard, catalogue, blocks, limits, scorers=scorers)
    settled = Settled.of(allocation.places, 0, len(shard), allocation.closed)
    slate = fill(shard, catalogue, blocks, scorers, settled=settled)
    assert slate.enough.tolist() == allocation.mailed.tolist()
    for person in np.flatnonzero(allocation.mailed).tolist():
        assert shown(slate, person) == [block for block in courses(allocation)[person] if block]
        reserves = slate.reserves.loc[slate.reserves["person"] == person, "course_no"].tolist()
        assert not set(reserves) & set(np.flatnonzero(allocation.closed))
        assert not set(reserves) & {course for block in shown(slate, person) for course in block}


def test_what_may_not_be_shown_any_more_is_left_out() -> None:
    """Course 0 was given to both; person 1 has taken it since."""
    allocation = settle(nobody(2, 2), make_catalogue(2), [Popular(show=1)], 5)
    settled = Settled.of(allocation.places, 0, 2, allocation.closed)
    slate = fill(make_shard([[0, 0], [3, 0]]), make_catalogue(2), [Popular(show=1)], {}, settled=settled)
    assert (shown(slate, 0), shown(slate, 1)) == ([[0]], [])
    assert slate.enough.tolist() == [True, False]


def test_places_without_limits_are_those_of_a_slate() -> None:
    """Mixed blocks of 120 courses, most of them alike: what would be shown anyway is shown."""
    rng = np.random.default_rng(3)
    catalogue = make_catalogue(120, category_no=rng.integers(0, 6, 120))
    score = rng.random((40, 120))
    variety = Variety(mix=0.3, per_category=2, outside_usual=1)
    blocks = [Ranked.of(score, show=4, variety=variety), Popular(show=2)]
    shard = make_shard(rng.integers(0, 30, (40, 120)) == 0)
    allocation = settle(shard, catalogue, blocks, int(NO_LIMIT))
    slate = fill(shard, catalogue, blocks, {})
    assert courses(allocation) == [padded(slate, person, 2) for person in range(40)]
    first: Places = allocation.places[0]
    assert slate.shortfall["worth"].tolist()[0] == pytest.approx(first.worth.sum())
