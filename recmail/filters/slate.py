"""The slate: each person's blocks filled with courses that may be shown, none twice, all with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from recmail.filters import may_be_shown
from recmail.filters.best import Candidates, best
from recmail.filters.block_places import Places, table
from recmail.filters.mixing import POOL, Tastes, choose, pool
from recmail.filters.quota import below_quota, full_categories
from recmail.filters.shortfall import shortfall
from recmail.recommend import Scorer
from recmail.recommend.blocks import Block, Variety, fallback_block
from recmail.records import Catalogue, Offer, Shard, Slate

RESERVES = 2  # the next best of each block, for courses that close or are taken before sending


def fill(
    shard: Shard, catalogue: Catalogue, blocks: Sequence[object], scorers: Mapping[str, Scorer]
) -> Slate:
    """Fill the blocks top to bottom with what they offer and every filter allows.

    A block takes its own best courses first, then those of its fallbacks in their order, until it shows what
    it wants; no course appears twice in an email, and variety is that of the whole block. What one person
    gets does not depend on the others of the shard.

    Args:
        blocks: of the campaign, in order; those that offer no courses (text) stay empty.
        scorers: by name, as they were loaded.

    Raises:
        ModelError: a block needs a scorer that is not there.
    """
    courses = [block for block in blocks if isinstance(block, Block)]
    spare = sum(block.show + RESERVES for block in courses)  # two are left whatever the other blocks take
    varied = any(block.variety != Variety() for block in courses)
    filler = _Filler(shard, catalogue, scorers, Tastes.of(shard, catalogue) if varied else None)
    filled: list[Places] = []
    for number, block in enumerate(blocks):
        if isinstance(block, Block):
            places = Places.empty(number, block, people=len(shard), spare=spare)
            filler.fill(places, above=[other.shown for other in filled])
            filled.append(places)
    enough = _enough(filled, len(shard))
    return Slate(
        slots=table(places.rows(places.only_shown()) for places in filled),
        reserves=table(_reserves(filled, catalogue.category_no)),
        enough=enough,
        shortfall=shortfall(filled, enough, filler.tastes),
    )


def _enough(filled: Sequence[Places], people: int) -> np.ndarray:
    """Who has what every block insists on, and, where blocks offer courses, one course at least."""
    enough = np.ones(people, dtype=bool)
    anything = np.full(people, not filled)
    for places in filled:
        found = (places.shown >= 0).sum(axis=1)
        enough &= found >= min(places.block.at_least, places.block.show)
        anything |= found > 0
    enough &= anything
    return enough


class _Filler:
    """Fills the places of one block after the other; one offer is in memory at a time.

    Attributes:
        tastes: None when no block asks for variety.
    """

    def __init__(
        self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer], tastes: Tastes | None
    ) -> None:
        self.shard, self.catalogue, self.scorers, self.tastes = shard, catalogue, scorers, tastes

    def fill(self, places: Places, *, above: Sequence[np.ndarray]) -> None:
        """Fill one block from its own offer, then from its fallbacks.

        Args:
            above: what the blocks above show.
        """
        block = places.block
        for name, source in _sources(block):
            if (places.filled == places.size).all():
                return
            offer = source.offer(self.shard, self.catalogue, self.scorers)
            places.add_source(name, offer)
            allowed = may_be_shown(self.shard, self.catalogue, block=block, offer=offer, exempt=source.exempt)
            for shown in above:
                _forbid(allowed, shown)
            self._take(places, offer, allowed)

    def _take(self, places: Places, offer: Offer, allowed: np.ndarray) -> None:
        """Fill places from one offer, until all are full or nobody has a candidate left."""
        _forbid(allowed, places.course)
        variety, category_no = places.block.variety, self.catalogue.category_no
        active, depth = np.flatnonzero(places.filled < places.size), places.size
        if self.tastes is not None and variety != Variety():
            depth = max(depth, POOL)
        while len(active):
            _forbid_full(allowed, places, active, category_no)
            if self.tastes is not None and variety != Variety():
                candidates = pool(offer, allowed, active, depth, variety=variety, tastes=self.tastes)
                seen = candidates.course.copy()
                choose(places, candidates, active, variety=variety, tastes=self.tastes)
            else:
                candidates = best(offer, allowed, active, depth)
                seen = candidates.course
            _admit(places, candidates, active, category_no)
            # What was looked at is done with: it was admitted, or the quota that refused it stays full.
            looked_at = np.full((len(allowed), seen.shape[1]), -1, dtype=np.int64)
            looked_at[active] = seen
            _forbid(allowed, looked_at)
            active = active[candidates.more & (places.filled[active] < places.size)]
            depth *= 2


def _sources(block: Block) -> Iterator[tuple[str, Block]]:
    yield _plugin_name(type(block)), block
    for name in block.fallback:
        yield name, fallback_block(name)


def _plugin_name(block: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", block.__name__).lower()


def _forbid(allowed: np.ndarray, courses: np.ndarray) -> None:
    """Clear the given courses (people x any, -1 for none) in `allowed` (people x courses)."""
    people, places = np.nonzero(courses >= 0)
    allowed[people, courses[people, places]] = False


def _forbid_full(allowed: np.ndarray, places: Places, people: np.ndarray, category_no: np.ndarray) -> None:
    """Clear the categories that reached the quota, so that what is left of the ranking can be admitted."""
    per_category = places.block.variety.per_category
    if per_category is None:
        return
    chosen = _categories(places.shown[people], category_no)
    full = full_categories(chosen, int(category_no.max(initial=-1)) + 1, per_category)
    some = full.any(axis=1)
    allowed[people[some]] &= ~full[some][:, category_no]


def _categories(courses: np.ndarray, category_no: np.ndarray) -> np.ndarray:
    """Return the category of each course; -1 for an empty place."""
    categories: np.ndarray = np.append(category_no, np.int32(-1))[courses]
    return categories


def _admit(places: Places, candidates: Candidates, people: np.ndarray, category_no: np.ndarray) -> None:
    """Put candidates into the next free places, rank by rank, for all people at once."""
    show = places.block.show
    wanted_categories = _categories(candidates.course, category_no)
    chosen = _categories(places.shown[people], category_no)
    for rank in range(candidates.course.shape[1]):
        filled, wanted = places.filled[people], candidates.course[:, rank]
        fits = (wanted >= 0) & (filled < places.size)
        fits &= below_quota(chosen, wanted_categories[:, rank], places.block.variety.per_category)
        rows = np.flatnonzero(fits)
        places.put(people[rows], wanted[rows], candidates.score[rows, rank])
        visible = rows[filled[rows] < show]
        chosen[visible, filled[visible]] = wanted_categories[visible, rank]


def _reserves(filled: Sequence[Places], category_no: np.ndarray) -> Iterator[pd.DataFrame]:
    """Choose each block's reserves: nowhere in the email, and within the quota beside all that is shown."""
    if not filled:
        return
    used = np.hstack([places.shown for places in filled])
    for places in filled:
        per_category = places.block.variety.per_category
        kept = np.zeros(places.course.shape, dtype=bool)
        chosen = _categories(places.shown, category_no)
        for column in range(places.block.show, places.size):
            wanted = places.course[:, column]
            category = _categories(wanted, category_no)
            fits = (wanted >= 0) & (kept.sum(axis=1) < RESERVES)
            fits &= ~(used == wanted[:, np.newaxis]).any(axis=1)
            fits &= below_quota(chosen, category, per_category)
            kept[:, column] = fits
            chosen = np.column_stack([chosen, np.where(fits, category, -1)])
        used = np.hstack([used, np.where(kept, places.course, -1)])
        yield places.rows(kept)
