"""The slate, by hand on small catalogues, and against a plain loop over people on random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import PrivateAttr

from recmail.filters import may_be_shown
from recmail.filters.slate import RESERVES, fill
from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Variety
from recmail.recommend.blocks.popular import Popular
from recmail.recommend.blocks.text import Text
from recmail.recommend.blocks.top_picks import TopPicks
from recmail.records import SLOT_COLUMNS, Catalogue, Offer, Shard, Slate
from tests.shards import NOW, make_catalogue, make_shard, rows_of, small_svd


class Ranked(BlockOptions):
    """A block that offers what the test says: people x courses, or 1 x courses."""

    _score: np.ndarray = PrivateAttr()

    @classmethod
    def of(cls, score: object, **options: object) -> Ranked:
        block = cls.model_validate({"show": 2, **options})
        block._score = np.atleast_2d(np.array(score, dtype=np.float32))
        return block

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        personal = len(self._score) > 1
        score = self._score[shard.people["user_no"].to_numpy()] if personal else self._score
        return Offer(score, lambda rows, courses: [f"Course {course} fits" for course in courses], personal)


NONE = -np.inf


def priced(catalogue: Catalogue, minor: Sequence[int | None]) -> Catalogue:
    """The catalogue with prices in euro cents, None where there is none."""
    prices = {"price_minor": pd.Series(minor, dtype=object), "currency": "EUR"}
    return replace(catalogue, frame=catalogue.frame.assign(**prices))


def quota(per_category: int) -> Variety:
    return Variety(per_category=per_category)


def shown(slate: Slate, person: int = 0) -> list[list[int]]:
    """The courses of each block that shows any."""
    mine = slate.slots[slate.slots["person"] == person]
    return [block["course_no"].tolist() for _, block in mine.groupby("block")]


def reserved(slate: Slate, person: int = 0) -> list[list[int]]:
    mine = slate.reserves[slate.reserves["person"] == person]
    return [block["course_no"].tolist() for _, block in mine.groupby("block")]


def test_shows_the_best_that_is_not_taken_best_first() -> None:
    """Five courses scored 1, 5, 4, 3, 2; course 1 is taken: 2 and 3 are shown, 4 and 0 are kept."""
    shard = make_shard([[0, 3, 0, 0, 0]])
    slate = fill(shard, make_catalogue(5), [Ranked.of([[1, 5, 4, 3, 2]])], {})
    assert shown(slate) == [[2, 3]]
    assert reserved(slate) == [[4, 0]]
    assert slate.enough.tolist() == [True]


def test_equal_scores_are_ordered_by_course_no() -> None:
    slate = fill(make_shard([[0] * 30]), make_catalogue(30), [Ranked.of([[7] * 30], show=3)], {})
    assert shown(slate) == [[0, 1, 2]]
    assert reserved(slate) == [[3, 4]]


def test_no_course_is_in_two_blocks() -> None:
    blocks = [Ranked.of([5, 4, 3, 2, 1, 0]), Ranked.of([5, 4, 3, 2, 1, 0])]
    slate = fill(make_shard([[0] * 6]), make_catalogue(6), blocks, {})
    assert shown(slate) == [[0, 1], [2, 3]]
    assert reserved(slate) == [[4, 5]]  # the first block's; for the second nothing is left


def test_a_reserve_is_not_shown_elsewhere_and_not_twice() -> None:
    blocks = [Ranked.of(range(9, 0, -1), show=1), Ranked.of(range(9, 0, -1), show=2)]
    slate = fill(make_shard([[0] * 9]), make_catalogue(9), blocks, {})
    assert shown(slate) == [[0], [1, 2]]
    assert reserved(slate) == [[3, 4], [5, 6]]


def test_quota_allows_two_courses_per_category() -> None:
    """A maths 5.0, B maths 4.9, C maths 4.8, D art 4.0: three places, at most two of maths."""
    catalogue = make_catalogue(4, category_no=[0, 0, 0, 1])
    slate = fill(
        make_shard([[0] * 4]), catalogue, [Ranked.of([5.0, 4.9, 4.8, 4.0], show=3, variety=quota(2))], {}
    )
    assert shown(slate) == [[0, 1, 3]]
    assert reserved(slate) == []


def test_quota_does_not_limit_courses_without_a_category() -> None:
    catalogue = make_catalogue(4, category_no=[-1, -1, -1, 0])
    slate = fill(make_shard([[0] * 4]), catalogue, [Ranked.of([4, 3, 2, 1], show=3, variety=quota(1))], {})
    assert shown(slate) == [[0, 1, 2]]


def test_quota_counts_the_fallback_too() -> None:
    """The block has only course 0 (maths); popular would add 1 (maths), but may add 2 (art)."""
    catalogue = make_catalogue(3, category_no=[0, 0, 1], enrolled_90d=[1, 9, 5])
    block = Ranked.of([1, NONE, NONE], show=2, variety=quota(1), fallback=["popular"])
    slate = fill(make_shard([[0] * 3]), catalogue, [block], {})
    assert shown(slate) == [[0, 2]]


def test_quota_digs_as_deep_as_it_takes() -> None:
    """300 courses of one category lead the ranking; the only other one is the last."""
    catalogue = make_catalogue(301, category_no=[0] * 300 + [1])
    slate = fill(make_shard([[0] * 301]), catalogue, [Ranked.of(range(301, 0, -1), variety=quota(1))], {})
    assert shown(slate) == [[0, 300]]


def test_where_is_met_by_every_course_of_the_block_and_of_its_fallbacks_but_not_by_other_blocks() -> None:
    """Free are 0 and 4; the first block wants free ones, and popular's own favourites (1, 2) are not."""
    catalogue = priced(make_catalogue(5, enrolled_90d=[1, 9, 8, 3, 2]), [0, 100, 100, None, 0])
    block = Ranked.of([1, 5, 4, 3, NONE], show=3, where="price == 0", fallback=["popular"])
    slate = fill(make_shard([[0] * 5]), catalogue, [block, Popular(show=1)], {})
    assert shown(slate) == [[0, 4], [1]]
    assert reserved(slate) == [[2, 3]]  # the second block's


