"""What became of every candidate of one person: shown where, dropped by which filter, displaced by what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recmail.filters import dropped_by
from recmail.filters.stages import Stage
from recmail.records import Catalogue, Offer, Shard, Slate

SHOWN, RESERVE, ABOVE, RANK = "shown", "reserve", "above", "rank"
FILTER, QUOTA, VARIETY, EXPOSURE, NOT_OFFERED = "filter", "quota", "variety", "exposure", "not_offered"


@dataclass(frozen=True)
class Asked:
    """An offer as it was when a block was filled from it.

    Attributes:
        score: of the Offer.
        dropped: what each filter by name does not let through: bool, people x courses, or 1.
    """

    stage: Stage
    is_fallback: bool
    score: np.ndarray
    dropped: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls, stage: Stage, shard: Shard, catalogue: Catalogue, offer: Offer, *, is_fallback: bool
    ) -> Asked:
        """Ask every filter by itself."""
        exempt = stage.source.exempt
        dropped = dropped_by(shard, catalogue, block=stage.block, offer=offer, exempt=exempt)
        return cls(stage, is_fallback, offer.score, dropped)


@dataclass(frozen=True)
class Fate:
    """What became of one course in one offer.

    Attributes:
        block: the block's index in the campaign.
        source: the plug-in whose offer it is.
        score: None where the offer does not have the course.
        outcome: shown; reserve (of any block); filter (`filters` drop it); above (a block above, or this one,
            shows it already); quota (its category is full); exposure (its limit was reached); variety
            (another one was chosen for the mix); rank (better ones were); not_offered.
        position: from 0 within the block, where it is shown.
        reason: what is printed beside it, where it is shown.
    """

    block: int
    source: str
    is_fallback: bool
    course_no: int
    score: float | None
    outcome: str
    filters: Sequence[str] = ()
    position: int | None = None
    reason: str | None = None


def fates(asked: Sequence[Asked], slate: Slate, catalogue: Catalogue, closed: np.ndarray) -> list[Fate]:
    """Tell what became of every course in every offer, for the only person of a slate.

    Args:
        asked: the offers, in the order in which they were asked.
        closed: bool, one for each course: its limit was reached.

    Returns:
        By offer; in each of them the best course first, those that it does not have last.
    """
    return [fate for one in asked for fate in _of_offer(one, slate, catalogue, closed)]


def _of_offer(asked: Asked, slate: Slate, catalogue: Catalogue, closed: np.ndarray) -> Iterator[Fate]:
    stage = asked.stage
    block = slate.slots[slate.slots["block"] == stage.number]
    above = slate.slots[slate.slots["block"] < stage.number]["course_no"]
    used_up = closed.copy()
    used_up[slate.slots["course_no"]] = False  # not by others, where a block below shows it to this person
    mine = block[block["source"] == stage.name].set_index("course_no")
    spare = slate.reserves["course_no"]
    categories = catalogue.category_no[block["course_no"]]
    lowest = mine["score"].min() if len(mine) else np.inf
    lowest = lowest if len(block) == stage.block.show else -np.inf  # with free places nothing was too low
    score = asked.score[0].astype(np.float64)
    for course_no in np.argsort(-score, kind="stable").tolist():
        category = catalogue.category_no[course_no]
        found: dict[str, Any] = {"outcome": RANK}
        filters = [name for name, dropped in asked.dropped.items() if dropped[0, course_no]]
        most = stage.block.variety.per_category
        if score[course_no] == -np.inf:
            found = {"outcome": NOT_OFFERED, "filters": filters}
        elif filters:
            found = {"outcome": FILTER, "filters": filters}
        elif course_no in mine.index:
            found = _shown(mine.loc[course_no])
        elif course_no in above.values or course_no in block["course_no"].values:
            found = {"outcome": ABOVE}
        elif score[course_no] >= lowest and stage.limited and used_up[course_no]:
            found = {"outcome": EXPOSURE}
        elif score[course_no] >= lowest and most and category >= 0 and (categories == category).sum() >= most:
            found = {"outcome": QUOTA}
        elif score[course_no] > lowest > -np.inf:
            found = {"outcome": VARIETY}
        elif course_no in spare.values:
            found = {"outcome": RESERVE}
        has = score[course_no] > -np.inf
        yield Fate(
            block=stage.number,
            source=stage.name,
            is_fallback=asked.is_fallback,
            course_no=course_no,
            score=float(score[course_no]) if has else None,
            **found,
        )


def _shown(row: pd.Series[Any]) -> dict[str, Any]:
    return {"outcome": SHOWN, "position": int(row["position"]), "reason": row["reason"] or None}
