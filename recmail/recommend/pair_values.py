"""What is known of some pairs of a person and a course, in memory as large as the pairs are many.

A reason is asked for when all blocks are filled, so what it needs stays in memory until then: a table is
64 MB for each block, with 2,000 people and 8,000 courses.
"""

from __future__ import annotations

import numpy as np


class ByPair:
    """A whole number for each of some pairs; of a pair given twice the later one counts."""

    def __init__(self, people: np.ndarray, courses: np.ndarray, values: np.ndarray) -> None:
        keys, last = np.unique(_keys(people, courses)[::-1], return_index=True)
        self._keys, self._values = keys, values[::-1][last].astype(np.int64)

    def at(self, people: np.ndarray, courses: np.ndarray) -> np.ndarray:
        """Return the value of each pair, -1 where there is none."""
        wanted = _keys(people, courses)
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        if not len(self._keys):
            return np.full(len(wanted), -1, dtype=np.int64)
        found: np.ndarray = np.where(self._keys[place] == wanted, self._values[place], -1)
        return found


def _keys(people: np.ndarray, courses: np.ndarray) -> np.ndarray:
    keys: np.ndarray = (people.astype(np.int64) << 32) | courses.astype(np.int64)
    return keys
