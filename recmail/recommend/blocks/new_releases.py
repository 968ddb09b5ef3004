"""The block `new_releases`: what came out lately, the person's own categories first; needs no model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Within, Words
from recmail.recommend.categories import interest
from recmail.recommend.releases import published_within
from recmail.recommend.words import day
from recmail.records import Catalogue, Offer, Shard


class NewReleases(BlockOptions):
    """Courses that were published lately, those of the person's categories first, then the newest."""

    title: Words | None = Field("New courses", description="The heading over the courses")
    within: Within = Field("30d", validate_default=True, description="How recently they were published")

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer what is new, to people without a history the newest first."""
        new = np.flatnonzero(published_within(catalogue, shard.now, self.within))
        published = catalogue.frame["published_at"]
        newest = np.empty(len(catalogue), dtype=np.float32)
        newest[new[np.argsort(published.to_numpy()[new], kind="stable")]] = np.arange(len(new))
        known = interest(shard, catalogue) > 0
        known = np.column_stack([known, np.zeros(len(shard), dtype=bool)])  # the last: no category
        score = np.full((len(shard), len(catalogue)), -np.inf, dtype=np.float32)
        score[:, new] = newest[new] + len(catalogue) * known[:, catalogue.category_no[new]]

        def reasons(_people: np.ndarray, courses: np.ndarray) -> list[str]:
            return [f"New since {day(at)}" for at in published.iloc[courses]]

        return Offer(score=score, reasons=reasons, personal=False)
