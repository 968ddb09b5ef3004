"""The block `trending_now`: what more people take than usual; needs no model and no history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
from pydantic import Field

from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Words
from recmail.recommend.words import learners
from recmail.records import Catalogue, Offer, Shard

_BEFORE_DAYS = 90 - 14
_SETTLED = timedelta(days=28)  # a younger course has no usual to compare with
_FEW = 3  # so many are no trend


class TrendingNow(BlockOptions):
    """The courses whose enrolments of the last 14 days stand out most from those of the weeks before."""

    title: Words | None = Field("Trending now", description="The heading over the courses")

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer what rose, by how unlikely the rise would be by chance; the same to everybody."""
        lately, usual = catalogue.enrolled_14d, _usual(catalogue, shard)
        # Counts of independent people scatter by the square root of what is expected.
        rise = (lately - usual) / np.sqrt(usual + 1)
        risen = (lately >= _FEW) & (rise >= 1)  # False where there is no usual
        score = np.where(risen, rise, -np.inf).astype(np.float32)[np.newaxis]

        def reasons(_people: np.ndarray, courses: np.ndarray) -> list[str]:
            return [
                f"{learners(int(now))} joined in 14 days, {_about(before)}"
                for now, before in zip(lately[courses], usual[courses], strict=True)
            ]

        return Offer(score=score, reasons=reasons, personal=False)


def _usual(catalogue: Catalogue, shard: Shard) -> np.ndarray:
    """Return how many enrolled per 14 days in the 76 days before; NaN for what is too young."""
    age = (shard.now - catalogue.frame["published_at"]).dt.total_seconds() / 86_400
    days = np.clip(np.nan_to_num(age.to_numpy(), nan=np.inf) - 14, 0, _BEFORE_DAYS)
    days[days < _SETTLED.days - 14] = np.nan
    usual: np.ndarray = np.maximum(catalogue.enrolled_90d - catalogue.enrolled_14d, 0) * 14 / days
    return usual


def _about(usual: float) -> str:
    return f"usually about {usual:.0f}" if usual >= 0.5 else "hardly any before"
