"""What everybody takes: the ranking without a person, and the sentence that says so."""

from __future__ import annotations

import numpy as np

from recmail.records import Catalogue, Offer


def popularity_offer(catalogue: Catalogue) -> Offer:
    """Rank by enrolments in 90 days, then by enrolments ever, then by course_no; the same for everybody.

    The score counts the courses that rank below, plus one: it has no ties.
    """
    count = len(catalogue)
    order = np.lexsort((np.arange(count), -catalogue.enrolled, -catalogue.enrolled_90d))
    score = np.empty((1, count), dtype=np.float32)
    score[0, order] = np.arange(count, 0, -1)

    def reasons(_people: np.ndarray, courses: np.ndarray) -> list[str]:
        found, place = np.unique(courses, return_inverse=True)
        sentences = [
            _joined(int(lately), int(ever))
            for lately, ever in zip(catalogue.enrolled_90d[found], catalogue.enrolled[found], strict=True)
        ]
        return [sentences[at] for at in place]

    return Offer(score=score, reasons=reasons, personal=False)


def _joined(lately: int, ever: int) -> str:
    if lately:
        return f"{lately:,} {_learners(lately)} joined in 90 days"
    return f"{ever:,} {_learners(ever)} joined so far" if ever else ""


def _learners(count: int) -> str:
    return "learner" if count == 1 else "learners"
