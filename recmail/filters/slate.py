"""The slate: each person's blocks filled with courses that may be shown, none twice, all with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from recmail.filters import may_be_shown
from recmail.filters.best import Candidates, best
from recmail.filters.quota import below_quota, full_categories
from recmail.recommend import Block, Scorer, fallback_block
from recmail.records import SLOT_COLUMNS, Catalogue, Offer, Shard, Slate
from recmail.segment import Courses, courses_where

RESERVES = 2  # the next best of each block, for courses that close or are taken before sending

Reasons = Callable[[np.ndarray, np.ndarray], list[str]]


@dataclass
class _Places:
    """One block of all people: the places shown, then courses that may become reserves, best first.

    Attributes:
        block: its index in the campaign.
        show: the places shown; the columns from there on are spare.
        at_least: how few are no email.
        course: int64, people x (show + spare); -1 where empty.
        source: int8, the same shape: index in `sources`.
        filled: int64 per person.
    """

    block: int
    show: int
    at_least: int
    per_category: int | None
    course: np.ndarray
    score: np.ndarray
    source: np.ndarray
    filled: np.ndarray
    sources: list[tuple[str, Reasons]] = field(default_factory=list)

    @property
    def shown(self) -> np.ndarray:
        """The courses shown: people x show."""
        return self.course[:, : self.show]


def fill(
    shard: Shard, catalogue: Catalogue, blocks: Sequence[object], scorers: Mapping[str, Scorer]
) -> Slate:
    """Fill the blocks top to bottom with what they offer and every filter allows.

    A block takes its own best courses first, then those of its fallbacks in their order, until it shows what
    it wants; no course appears twice in an email, and the quota counts the whole block. What one person
    gets does not depend on the others of the shard.

    Args:
        blocks: of the campaign, in order; those that offer no courses (text) stay empty.
        scorers: by name, as they were loaded.

    Raises:
        ModelError: a block needs a scorer that is not there.
    """
    filled: list[_Places] = []
    spare = _spare([block for block in blocks if isinstance(block, Block)])
    for index, block in enumerate(blocks):
        if isinstance(block, Block):
            places = _empty(index, block, people=len(shard), spare=spare)
            _fill_block(places, block, shard, catalogue, scorers, [other.shown for other in filled])
            filled.append(places)
    slots = [_rows(places, _only_shown(places)) for places in filled]
    reserves = _table(_reserves(filled, catalogue.category_no))
    return Slate(_table(slots), reserves, _enough(filled, len(shard)))


def _enough(filled: Sequence[_Places], people: int) -> np.ndarray:
    """Who has what every block insists on, and, where blocks offer courses, one course at least."""
    enough = np.ones(people, dtype=bool)
    anything = np.full(people, not filled)
    for places in filled:
        found = (places.shown >= 0).sum(axis=1)
        enough &= found >= places.at_least
        anything |= found > 0
    enough &= anything
    return enough


def _spare(blocks: Sequence[Block]) -> int:
    """How many spare courses a block needs, so that two are left whatever the other blocks take of them."""
    return sum(block.show + RESERVES for block in blocks)


def _empty(index: int, block: Block, *, people: int, spare: int) -> _Places:
    shape = (people, block.show + spare)
    return _Places(
        block=index,
        show=block.show,
        at_least=min(block.at_least, block.show),
        per_category=block.variety.per_category,
        course=np.full(shape, -1, dtype=np.int64),
        score=np.full(shape, -np.inf, dtype=np.float32),
        source=np.zeros(shape, dtype=np.int8),
        filled=np.zeros(people, dtype=np.int64),
    )


def _fill_block(
    places: _Places,
    block: Block,
    shard: Shard,
    catalogue: Catalogue,
    scorers: Mapping[str, Scorer],
    above: list[np.ndarray],
) -> None:
    """Fill one block from its own offer, then from its fallbacks; one offer is in memory at a time."""
    for name, source in _sources(block):
        if (places.filled == places.course.shape[1]).all():
            return
        offer = source.offer(shard, catalogue, scorers)
        places.sources.append((name, offer.reasons))
        allowed = may_be_shown(shard, catalogue, offer)
        if block.where is not None:
            allowed &= courses_where(block.where, Courses.of_frame(catalogue.frame), shard.now)
        for shown in above:
            _forbid(allowed, shown)
        _take(places, offer, allowed, catalogue.category_no)


def _sources(block: Block) -> Iterator[tuple[str, Block]]:
    yield _plugin_name(type(block)), block
    for name in block.fallback:
        yield name, fallback_block(name)


def _only_shown(places: _Places) -> np.ndarray:
    kept: np.ndarray = places.course >= 0
    kept[:, places.show :] = False
    return kept


def _plugin_name(block: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", block.__name__).lower()


def _forbid(allowed: np.ndarray, courses: np.ndarray) -> None:
    """Clear the given courses (people x any, -1 for none) in `allowed` (people x courses)."""
    people, places = np.nonzero(courses >= 0)
    allowed[people, courses[people, places]] = False


def _take(places: _Places, offer: Offer, allowed: np.ndarray, category_no: np.ndarray) -> None:
    """Fill places from one offer, until all are full or nobody has a candidate left."""
    _forbid(allowed, places.course)
    size = places.course.shape[1]
    active, depth = np.flatnonzero(places.filled < size), size
    while len(active):
        _forbid_full(allowed, places, active, category_no)
        candidates = best(offer, allowed, active, depth)
        _admit(places, candidates, active, category_no)
        # What was looked at is done with: it was admitted, or the quota that refused it stays full.
        seen = np.full((len(allowed), depth), -1, dtype=np.int64)
        seen[active] = candidates.course
        _forbid(allowed, seen)
        active = active[candidates.more & (places.filled[active] < size)]
        depth *= 2


def _forbid_full(allowed: np.ndarray, places: _Places, people: np.ndarray, category_no: np.ndarray) -> None:
    """Clear the categories that reached the quota, so that what is left of the ranking can be admitted."""
    if places.per_category is None:
        return
    chosen = _categories(places.shown[people], category_no)
    full = full_categories(chosen, int(category_no.max(initial=-1)) + 1, places.per_category)
    some = full.any(axis=1)
    allowed[people[some]] &= ~full[some][:, category_no]


def _categories(courses: np.ndarray, category_no: np.ndarray) -> np.ndarray:
    """Return the category of each course; -1 for an empty place."""
    categories: np.ndarray = np.append(category_no, np.int32(-1))[courses]
    return categories


def _admit(places: _Places, candidates: Candidates, people: np.ndarray, category_no: np.ndarray) -> None:
    """Put candidates into the next free places, rank by rank, for all people at once."""
    size = places.course.shape[1]
    wanted_categories = _categories(candidates.course, category_no)
    chosen = _categories(places.shown[people], category_no)
    for rank in range(candidates.course.shape[1]):
        filled, wanted = places.filled[people], candidates.course[:, rank]
        fits = (wanted >= 0) & (filled < size)
        fits &= below_quota(chosen, wanted_categories[:, rank], places.per_category)
        rows = np.flatnonzero(fits)
        place = people[rows], filled[rows]
        places.course[place] = wanted[rows]
        places.score[place] = candidates.score[rows, rank]
        places.source[place] = len(places.sources) - 1
        places.filled[people[rows]] += 1
        visible = rows[filled[rows] < places.show]
        chosen[visible, filled[visible]] = wanted_categories[visible, rank]


def _reserves(filled: Sequence[_Places], category_no: np.ndarray) -> Iterator[pd.DataFrame]:
    """Choose each block's reserves: nowhere in the email, and within the quota beside all that is shown."""
    if not filled:
        return
    used = np.hstack([places.shown for places in filled])
    for places in filled:
        kept = np.zeros(places.course.shape, dtype=bool)
        chosen = _categories(places.shown, category_no)
        for column in range(places.show, places.course.shape[1]):
            wanted = places.course[:, column]
            category = _categories(wanted, category_no)
            fits = (wanted >= 0) & (kept.sum(axis=1) < RESERVES)
            fits &= ~(used == wanted[:, np.newaxis]).any(axis=1)
            fits &= below_quota(chosen, category, places.per_category)
            kept[:, column] = fits
            chosen = np.column_stack([chosen, np.where(fits, category, -1)])
        used = np.hstack([used, np.where(kept, places.course, -1)])
        yield _rows(places, kept)


def _rows(places: _Places, kept: np.ndarray) -> pd.DataFrame:
    """Return the chosen places of one block as SLOT_COLUMNS, with the reason of each."""
    person, column = np.nonzero(kept)
    place = person, column
    source, course = places.source[place], places.course[place]
    names = np.array([name for name, _ in places.sources], dtype=object)
    reason = np.full(len(person), "", dtype=object)
    for number, (_, reasons) in enumerate(places.sources):
        mine = source == number
        reason[mine] = reasons(person[mine], course[mine])
    return pd.DataFrame(
        {
            "person": person,
            "block": places.block,
            "position": (kept.cumsum(axis=1) - 1)[place],
            "course_no": course,
            "score": places.score[place].astype(np.float64),
            "source": names[source] if len(names) else names,
            "fallback": source > 0,
            "reason": reason,
        }
    )


def _table(blocks: Iterable[pd.DataFrame]) -> pd.DataFrame:
    empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in SLOT_COLUMNS.items()})
    rows = [block for block in blocks if len(block)]
    if not rows:
        return empty
    table = pd.concat(rows, ignore_index=True).astype(SLOT_COLUMNS)
    return table.sort_values(["person", "block", "position"], kind="stable", ignore_index=True)