def test_where_is_asked_as_of_the_shards_now() -> None:
    soon, later = (pd.Timestamp(NOW) + pd.Timedelta(days=days) for days in (7, 8))
    catalogue = make_catalogue(3, closes_at=[later, soon, None])
    block = Ranked.of([3, 2, 1], where="closes within 7d")
    assert shown(fill(make_shard([[0] * 3]), catalogue, [block], {})) == [[1]]


def test_fallbacks_fill_up_in_their_order_and_are_marked() -> None:
    """Course 2 from the block, then popular: 1 (9 learners), then 0 (4)."""
    catalogue = make_catalogue(3, enrolled_90d=[4, 9, 1])
    block = Ranked.of([NONE, NONE, 1], show=3, fallback=["popular"])
    slate = fill(make_shard([[0] * 3]), catalogue, [block], {})
    rows = slate.slots[["position", "course_no", "source", "fallback", "reason"]].to_numpy().tolist()
    assert rows == [
        [0, 2, "ranked", False, "Course 2 fits"],
        [1, 1, "popular", True, "9 learners joined in 90 days"],
        [2, 0, "popular", True, "4 learners joined in 90 days"],
    ]


def test_at_least_counts_the_fallback() -> None:
    block = Ranked.of([NONE, NONE, NONE], show=3, at_least=2, fallback=["popular"])
    taken = [[False, False, True], [False, True, True]]
    slate = fill(make_shard(np.zeros((2, 3)), taken=taken), make_catalogue(3), [block], {})
    assert shown(slate, 0) == [[0, 1]]
    assert shown(slate, 1) == [[0]]
    assert slate.enough.tolist() == [True, False]


def test_every_block_that_insists_must_have_enough() -> None:
    blocks = [Ranked.of([3, 2, 1], show=2, at_least=2), Ranked.of([3, 2, 1], show=2, at_least=2)]
    slate = fill(make_shard([[0] * 3]), make_catalogue(3), blocks, {})
    assert slate.enough.tolist() == [False]


def test_a_block_that_does_not_insist_is_left_out_when_empty() -> None:
    blocks = [Ranked.of([NONE, NONE, NONE]), Ranked.of([3, 2, 1])]
    slate = fill(make_shard([[0] * 3]), make_catalogue(3), blocks, {})
    assert slate.slots["block"].tolist() == [1, 1]
    assert slate.enough.tolist() == [True]


def test_no_course_at_all_is_not_enough_though_no_block_insists() -> None:
    """Person 0 may be shown course 1; person 1 took both; nobody is shown any of an empty catalogue."""
    blocks = [Ranked.of([2, 1]), Text(text="Hello"), Ranked.of([1, 2])]
    taken = [[True, False], [True, True]]
    slate = fill(make_shard(np.zeros((2, 2)), taken=taken), make_catalogue(2), blocks, {})
    assert slate.enough.tolist() == [True, False]
    nothing = fill(make_shard(np.zeros((1, 0))), make_catalogue(0), [Popular(show=20)], {})
    assert nothing.enough.tolist() == [False]


def test_text_keeps_its_index_and_shows_no_course() -> None:
    blocks = [Text(text="Hello"), Ranked.of([3, 2, 1]), Text(text="Bye")]
    slate = fill(make_shard([[0] * 3]), make_catalogue(3), blocks, {})
    assert slate.slots["block"].tolist() == [1, 1]
    assert slate.enough.tolist() == [True]


