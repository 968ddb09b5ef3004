"""What people ask for: claims to courses, and the lot that decides between equals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Claims:
    """Courses that people put into their places: row, course, score, and what it is worth to them, 0 to 1.

    Everybody's may be in memory together, so they are int32 and float32: 16 bytes for each.
    """

    row: np.ndarray
    course: np.ndarray
    score: np.ndarray
    worth: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def empty(cls, count: int) -> Claims:
        """Make room for so many."""
        row, course = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
        return cls(row, course, np.empty(count, dtype=np.float32), np.empty(count, dtype=np.float32))

    def put(self, place: int, others: Claims) -> None:
        """Put others in from this place on."""
        here = slice(place, place + len(others))
        self.row[here], self.course[here] = others.row, others.course
        self.score[here], self.worth[here] = others.score, others.worth

    def of(self, chosen: np.ndarray | slice) -> Claims:
        """Return some of them, by their indices or a bool for each."""
        return Claims(self.row[chosen], self.course[chosen], self.score[chosen], self.worth[chosen])


def joined(first: Claims, second: Claims) -> Claims:
    """Put the claims of two together."""
    both = Claims.empty(len(first) + len(second))
    both.put(0, first)
    both.put(len(first), second)
    return both


def lot(seed: int, user_no: np.ndarray, course_no: np.ndarray) -> np.ndarray:
    """Return a number drawn for each person and course: uint64, the same for the same seed everywhere.

    Source: the mixing of Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
    """
    with np.errstate(over="ignore"):
        mixed = _mixed(np.uint64(seed & (2**64 - 1)) + user_no.astype(np.uint64) * _GOLDEN)
        return _mixed(mixed + course_no.astype(np.uint64) * _GOLDEN)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(number: np.ndarray) -> np.ndarray:
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = number ^ (number >> np.uint64(31))
    return mixed
