"""What each scorer is worth on what people took later: measured once, on people's latest courses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recmail.evaluate.cut import HeldOut
from recmail.evaluate.intervals import Interval, interval, intervals
from recmail.evaluate.metrics import ACCURACY, Courses, accuracy, lists, variety
from recmail.recommend import Scorer

GROUPS = {"cold": (1, 2), "light": (3, 9), "heavy": (10, None)}
"""People by how many courses they had dealt with before: from, to."""
ENOUGH_IN_GROUP = 20  # people; the mean of fewer says nothing
NDCG = ACCURACY[0]


@dataclass(frozen=True)
class Row:
    """One scorer.

    Attributes:
        accuracy: by the names of metrics.ACCURACY.
        groups: nDCG@10 of the people of each of GROUPS that has enough of them.
        variety: coverage, diversity, novelty, gini.
        ndcg: nDCG@10 of each person, for paired differences.
    """

    accuracy: Mapping[str, Interval]
    groups: Mapping[str, Interval]
    variety: Mapping[str, float]
    ndcg: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """As [mean, low, high] by measure."""
        return {
            "accuracy": {name: found.to_json() for name, found in self.accuracy.items()},
            "groups": {name: found.to_json() for name, found in self.groups.items()},
            "variety": dict(self.variety),
        }


@dataclass(frozen=True)
class Evaluation:
    """All scorers on the same people.

    Attributes:
        people: how many were measured.
        groups: how many of them are in each group.
        rows: by scorer, the best nDCG first.
    """

    people: int
    groups: Mapping[str, int]
    rows: Mapping[str, Row]

    def difference(self, name: str, other: str, *, seed: int) -> Interval:
        """Return by how much one scorer's nDCG@10 is higher, person by person."""
        return interval(self.rows[name].ndcg - self.rows[other].ndcg, seed=seed)

    def to_json(self) -> dict[str, Any]:
        """Everything but single people."""
        return {
            "people": self.people,
            "groups": dict(self.groups),
            "scorers": {name: row.to_json() for name, row in self.rows.items()},
        }


def evaluate(
    scorers: Mapping[str, Scorer], held: HeldOut, *, category_no: np.ndarray, seed: int
) -> Evaluation:
    """Measure scorers that were fitted on the earlier part of a cut.

    Args:
        category_no: of each course, -1 where there is none.
    """
    taken = np.bincount(held.earlier.course_no, minlength=held.courses)
    courses = Courses(category_no, taken)
    members = _groups(np.diff(held.seen.indptr))
    rows = {name: _row(scorer, held, courses, members, seed) for name, scorer in scorers.items()}
    ordered = sorted(rows, key=lambda name: -rows[name].accuracy[NDCG].mean)
    sizes = {name: int(chosen.sum()) for name, chosen in members.items()}
    return Evaluation(len(held.people), sizes, {name: rows[name] for name in ordered})


def _groups(seen: np.ndarray) -> dict[str, np.ndarray]:
    chosen = {
        name: (seen >= low) & (seen <= (high if high is not None else seen.max(initial=0)))
        for name, (low, high) in GROUPS.items()
    }
    return {name: people for name, people in chosen.items() if people.sum() >= ENOUGH_IN_GROUP}


def _row(
    scorer: Scorer, held: HeldOut, courses: Courses, members: Mapping[str, np.ndarray], seed: int
) -> Row:
    found = lists(scorer.score, held)
    each = accuracy(found)
    means = intervals(np.column_stack(list(each.values())), seed=seed)
    groups = {name: interval(each[NDCG][people], seed=seed) for name, people in members.items()}
    return Row(dict(zip(ACCURACY, means, strict=True)), groups, variety(found, courses), each[NDCG])