def test_ten_courses_and_a_request_for_twenty() -> None:
    block = Ranked.of(range(10), show=20, at_least=10)
    slate = fill(make_shard([[0] * 10]), make_catalogue(10), [block], {})
    assert shown(slate) == [[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]
    assert slate.enough.tolist() == [True]
    assert len(slate.reserves) == 0


def test_nobody_and_nothing_are_no_errors() -> None:
    nobody = rows_of(make_shard([[0] * 3]), slice(0, 0))
    slate = fill(nobody, make_catalogue(3), [Popular()], {})
    assert (len(slate.slots), len(slate.reserves), len(slate.enough)) == (0, 0, 0)
    nothing = fill(make_shard(np.zeros((1, 0))), make_catalogue(0), [Popular(at_least=1)], {})
    assert nothing.enough.tolist() == [False]
    assert fill(make_shard([[0]]), make_catalogue(1), [Text(text="Hello")], {}).enough.tolist() == [True]


def test_tables_have_the_agreed_columns() -> None:
    for slate in (
        fill(make_shard([[0] * 5]), make_catalogue(5), [Popular()], {}),
        fill(make_shard([[0] * 5]), make_catalogue(5), [Text(text="Hello")], {}),
    ):
        for table in (slate.slots, slate.reserves):
            assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
                name: str(pd.Series(dtype=dtype).dtype) for name, dtype in SLOT_COLUMNS.items()
            }


def test_who_switched_personalization_off_gets_the_fallback_only() -> None:
    shard = make_shard(np.zeros((2, 3)), personalization=[True, False])
    block = Ranked.of([[3, 2, 1], [3, 2, 1]], fallback=["popular"])
    slate = fill(shard, make_catalogue(3, enrolled_90d=[0, 0, 5]), [block], {})
    assert slate.slots["source"].tolist() == ["ranked", "ranked", "popular", "popular"]
    assert shown(slate, 1) == [[2, 0]]


def test_a_newcomer_gets_popular_courses_and_a_learner_the_models() -> None:
    table = np.zeros((2, 12))
    table[0, [0, 1]] = 3
    svd = small_svd()
    slate = fill(
        make_shard(table), make_catalogue(12, enrolled_90d=range(12)), [TopPicks()], {"auto": svd, "svd": svd}
    )
    assert sorted(shown(slate, 0)[0]) == [2, 3, 4]
    assert shown(slate, 1) == [[11, 10, 9]]
    assert slate.slots["fallback"].tolist() == [False] * 3 + [True] * 3
    named = {"Because you took Course 0", "Because you took Course 1"}
    assert set(slate.slots["reason"][:3]) <= {*named, "Chosen from the 2 courses you took"}


def random_blocks(data: st.DataObject, people: int, courses: int) -> list[object]:
    scores = st.sampled_from([NONE, 0.0, 0.5, 1.0, 1.5, 2.0])
    blocks: list[object] = []
    for _ in range(data.draw(st.integers(1, 3))):
        rows = data.draw(st.sampled_from([1, people]))
        show = data.draw(st.integers(1, 4))
        blocks.append(
            Ranked.of(
                data.draw(arrays.arrays(np.float32, (rows, courses), elements=scores)),
                show=show,
                at_least=data.draw(st.integers(0, show)),
                fallback=data.draw(st.sampled_from([[], ["popular"], ["popular", "top_picks"]])),
                variety=Variety(per_category=data.draw(st.sampled_from([None, 1, 2]))),
            )
        )
    return blocks


def random_case(data: st.DataObject) -> tuple[Shard, Catalogue, list[object], dict[str, Scorer]]:
    # Two people and more: a table of one row is the same for all.
    people, courses = data.draw(st.integers(2, 5)), data.draw(st.sampled_from([1, 6, 12]))
    flags = arrays.arrays(bool, (people, courses), elements=st.sampled_from([False, False, True]))
    taken = data.draw(flags)
    shard = make_shard(
        taken * 3.0,
        taken=taken,
        personalization=data.draw(st.lists(st.booleans(), min_size=people, max_size=people)),
    )
    numbers = st.lists(st.integers(0, 3), min_size=courses, max_size=courses)
    catalogue = make_catalogue(
        courses,
        category_no=data.draw(st.lists(st.integers(-1, 2), min_size=courses, max_size=courses)),
        enrolled=data.draw(numbers),
        enrolled_90d=data.draw(numbers),
    )
    svd = small_svd()
    return shard, catalogue, random_blocks(data, people, courses), {"svd": svd, "auto": svd}


