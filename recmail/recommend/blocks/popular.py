"""The block `popular`: what most people took lately; needs no model and no history."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Words
from recmail.recommend.popularity import popularity_offer
from recmail.records import Catalogue, Offer, Shard


class Popular(BlockOptions):
    """The courses with the most enrolments in 90 days."""

    title: Words | None = Field("Popular right now", description="The heading over the courses")

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer every course, the same to everybody."""
        return popularity_offer(catalogue)
