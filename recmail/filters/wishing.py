"""What the people of a shard would be shown, and what next, before anybody knows what others want."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recmail.filters import may_be_shown
from recmail.filters.admission import categories_of
from recmail.filters.best import Candidates, best
from recmail.filters.mixing import POOL, Tastes, at_any_depth, pool
from recmail.filters.quota import full_categories
from recmail.filters.stages import Stage, all_stages
from recmail.recommend import Scorer
from recmail.recommend.blocks import Block, Variety
from recmail.records import Catalogue, Offer, Shard


@dataclass(frozen=True)
class Ranked:
    """The candidates that one stage has for some people, best first, with nothing of other blocks left out.

    After them may stand some from further down, which the variety of the block needs.

    Attributes:
        course: int32, people x any; -1 where there are no more.
        score: float32, the same shape.
    """

    course: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Wishes:
    """Of the people of a shard who may be mailed.

    Attributes:
        user_no: int64.
        ranked: one for each stage of the campaign, in order.
        unusual: as in Tastes; None when no block asks for variety.
    """

    user_no: np.ndarray
    ranked: Sequence[Ranked]
    unusual: np.ndarray | None


def wishes(
    shard: Shard, catalogue: Catalogue, blocks: Sequence[object], scorers: Mapping[str, Scorer], *, depth: int
) -> Wishes:
    """Rank what every block and every fallback offers the people of a shard and every filter allows.

    Args:
        depth: candidates beyond those shown, as `how_deep` says.

    Raises:
        ModelError: a block needs a scorer that is not there.
    """
    tastes = Tastes.of(shard, catalogue) if is_varied(blocks) else None
    ranked = [_ranked(stage, shard, catalogue, scorers, tastes, depth) for stage in all_stages(blocks)]
    unusual = None if tastes is None else tastes.unusual
    return Wishes(shard.people["user_no"].to_numpy(np.int64), ranked, unusual)


def is_varied(blocks: Sequence[object]) -> bool:
    """Tell whether any block asks for variety."""
    return any(block.variety != Variety() for block in blocks if isinstance(block, Block))


def widths(stage: Stage, depth: int) -> tuple[int, int]:
    """Return how many candidates of a stage are its best ones, and how many there are room for."""
    variety, show = stage.block.variety, stage.block.show
    first = show + depth if variety == Variety() else max(show + depth, POOL)
    quota = 0 if variety.per_category is None else show
    return first, first + quota + from_further_down(variety)


def from_further_down(variety: Variety) -> int:
    """Return how many candidates, the last ones, are there because the block must have such."""
    return variety.outside_usual + variety.new_releases


def _ranked(
    stage: Stage,
    shard: Shard,
    catalogue: Catalogue,
    scorers: Mapping[str, Scorer],
    tastes: Tastes | None,
    depth: int,
) -> Ranked:
    offer = stage.source.offer(shard, catalogue, scorers)
    allowed = may_be_shown(shard, catalogue, block=stage.block, offer=offer, exempt=stage.source.exempt)
    first, room = widths(stage, depth)
    everybody, variety = np.arange(len(shard)), stage.block.variety
    if tastes is not None and variety != Variety():
        found = pool(offer, allowed, everybody, first, variety=variety, tastes=tastes)
    else:
        found = best(offer, allowed, everybody, first)
    course = np.full((len(shard), room), -1, dtype=np.int32)
    score = np.full((len(shard), room), -np.inf, dtype=np.float32)
    needed = room - from_further_down(variety)
    course[:, :first], score[:, :first] = found.course[:, :first], found.score[:, :first]
    course[:, needed:], score[:, needed:] = found.course[:, first:], found.score[:, first:]
    rows = _short_of_categories(found, stage.block, catalogue.category_no)
    if len(rows):
        more = _of_other_categories(offer, allowed, rows, found.course[rows], stage.block, catalogue)
        course[rows, first:needed], score[rows, first:needed] = more.course, more.score
    return Ranked(course, score)


def _short_of_categories(found: Candidates, block: Block, category_no: np.ndarray) -> np.ndarray:
    """Return the people whose candidates cannot fill the block within the quota although there are more."""
    if block.variety.per_category is None:
        return np.zeros(0, dtype=np.int64)
    counts = _counts(found.course, category_no)
    counts[:, :-1] = np.minimum(counts[:, :-1], block.variety.per_category)
    short: np.ndarray = np.flatnonzero(found.more & (counts.sum(axis=1) < block.show))
    return short


def _counts(course: np.ndarray, category_no: np.ndarray) -> np.ndarray:
    """Return how many courses of each category everybody has: people x (categories + 1), the last: none."""
    categories = int(category_no.max(initial=-1)) + 1
    people, places = np.nonzero(course >= 0)
    category = category_no[course[people, places]] % (categories + 1)
    counts = np.bincount(people * (categories + 1) + category, minlength=len(course) * (categories + 1))
    return counts.reshape(len(course), categories + 1)


def _of_other_categories(
    offer: Offer,
    allowed: np.ndarray,
    rows: np.ndarray,
    seen: np.ndarray,
    block: Block,
    catalogue: Catalogue,
) -> Candidates:
    """Return the best of the categories that these people's candidates do not fill yet, at any depth."""
    category_no = catalogue.category_no
    categories = int(category_no.max(initial=-1)) + 1
    full = full_categories(categories_of(seen, category_no), categories, block.variety.per_category)
    others = allowed.copy()
    others[rows] &= ~full[:, category_no]
    people, places = np.nonzero(seen >= 0)
    others[rows[people], seen[people, places]] = False
    return at_any_depth(offer, others, rows, block.show)