class Plain:
    """The slate of one person at a time, in plain loops."""

    def __init__(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> None:
        self.shard, self.catalogue, self.scorers = shard, catalogue, scorers

    def ranking(self, block: object, person: int) -> list[int]:
        offer = block.offer(self.shard, self.catalogue, self.scorers)  # type: ignore[attr-defined]
        score = np.broadcast_to(offer.score, (len(self.shard), len(self.catalogue)))[person]
        may = may_be_shown(self.shard, self.catalogue, block=block, offer=offer)[person]  # type: ignore[arg-type]
        return [int(c) for c in np.argsort(-score, kind="stable") if may[c] and score[c] > -np.inf]

    def fits(self, course: int, chosen: Sequence[int], per_category: int | None) -> bool:
        category = self.catalogue.category_no[course]
        same = sum(self.catalogue.category_no[other] == category for other in chosen)
        return per_category is None or category == -1 or same < per_category

    def shown(self, blocks: Sequence[object], person: int) -> list[list[int]]:
        used: set[int] = set()
        found = []
        for block in blocks:
            chosen: list[int] = []
            names = {"popular": Popular(), "top_picks": TopPicks()}
            for source in (block, *(names[name] for name in block.fallback)):  # type: ignore[attr-defined]
                for course in self.ranking(source, person):
                    new = course not in used and len(chosen) < block.show  # type: ignore[attr-defined]
                    if new and self.fits(course, chosen, block.variety.per_category):  # type: ignore[attr-defined]
                        chosen.append(course)
                        used.add(course)
            found.append(chosen)
        return found


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_a_plain_loop_over_people(data: st.DataObject) -> None:
    shard, catalogue, blocks, scorers = random_case(data)
    slate = fill(shard, catalogue, blocks, scorers)
    plain = Plain(shard, catalogue, scorers)
    for person in range(len(shard)):
        expected = plain.shown(blocks, person)
        assert shown(slate, person) == [courses for courses in expected if courses]
        enough = all(len(courses) >= block.at_least for courses, block in zip(expected, blocks, strict=True))
        assert slate.enough[person] == (enough and any(expected))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_reserves_may_stand_in_for_any_course_of_their_block(data: st.DataObject) -> None:
    shard, catalogue, blocks, scorers = random_case(data)
    slate = fill(shard, catalogue, blocks, scorers)
    for person in range(len(shard)):
        mine = [table[table["person"] == person] for table in (slate.slots, slate.reserves)]
        everything = pd.concat(mine)
        assert everything["course_no"].is_unique
        assert not shard.taken.toarray()[person, everything["course_no"]].any()
        for number, rows in everything.groupby("block"):
            per_category = blocks[number].variety.per_category  # type: ignore[attr-defined]
            categories = catalogue.category_no[rows["course_no"]]
            assert (
                per_category is None
                or np.bincount(categories[categories >= 0]).max(initial=0) <= per_category
            )
        assert (mine[1].groupby("block").size() <= RESERVES).all()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_without_a_quota_reserves_are_missing_only_when_nothing_is_left(data: st.DataObject) -> None:
    shard, catalogue, blocks, scorers = random_case(data)
    blocks = [block.model_copy(update={"variety": Variety()}) for block in blocks]  # type: ignore[attr-defined]
    slate = fill(shard, catalogue, blocks, scorers)
    plain = Plain(shard, catalogue, scorers)
    for person in range(len(shard)):
        mine = slate.reserves[slate.reserves["person"] == person]
        used = {course for courses in shown(slate, person) for course in courses}
        for number, block in enumerate(blocks):
            found = mine.loc[mine["block"] == number, "course_no"].tolist()
            names = {"popular": Popular(), "top_picks": TopPicks()}
            sources = [block, *(names[name] for name in block.fallback)]  # type: ignore[attr-defined]
            ranked = [course for source in sources for course in plain.ranking(source, person)]
            left = [course for course in dict.fromkeys(ranked) if course not in used]
            assert found == left[:RESERVES]
            used.update(found)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_shard_does_not_matter(data: st.DataObject) -> None:
    shard, catalogue, blocks, scorers = random_case(data)
    whole = fill(shard, catalogue, blocks, scorers)
    cut = data.draw(st.integers(0, len(shard)))
    first, second = (
        fill(rows_of(shard, rows), catalogue, blocks, scorers) for rows in (slice(0, cut), slice(cut, None))
    )
    for name in ("slots", "reserves"):
        moved = getattr(second, name).assign(person=lambda rows: rows["person"] + cut)
        parts = pd.concat([getattr(first, name), moved], ignore_index=True)
        pd.testing.assert_frame_equal(parts, getattr(whole, name), check_dtype=len(parts) > 0)
    assert [*first.enough, *second.enough] == whole.enough.tolist()
