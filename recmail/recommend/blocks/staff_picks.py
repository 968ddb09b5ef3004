"""The block `staff_picks`: what the company itself recommends; needs no model and no history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Words
from recmail.records import Catalogue, Offer, Shard


class StaffPicks(BlockOptions):
    """The courses marked `staff_pick`, the newest first; `not_again_within` makes them take turns."""

    title: Words | None = Field("Our team's picks", description="The heading over the courses")

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer what is picked, the same to everybody."""
        picked = catalogue.frame["staff_pick"].to_numpy(dtype=bool)
        newest_first = catalogue.frame["published_at"].rank(method="first", na_option="top")
        score = np.where(picked, newest_first, -np.inf).astype(np.float32)[np.newaxis]

        def reasons(_people: np.ndarray, courses: np.ndarray) -> list[str]:
            return ["Picked by our team"] * len(courses)

        return Offer(score=score, reasons=reasons, personal=False)
