"""Which candidates may still come into a block, and putting them there, for all people at once."""

from __future__ import annotations

import numpy as np

from recmail.filters.best import Candidates
from recmail.filters.block_places import Places
from recmail.filters.quota import below_quota, full_categories


def forbid(allowed: np.ndarray, courses: np.ndarray, *, people: np.ndarray | None = None) -> None:
    """Clear the given courses (people x any, -1 for none) in `allowed` (everybody x courses).

    Args:
        people: the row of `allowed` that each row of courses is of; None where they are the same.
    """
    rows, places = np.nonzero(courses >= 0)
    allowed[rows if people is None else people[rows], courses[rows, places]] = False


def forbid_full(allowed: np.ndarray, places: Places, people: np.ndarray, category_no: np.ndarray) -> None:
    """Clear the categories that reached the quota, so that what is left of the ranking can be admitted."""
    per_category = places.block.variety.per_category
    if per_category is None:
        return
    chosen = categories_of(places.shown[people], category_no)
    full = full_categories(chosen, int(category_no.max(initial=-1)) + 1, per_category)
    some = full.any(axis=1)
    allowed[people[some]] &= ~full[some][:, category_no]


def categories_of(courses: np.ndarray, category_no: np.ndarray) -> np.ndarray:
    """Return the category of each course; -1 for an empty place."""
    categories: np.ndarray = np.append(category_no, np.int32(-1))[courses]
    return categories


def admit(places: Places, candidates: Candidates, people: np.ndarray, category_no: np.ndarray) -> None:
    """Put candidates into the next free places, rank by rank, as far as the quota lets them."""
    show = places.block.show
    wanted_categories = categories_of(candidates.course, category_no)
    chosen = categories_of(places.shown[people], category_no)
    for rank in range(candidates.course.shape[1]):
        filled, wanted = places.filled[people], candidates.course[:, rank]
        fits = (wanted >= 0) & (filled < places.size)
        fits &= below_quota(chosen, wanted_categories[:, rank], places.block.variety.per_category)
        rows = np.flatnonzero(fits)
        places.put(people[rows], wanted[rows], candidates.score[rows, rank])
        visible = rows[filled[rows] < show]
        chosen[visible, filled[visible]] = wanted_categories[visible, rank]
