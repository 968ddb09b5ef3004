"""The block `similar_to_recently_viewed`: like what the person looked at and did not take; needs no model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Within, Words
from recmail.recommend.likeness import Content
from recmail.recommend.pair_values import ByPair
from recmail.recommend.popularity import popularity_offer
from recmail.recommend.words import shortened
from recmail.records import LEVELS, Catalogue, Offer, Shard

if TYPE_CHECKING:
    import pandas as pd

_VIEWS = 5  # the newest of each person
_OLDER = 0.9  # what a view counts beside the next newer one
_ALIKE = 0.5  # the same category, or at least the same topics and tags
_MOST_ALIKE = 100  # courses that are kept for one that was viewed
_LEVEL_WEIGHT, _POPULARITY_WEIGHT = 0.1, 0.05  # they order what is equally alike
_ROWS_AT_ONCE = 64


class SimilarToRecentlyViewed(BlockOptions):
    """Courses like those that the person looked at lately and did not take, by category, topics and tags."""

    title: Words | None = Field("Similar to what you looked at", description="The heading over the courses")
    within: Within = Field("60d", validate_default=True, description="How recently they were looked at")

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer what is alike; the newest view counts most."""
        views = _newest_views(shard, self.within)
        people, viewed = views["person"].to_numpy(), views["course_no"].to_numpy()
        courses, row = np.unique(viewed, return_inverse=True)
        likes, alike = _most_alike(catalogue, courses)
        rank = np.arange(len(people)) - np.searchsorted(people, people)
        found = alike[row] * np.float32(_OLDER) ** rank[:, np.newaxis].astype(np.float32)
        view, column = np.nonzero(found > -np.inf)
        # Of several views that a course is like the most alike one, the newest of equals, is assigned last.
        order = np.lexsort((-view, found[view, column]))
        view, column = view[order], column[order]
        place = people[view], likes[row[view], column]
        score = np.full((len(shard), len(catalogue)), -np.inf, dtype=np.float32)
        score[place] = found[view, column]
        like = ByPair(*place, viewed[view])

        def reasons(rows: np.ndarray, courses: np.ndarray) -> list[str]:
            titles = catalogue.frame["title"].iloc[like.at(rows, courses)]
            return [f"Similar to {shortened(title)}, which you looked at" for title in titles]

        return Offer(score=score, reasons=reasons, personal=True)


def _newest_views(shard: Shard, within: timedelta) -> pd.DataFrame:
    """The newest views of each person, the newest first, of courses that they did not take."""
    recent = shard.pairs["viewed_at"] > shard.now - within
    views = shard.pairs[recent & shard.pairs["taken_at"].isna()]
    newest_first = views.sort_values(["person", "viewed_at"], ascending=[True, False], kind="stable")
    return newest_first.groupby("person").head(_VIEWS)


def _most_alike(catalogue: Catalogue, viewed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each viewed course the most alike others, and how alike; -inf where they are not."""
    content, every = Content.of(catalogue), np.arange(len(catalogue))
    depth = min(_MOST_ALIKE, len(catalogue))
    place = {level: at for at, level in enumerate(LEVELS[:3])}
    level = np.array([place.get(level, np.nan) for level in catalogue.frame["level"]], dtype=np.float32)
    popular = popularity_offer(catalogue).score[0] / max(len(catalogue), 1) * np.float32(_POPULARITY_WEIGHT)
    likes = np.empty((len(viewed), depth), dtype=np.int64)
    scores = np.empty((len(viewed), depth), dtype=np.float32)
    for start in range(0, len(viewed), _ROWS_AT_ONCE):
        some = viewed[start : start + _ROWS_AT_ONCE]
        alike = content.alike(some[:, np.newaxis], every)
        steps = np.nan_to_num(np.abs(level[some][:, np.newaxis] - level))  # 0 for what is for all levels
        score = alike + np.float32(_LEVEL_WEIGHT) * (1 - steps / 2) + popular
        score[(alike < _ALIKE) | (some[:, np.newaxis] == every)] = -np.inf
        order = np.argsort(-score, axis=1, kind="stable")[:, :depth]
        likes[start : start + len(some)] = order
        scores[start : start + len(some)] = np.take_along_axis(score, order, axis=1)
    return likes, scores
