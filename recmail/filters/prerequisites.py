"""The filter `prerequisites`: first what a course builds on."""

from __future__ import annotations

import numpy as np

from recmail.recommend.blocks import Block
from recmail.records import Catalogue, Offer, Shard


class Prerequisites:
    """Drops courses that need another one which the person has not taken."""

    def allowed(self, shard: Shard, catalogue: Catalogue, *, block: Block, offer: Offer) -> np.ndarray:
        """Tell which courses the person may begin: people x courses."""
        number = {course_id: place for place, course_id in enumerate(catalogue.frame["course_id"])}
        needs = {  # what is not in the catalogue cannot be taken first
            course_no: [number[course_id] for course_id in course_ids if course_id in number]
            for course_no, course_ids in enumerate(catalogue.frame["prerequisites"])
            if course_ids
        }
        needed = sorted({other for others in needs.values() for other in others})
        has = dict(zip(needed, shard.taken[:, needed].toarray().T, strict=True))
        allowed = np.ones((len(shard), len(catalogue)), dtype=bool)
        for course_no, others in needs.items():
            for other in others:
                allowed[:, course_no] &= has[other]
        return allowed
