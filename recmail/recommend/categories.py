"""Which categories people deal with."""

from __future__ import annotations

import numpy as np

from recmail.records import Catalogue, Shard


def interest(shard: Shard, catalogue: Catalogue) -> np.ndarray:
    """Add up the grades that each person has in each category: float32, people x categories."""
    categories = int(catalogue.category_no.max(initial=-1)) + 1
    people = np.repeat(np.arange(len(shard)), np.diff(shard.grades.indptr))
    category = catalogue.category_no[shard.grades.indices]
    counted = (shard.grades.data > 0) & (category >= 0)
    place = people[counted] * categories + category[counted]
    added = np.bincount(place, weights=shard.grades.data[counted], minlength=len(shard) * categories)
    return added.reshape(len(shard), categories).astype(np.float32)


def category_names(catalogue: Catalogue) -> list[str]:
    """Return the name of each category, as the first course of it spells it."""
    numbers, first = np.unique(catalogue.category_no, return_index=True)
    spelled = catalogue.frame["category"]
    return [str(spelled[at]).strip() for number, at in zip(numbers, first, strict=True) if number >= 0]
