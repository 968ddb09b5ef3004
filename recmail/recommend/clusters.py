"""Clusters: people whose interests are alike, the courses near to them, and names that last.

People stand where their history folds them in among a scorer's factors (recommend/svd.py), courses where
their own factors are. k-means looks for the clusters of people, by direction and not by length: how much
somebody did is no interest. Each course goes to the nearest. The other way round, clusters of courses and
people to the nearest, is worse: on the demo, over 10 to 16 clusters, it left some of them without anybody,
and .79 to .94 of the courses stood in a cluster with their category against .80 to .99.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy import sparse

from recmail.records import Catalogue, category_key

MOST = 24  # clusters: more are not read
PEOPLE_EACH = 25  # at least so many people for each cluster, on average
SAMPLED = 10_000  # people that k-means looks at; all are assigned
FRESH_STARTS = 4
ROUNDS = 50
BETTER = 0.98  # of the spread: a fresh start that is not better than this leaves the clusters where they were
SAME = 0.3  # overlap of people and of courses, from 0 to 2, from which on a cluster keeps its name
_LABELS = 6  # of a cluster, from which its name is made


@runtime_checkable
class Factors(Protocol):
    """A scorer that puts courses and people into one space."""

    item_factors: np.ndarray
    known: np.ndarray

    def people(self, grades: sparse.csr_array) -> np.ndarray:
        """Return people x factors, everybody folded in from their own grades; zeros without any."""
        ...


def with_factors(scorers: Mapping[str, Any]) -> Factors | None:
    """Return the scorer whose factors are used: SVD's, else those of any other that has some.

    On the demo 16 clusters by SVD's factors hold .97 and .99 of the courses together with their category, by
    those of ALS, which ranks better, .69 and .77.
    """
    found = {name: one for name, one in scorers.items() if isinstance(one, Factors)}
    return found.get("svd") or next(iter(found.values()), None)


def how_many(courses: int, people: int) -> int:
    """Return into how many clusters to divide: the root of the number of courses; 0 or 1: not at all."""
    return min(round(math.sqrt(courses)), people // PEOPLE_EACH, MOST)


def directions(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of length 1, float64; zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: np.ndarray = vectors / np.where(length > 0, length, 1)
    return found


def nearest(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return for each vector the centre whose direction is nearest, -1 for zeros."""
    found: np.ndarray = (directions(vectors) @ centres.T).argmax(axis=1)
    found[~vectors.any(axis=1)] = -1
    return found


def find_centres(
    people: np.ndarray, courses: np.ndarray, count: int, *, before: np.ndarray | None, seed: int
) -> np.ndarray:
    """Return the directions of clusters that have people and courses both: at most `count` of them.

    Args:
        people: vectors of people to look at; zeros are left out.
        courses: the courses' vectors.
        before: where the clusters of last time are now, to begin there; None: there are none to keep.
    """
    looked_at = directions(people[people.any(axis=1)])
    count = min(count, len(np.unique(looked_at, axis=0)))
    if count < 2:
        return looked_at[:count]
    random = np.random.default_rng(seed)
    tried = [_k_means(looked_at, count, random) for _ in range(FRESH_STARTS)]
    spread, centres = min(tried, key=lambda one: one[0])
    if before is not None:
        kept_spread, kept = _k_means(looked_at, before, random)
        centres = kept if spread > BETTER * kept_spread else centres
    return _with_both(directions(centres), looked_at, courses)


def _with_both(centres: np.ndarray, people: np.ndarray, courses: np.ndarray) -> np.ndarray:
    """Leave out clusters that no course, or nobody, is nearest to; at least one stays."""
    while True:
        number = np.arange(len(centres))
        used = np.isin(number, nearest(courses, centres))
        if (used & np.isin(number, nearest(people, centres))).any():
            used &= np.isin(number, nearest(people, centres))
        if used.all():
            return centres
        centres = centres[used]


def _k_means(
    vectors: np.ndarray, start: int | np.ndarray, random: np.random.Generator
) -> tuple[float, np.ndarray]:
    from scipy.cluster.vq import kmeans2

    with warnings.catch_warnings():
        # A cluster that nobody is left in stays where it was, and is dropped afterwards.
        warnings.filterwarnings("ignore", "One of the clusters is empty")
        how = "++" if isinstance(start, int) else "matrix"
        centres, label = kmeans2(vectors, start, minit=how, iter=ROUNDS, rng=random)
    return float(((vectors - centres[label]) ** 2).sum()), centres


