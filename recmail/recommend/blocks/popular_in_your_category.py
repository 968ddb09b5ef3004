"""The block `popular_in_your_category`: what most take where the person learns; needs no model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from recmail.recommend import Scorer
from recmail.recommend.blocks import BlockOptions, Words
from recmail.recommend.categories import category_names, interest
from recmail.recommend.popularity import popularity_offer
from recmail.recommend.words import learners, shortened
from recmail.records import Catalogue, Offer, Shard

_CATEGORIES = 3  # of the person: when the first one has no more, the next


class PopularInYourCategory(BlockOptions):
    """The courses with the most enrolments in 90 days in the category they learn most, then the next."""

    title: Words | None = Field("Popular in what you learn", description="The heading over the courses")

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer what anybody enrolled in of the person's categories, the most important one first."""
        popular = popularity_offer(catalogue).score
        grades = interest(shard, catalogue)
        order = np.argsort(-grades, axis=1, kind="stable")
        rank = np.full((len(shard), grades.shape[1] + 1), _CATEGORIES, dtype=np.float32)  # the last: none
        np.put_along_axis(rank, order, np.arange(grades.shape[1], dtype=np.float32)[np.newaxis], axis=1)
        rank[:, :-1][grades <= 0] = _CATEGORIES
        of_course = rank[:, catalogue.category_no]
        score = popular - of_course * np.float32(len(catalogue))
        score[(of_course >= _CATEGORIES) | (catalogue.enrolled == 0)] = -np.inf
        names = category_names(catalogue)

        def reasons(_people: np.ndarray, courses: np.ndarray) -> list[str]:
            return [
                f"Popular in {shortened(names[category], 30)}: {_joined(int(lately), int(ever))}"
                for category, lately, ever in zip(
                    catalogue.category_no[courses],
                    catalogue.enrolled_90d[courses],
                    catalogue.enrolled[courses],
                    strict=True,
                )
            ]

        return Offer(score=score.astype(np.float32), reasons=reasons, personal=True)


def _joined(lately: int, ever: int) -> str:
    return f"{learners(lately)} joined in 90 days" if lately else f"{learners(ever)} joined so far"
