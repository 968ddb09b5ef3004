"""Searches as interest: what a person's last searches find counts a little when they are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recmail.history.searching import search_index
from recmail.records import Catalogue, Shard

if TYPE_CHECKING:
    from scipy import sparse

FOUND = 10
"""So many courses share what a search is worth, the best matches, then those with the most learners."""


def hints_of(shard: Shard, catalogue: Catalogue) -> sparse.csr_array | None:
    """Return what the searches of a shard's people found, people x courses, float32; None for nothing.

    What a search is worth ([model] grades, `searched`) is divided over what it finds, by how well each course
    matches; of several searches that find a course the best counts. Courses that the person dealt with have
    a grade of their own, and no hint.

    Searches count for who is scored, and not in what scorers learn from: over 1,485 people of the demo, with
    .5, people's nDCG@10 stayed as it was (EASE -.0000, ALS -.0008, SVD +.0000, all within chance; with 6
    ALS lost .009), and in the fit they took .004 to .006 from SVD. What they are good for is to know
    something of people who did nothing but search.
    """
    searches = shard.searches[shard.searches["grade"] > 0]
    if searches.empty:
        return None
    from scipy import sparse

    texts, text_of = np.unique(searches["query"].to_numpy(dtype=str), return_inverse=True)
    found = [_best(*one, catalogue.enrolled) for one in search_index(catalogue).find(texts.tolist())]
    count = np.array([len(courses) for courses, _ in found])[text_of]
    people = np.repeat(searches["person"].to_numpy(), count)
    courses = np.concatenate([np.empty(0, np.int64), *(found[text][0] for text in text_of)])
    shares = np.concatenate([np.empty(0), *(found[text][1] for text in text_of)])
    worth = (np.repeat(searches["grade"].to_numpy(), count) * shares).astype(np.float32)
    order = np.lexsort((-worth, courses, people))
    people, courses, worth = people[order], courses[order], worth[order]
    best = np.ones(len(people), dtype=bool)
    best[1:] = (people[1:] != people[:-1]) | (courses[1:] != courses[:-1])
    place = people[best], courses[best]
    hints = sparse.csr_array((worth[best], place), shape=shard.grades.shape)
    hints = hints - hints.multiply(shard.grades > 0)
    hints.eliminate_zeros()
    return hints.tocsr() if hints.nnz else None


def _best(courses: np.ndarray, match: np.ndarray, learners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best courses that a search finds, and the share of its worth that each has."""
    order = np.lexsort((courses, -learners[courses], -match))[:FOUND]
    return courses[order], match[order] / match[order].sum()
