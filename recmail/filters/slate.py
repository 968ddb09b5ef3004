"""The slate: each person's blocks filled with courses that may be shown, none twice, all with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from recmail.filters import may_be_shown
from recmail.filters.admission import admit, categories_of, forbid, forbid_full
from recmail.filters.best import best
from recmail.filters.block_places import RESERVES, Places, enough, spare_places, table
from recmail.filters.fates import Asked
from recmail.filters.mixing import POOL, Tastes, choose, pool
from recmail.filters.quota import below_quota
from recmail.filters.settling import Settled, SettledBlock
from recmail.filters.shortfall import shortfall
from recmail.filters.stages import stages
from recmail.filters.wishing import is_varied
from recmail.recommend import Scorer
from recmail.recommend.blocks import Block, Variety
from recmail.records import Catalogue, Offer, Shard, Slate


def fill(
    shard: Shard,
    catalogue: Catalogue,
    blocks: Sequence[object],
    scorers: Mapping[str, Scorer],
    *,
    settled: Settled | None = None,
    asked: list[Asked] | None = None,
) -> Slate:
    """Fill the blocks top to bottom with what they offer and every filter allows.

    A block takes its own best courses first, then those of its fallbacks in their order, until it shows what
    it wants; no course appears twice in an email, and variety is that of the whole block. What one person
    gets does not depend on the others of the shard.

    Args:
        blocks: of the campaign, in order; those that offer no courses (text) stay empty.
        scorers: by name, as they were loaded.
        settled: what is shown, where the whole audience decides it; reasons and reserves are found to it.
        asked: takes down what every offer and filter said, for telling somebody why.

    Raises:
        ModelError: a block needs a scorer that is not there.
    """
    spare = spare_places(block for block in blocks if isinstance(block, Block))
    tastes = Tastes.of(shard, catalogue) if is_varied(blocks) else None
    filler = _Filler(shard, catalogue, scorers, tastes, settled, asked)
    filled: list[Places] = []
    for number, block in enumerate(blocks):
        if isinstance(block, Block):
            places = Places.empty(number, block, people=len(shard), spare=spare)
            filler.fill(places, above=[other.shown for other in filled])
            filled.append(places)
    has_enough = enough(filled, np.arange(len(shard)))
    return Slate(
        slots=table(places.rows(places.only_shown()) for places in filled),
        reserves=table(_reserves(filled, catalogue.category_no)),
        enough=has_enough,
        shortfall=shortfall(filled, has_enough, filler.tastes),
    )


class _Filler:
    """Fills the places of one block after the other; one offer is in memory at a time.

    Attributes:
        tastes: None when no block asks for variety.
    """

    def __init__(
        self,
        shard: Shard,
        catalogue: Catalogue,
        scorers: Mapping[str, Scorer],
        tastes: Tastes | None,
        settled: Settled | None,
        asked: list[Asked] | None,
    ) -> None:
        self.shard, self.catalogue, self.scorers, self.tastes = shard, catalogue, scorers, tastes
        self.settled, self.asked = settled, asked

    def fill(self, places: Places, *, above: Sequence[np.ndarray]) -> None:
        """Fill one block from its own offer, then from its fallbacks.

        Args:
            above: what the blocks above show.
        """
        given = self._given(places)
        for number, stage in enumerate(stages(places.number, places.block)):
            if (places.filled == places.size).all() and not (given.source >= number).any():
                return
            offer = stage.source.offer(self.shard, self.catalogue, self.scorers)
            places.add_source(stage.name, offer)
            exempt = stage.source.exempt
            allowed = may_be_shown(self.shard, self.catalogue, block=places.block, offer=offer, exempt=exempt)
            if self.asked is not None:
                shard, catalogue = self.shard, self.catalogue
                self.asked.append(Asked.of(stage, shard, catalogue, offer, is_fallback=number > 0))
            for shown in above:
                forbid(allowed, shown)
            if self.settled is None:
                self._take(places, offer, allowed, varied=places.block.variety != Variety())
                continue
            _show_given(places, given, offer, allowed)
            forbid(allowed, given.course)
            allowed &= ~self.settled.not_spare
            self._take(places, offer, allowed, varied=False)

    def _given(self, places: Places) -> SettledBlock:
        """Return what the whole audience settled of a block; nothing where that is not asked."""
        if self.settled is None:
            return SettledBlock.none()
        given = self.settled.of_block(places.number, self.shard.people["user_no"].to_numpy())
        places.filled[:] = places.block.show  # what is taken besides is spare
        places.ideal[:], places.worth[:] = given.ideal, given.worth
        return given

    def _take(self, places: Places, offer: Offer, allowed: np.ndarray, *, varied: bool) -> None:
        """Fill places from one offer, until all are full or nobody has a candidate left."""
        forbid(allowed, places.course)
        variety, category_no = places.block.variety, self.catalogue.category_no
        active, depth = np.flatnonzero(places.filled < places.size), places.size
        if varied:
            depth = max(depth, POOL)
        while len(active):
            forbid_full(allowed, places, active, category_no)
            if self.tastes is not None and varied:
                candidates = pool(offer, allowed, active, depth, variety=variety, tastes=self.tastes)
                seen = candidates.course.copy()
                choose(places, candidates, active, variety=variety, tastes=self.tastes)
            else:
                candidates = best(offer, allowed, active, depth)
                seen = candidates.course
            admit(places, candidates, active, category_no)
            # What was looked at is done with: it was admitted, or the quota that refused it stays full.
            looked_at = np.full((len(allowed), seen.shape[1]), -1, dtype=np.int64)
            looked_at[active] = seen
            forbid(allowed, looked_at)
            active = active[candidates.more & (places.filled[active] < places.size)]
            depth *= 2


def _show_given(places: Places, given: SettledBlock, offer: Offer, allowed: np.ndarray) -> None:
    """Show what was given from this offer, except what may not be shown any more since it was settled."""
    rows, columns = np.nonzero((given.source == len(places.sources) - 1) & (given.course >= 0))
    courses = given.course[rows, columns]
    score = offer.score[rows if len(offer.score) > 1 else np.zeros_like(rows), courses]
    kept = allowed[rows, courses] & (score > -np.inf)
    place = rows[kept], columns[kept]
    places.course[place], places.score[place] = courses[kept], given.score[place]
    places.source[place] = given.source[place]


def _reserves(filled: Sequence[Places], category_no: np.ndarray) -> Iterator[pd.DataFrame]:
    """Choose each block's reserves: nowhere in the email, and within the quota beside all that is shown."""
    if not filled:
        return
    used = np.hstack([places.shown for places in filled])
    for places in filled:
        per_category = places.block.variety.per_category
        kept = np.zeros(places.course.shape, dtype=bool)
        chosen = categories_of(places.shown, category_no)
        for column in range(places.block.show, places.size):
            wanted = places.course[:, column]
            category = categories_of(wanted, category_no)
            fits = (wanted >= 0) & (kept.sum(axis=1) < RESERVES)
            fits &= ~(used == wanted[:, np.newaxis]).any(axis=1)
            fits &= below_quota(chosen, category, per_category)
            kept[:, column] = fits
            chosen = np.column_stack([chosen, np.where(fits, category, -1)])
        used = np.hstack([used, np.where(kept, places.course, -1)])
        yield places.rows(kept)
