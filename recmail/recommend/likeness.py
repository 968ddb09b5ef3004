"""How alike two courses are by what is written about them: category, topics and tags; needs no model."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from recmail.records import Catalogue

_WORD = 64  # bits of a machine word
_MOST_LABELS = 8 * _WORD


@dataclass(frozen=True)
class Content:
    """What courses are about, for comparing many of them at once.

    Attributes:
        category_no: int32, one for each course, -1 where there is none.
        labels: uint64, courses x words: a bit for each topic or tag of the course.
        sizes: float32, how many bits each course has.
    """

    category_no: np.ndarray
    labels: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, catalogue: Catalogue) -> Content:
        """Read topics and tags, alike whatever their case, spaces and hyphens."""
        each = [
            {" ".join(label.casefold().replace("-", " ").split()) for label in (*topics, *tags)}
            for topics, tags in zip(catalogue.frame["topics"], catalogue.frame["tags"], strict=True)
        ]
        bit = {label: place for place, label in enumerate(_telling(each, catalogue.category_no))}
        bits = np.zeros((len(each), -(-len(bit) // _WORD)), dtype=np.uint64)
        for course_no, labels in enumerate(each):
            for place in (bit[label] for label in labels if label in bit):
                bits[course_no, place // _WORD] |= np.uint64(1) << np.uint64(place % _WORD)
        sizes = np.bitwise_count(bits).sum(axis=1, dtype=np.float32)
        return cls(catalogue.category_no, bits, sizes)

    def alike(self, courses: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return how alike courses are, pair by pair, float32 from 0 to 1; the arrays are broadcast.

        Half of it is to have the same category, half the cosine of the labels; where one of the two has no
        label, the category decides alone.
        """
        category = self.category_no[courses]
        same = (category == self.category_no[others]) & (category >= 0)
        found: np.ndarray = same.astype(np.float32)
        sizes = self.sizes[courses] * self.sizes[others]
        if sizes.any():
            shared = np.bitwise_count(self.labels[courses] & self.labels[others]).sum(
                axis=-1, dtype=np.float32
            )
            cosine = shared / np.sqrt(np.maximum(sizes, 1))
            found = np.where(sizes > 0, (found + cosine) / 2, found)
        return found


def _telling(each: list[set[str]], category_no: np.ndarray) -> list[str]:
    """Return the labels that say what a course is about, the most frequent first.

    What a single course has joins nothing. What is spread over many categories ("exercises", "short") says
    how a course is taught: a label counts when half of its courses are of two categories.
    """
    where: dict[str, Counter[int]] = defaultdict(Counter)
    for labels, category in zip(each, category_no.tolist(), strict=True):
        for label in labels:
            where[label][category] += 1
    counts = {
        label: categories.total()
        for label, categories in where.items()
        if label
        and categories.total() > 1
        and 2 * sum(count for _, count in categories.most_common(2)) >= categories.total()
    }
    return sorted(counts, key=lambda label: (-counts[label], label))[:_MOST_LABELS]
