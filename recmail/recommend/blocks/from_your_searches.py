"""The block `from_your_searches`: what the person searched for lately; needs no model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
from pydantic import Field, field_validator

from recmail.history.searching import search_index
from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Within, Words
from recmail.recommend.pair_values import ByPair
from recmail.recommend.popularity import popularity_offer
from recmail.recommend.words import shortened
from recmail.records import SEARCHED_WITHIN, Catalogue, Offer, Shard

_OLDER = 0.9  # what a search counts beside the next newer one
_POPULARITY_WEIGHT = 0.05  # orders what a search finds equally well


class FromYourSearches(BlockOptions):
    """Courses whose title, topics or tags have the words that the person searched for."""

    title: Words | None = Field("From your searches", description="The heading over the courses")
    within: Within = Field(
        "60d", validate_default=True, description="How recently they searched, at most 90d"
    )

    @field_validator("within")
    @classmethod
    def _is_read(cls, within: timedelta) -> timedelta:
        if within > SEARCHED_WITHIN:
            raise ValueError(f"found {within.days}d; expected at most {SEARCHED_WITHIN.days}d")
        return within

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer what the last searches find, the newest search first."""
        recent = shard.searches["at"] > shard.now - self.within
        searches = shard.searches[recent].reset_index(drop=True)
        people = searches["person"].to_numpy()
        rank = np.arange(len(people)) - np.searchsorted(people, people)
        texts, text_of = np.unique(searches["query"].to_numpy(dtype=str), return_inverse=True)
        found = search_index(catalogue).find(texts.tolist())
        row = np.repeat(np.arange(len(people)), [len(found[text][0]) for text in text_of])
        course_no = _joined([found[text][0] for text in text_of], np.int64)
        match = _joined([found[text][1] for text in text_of], np.float64)
        popular = popularity_offer(catalogue).score[0] / max(len(catalogue), 1) * _POPULARITY_WEIGHT
        worth = match * _OLDER ** rank[row] + popular[course_no]
        # Of several searches that find a course the best one, the newest of equals, is assigned last.
        order = np.lexsort((-row, worth))
        place = people[row[order]], course_no[order]
        score = np.full((len(shard), len(catalogue)), -np.inf, dtype=np.float32)
        score[place] = worth[order]
        by = ByPair(*place, row[order])

        def reasons(rows: np.ndarray, courses: np.ndarray) -> list[str]:
            asked = searches["query"].iloc[by.at(rows, courses)]
            return [f'You searched for "{shortened(_quotable(text))}"' for text in asked]

        return Offer(score=score, reasons=reasons, personal=True)


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *parts])


def _quotable(text: str) -> str:
    return text.replace('"', "'")