def moved_centres(vectors: np.ndarray, cluster_no: np.ndarray) -> np.ndarray | None:
    """Return where the people of each cluster of last time stand now; None when there are fewer than two.

    Args:
        cluster_no: of each vector's person, -1 where there was none.
    """
    there = (cluster_no >= 0) & vectors.any(axis=1)
    numbers, rows = np.unique(cluster_no[there], return_inverse=True)
    if len(numbers) < 2:
        return None
    sums = np.zeros((len(numbers), vectors.shape[1]))
    np.add.at(sums, rows, directions(vectors[there]))
    return sums / np.bincount(rows)[:, np.newaxis]


# --- from one training to the next ------------------------------------------------------------------


def carried_over(
    people: tuple[np.ndarray, np.ndarray], courses: tuple[np.ndarray, np.ndarray]
) -> dict[int, int]:
    """Return which new cluster is which old one: those whose people and courses overlap most.

    Args:
        people: the new and the old cluster of each person that both know; -1 for none.
        courses: the same of courses.
    """
    from scipy.optimize import linear_sum_assignment

    size = max(int(new.max(initial=-1)) for new, _ in (people, courses)) + 1
    olds = np.unique(np.concatenate([people[1], courses[1]]))
    olds = olds[olds >= 0]
    overlap = np.zeros((size, len(olds)))
    for new, old in (people, courses):
        overlap += _overlap(new, np.where(old >= 0, np.searchsorted(olds, old), -1), overlap.shape)
    rows, columns = linear_sum_assignment(-overlap)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {row: int(olds[column]) for row, column in pairs if overlap[row, column] >= SAME}


def _overlap(new: np.ndarray, old: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return what two clusters share, of what either has (Jaccard)."""
    both = (new >= 0) & (old >= 0)
    shared = np.zeros(shape)
    np.add.at(shared, (new[both], old[both]), 1)
    sizes = np.bincount(new[new >= 0], minlength=shape[0]), np.bincount(old[old >= 0], minlength=shape[1])
    either = sizes[0][:, np.newaxis] + sizes[1] - shared
    found: np.ndarray = shared / np.maximum(either, 1)
    return found


# --- names ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Label:
    """What courses are about, as most of them spell it."""

    key: str
    text: str


def typical_labels(catalogue: Catalogue, course_cluster: np.ndarray, count: int) -> list[list[Label]]:
    """Return the labels that are most typical of the courses of each cluster, the most typical first.

    Labels are categories and topics, tags where a course has neither. Typical is what many courses of the
    cluster have, and few others: its share here times the logarithm of how much more frequent it is here.
    """
    spelt: dict[str, Counter[str]] = {}
    inside: list[Counter[str]] = [Counter() for _ in range(count)]
    for cluster, texts in zip(course_cluster.tolist(), _texts(catalogue), strict=True):
        keys = {key: text for text in texts if (key := category_key(text))}
        for key, text in keys.items():
            spelt.setdefault(key, Counter())[text] += 1
        if cluster >= 0:
            inside[cluster].update(keys.keys())
    total = Counter[str]()
    for counts in inside:
        total.update(counts)
    everything = max(int((course_cluster >= 0).sum()), 1)
    found = []
    for cluster, counts in enumerate(inside):
        size = max(int((course_cluster == cluster).sum()), 1)
        worth = {
            key: times / size * math.log(times / size * everything / total[key])
            for key, times in counts.items()
        }
        best = sorted(worth, key=lambda key: (-worth[key], key))[:_LABELS]
        found.append([Label(key, spelt[key].most_common(1)[0][0]) for key in best])
    return found


def _texts(catalogue: Catalogue) -> Iterator[list[str]]:
    frame = catalogue.frame
    for category, topics, tags in zip(frame["category"], frame["topics"], frame["tags"], strict=True):
        own = [*([category] if category else []), *topics]
        yield own or list(tags)


def free_name(labels: Sequence[Label], taken: Iterable[str]) -> str:
    """Return a name of the first two labels, or of others where that is taken; `taken` are category keys."""
    used = set(taken)
    pairs = [(one, other) for one, other in combinations(labels, 2) if not _says_the_same(one, other)]
    wanted = [f"{one.text} + {other.text}" for one, other in pairs] or [label.text for label in labels[:1]]
    plain = [" ".join(name.replace('"', "'").split()) for name in wanted or ["Courses"]]
    for name in plain:
        if category_key(name) not in used:
            return name
    number = 2
    while category_key(f"{plain[0]} {number}") in used:
        number += 1
    return f"{plain[0]} {number}"


def _says_the_same(one: Label, other: Label) -> bool:
    return one.key in other.key or other.key in one.key
