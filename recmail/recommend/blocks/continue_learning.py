"""The block `continue_learning`: what the person began and has not finished; needs no model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import numpy as np
from pydantic import Field

from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Within, Words
from recmail.recommend.pair_values import ByPair
from recmail.recommend.words import day
from recmail.records import Catalogue, Offer, Shard


class ContinueLearning(BlockOptions):
    """Courses that the person enrolled in and has not completed, what they did last first."""

    # They have it: whether it would be sold to them does not matter.
    exempt: ClassVar[frozenset[str]] = frozenset({"already_taken", "full", "language", "prerequisites"})

    title: Words | None = Field("Continue learning", description="The heading over the courses")
    show: int = Field(1, ge=1, le=20, description="How many courses")
    within: Within = Field("180d", validate_default=True, description="How recently they did something in it")

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer what is unfinished, with how far the person got."""
        pairs = shard.pairs
        recent = pairs["taken_at"] > shard.now - self.within
        unfinished = pairs["completed_at"].isna() & ~(pairs["progress"] >= 1)
        begun = pairs[recent & unfinished].reset_index(drop=True)
        person, course_no = begun["person"].to_numpy(), begun["course_no"].to_numpy()
        # Seconds before now: exact in float32 to a second for 194 days, and then nearly.
        score = np.full((len(shard), len(catalogue)), -np.inf, dtype=np.float32)
        score[person, course_no] = (begun["taken_at"] - shard.now).dt.total_seconds()
        place = ByPair(person, course_no, np.arange(len(begun)))

        def reasons(rows: np.ndarray, courses: np.ndarray) -> list[str]:
            found = begun.iloc[place.at(rows, courses)]
            return [
                _how_far(progress, at)
                for progress, at in zip(found["progress"], found["taken_at"], strict=True)
            ]

        return Offer(score=score, reasons=reasons, personal=True)


def _how_far(progress: float, at: datetime) -> str:
    if progress >= 0.01:
        return f"You are {int(progress * 100 + 1e-9)}% through"
    return f"Waiting for you since {day(at)}"
