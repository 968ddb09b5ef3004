"""Clusters after a training: found anew, given the names that they had, and written for segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import sqlalchemy as sa
from scipy import sparse

from recmail.db.clusters import (
    Cluster,
    clusters_of_courses,
    clusters_of_people,
    read_clusters,
    replace_clusters,
)
from recmail.db.connect import reading
from recmail.history.reading import faded
from recmail.recommend import Scorer
from recmail.recommend.clusters import (
    SAMPLED,
    Factors,
    carried_over,
    find_centres,
    free_name,
    how_many,
    moved_centres,
    nearest,
    typical_labels,
    with_factors,
)
from recmail.records import Catalogue, GradedTriples, category_key

PEOPLE_AT_ONCE = 10_000
NO_FACTORS = "clusters stay as they were: only svd and als have factors to find them by"
OVERTAKEN = "clusters are those of another training that ended meanwhile"
TOO_FEW = "too few people or courses to divide into clusters"
_TYPICAL = 4  # topics that are shown of a cluster


@dataclass(frozen=True)
class Members:
    """Who is where: keys in ascending order, the cluster of each (-1: none), and the one of last time."""

    keys: np.ndarray
    now: np.ndarray
    before: np.ndarray

    def pairs(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the keys that are in a cluster, and its lasting number."""
        there = self.now >= 0
        return self.keys[there], numbers[self.now[there]]


def refresh_clusters(
    engine: sa.Engine,
    scorers: Mapping[str, Scorer],
    triples: GradedTriples,
    catalogue: Catalogue,
    *,
    half_life: timedelta | None,
    now: datetime,
    seed: int,
) -> tuple[list[Cluster], str | None]:
    """Divide people and courses into clusters, and put them in the place of the last ones.

    Returns:
        the clusters, those with the most people first, and what there is to say if there are none.
    """
    scorer = with_factors(scorers)
    if scorer is None:
        return [], NO_FACTORS
    histories = _Histories(scorer, triples, len(catalogue), now, half_life)
    known = np.flatnonzero(scorer.known)
    count = how_many(len(known), len(histories.people))
    with reading(engine) as connection:
        old = read_clusters(connection)
        people_before = clusters_of_people(connection, histories.people)
        courses_before = clusters_of_courses(connection, known)
    sample = histories.sample(seed)
    vectors = histories.vectors(sample)
    before = _to_keep(moved_centres(vectors, people_before[sample]), count)
    courses = np.asarray(scorer.item_factors, dtype=np.float64)
    centres = find_centres(vectors, courses, count, before=before, seed=seed)
    if len(centres) < 2:
        return [], TOO_FEW
    people = Members(histories.people, histories.nearest(centres), people_before)
    near = Members(known, nearest(courses, centres), courses_before)
    found, numbers = _named(old, people, near, catalogue, now)
    over = [one.cluster_no for one in old]
    members = {"people": people.pairs(numbers), "courses": near.pairs(numbers)}
    if not replace_clusters(engine, found, over=over, **members):
        return [], OVERTAKEN
    return sorted(found, key=lambda one: -one.people), None


def _to_keep(before: np.ndarray | None, count: int) -> np.ndarray | None:
    """Return the clusters of last time, unless the catalogue grew or shrank so much that others are due."""
    return None if before is None or abs(len(before) - count) > max(count // 5, 1) else before


class _Histories:
    """Everybody's history, folded in a part at a time: all vectors at once would not be bounded."""

    def __init__(
        self,
        scorer: Factors,
        triples: GradedTriples,
        courses: int,
        now: datetime,
        half_life: timedelta | None,
    ) -> None:
        self._scorer = scorer
        self.people, rows = np.unique(triples.user_no, return_inverse=True)
        grades = faded(triples.grade, triples.at, now.astimezone(UTC), half_life)
        shape = len(self.people), courses
        self._grades = sparse.csr_array((grades, (rows, triples.course_no)), shape=shape)

    def sample(self, seed: int) -> np.ndarray:
        """Return the rows of some people, all if they are few."""
        drawn = np.random.default_rng(seed).permutation(len(self.people))[:SAMPLED]
        return np.sort(drawn)

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """Return where these people stand."""
        return np.asarray(self._scorer.people(self._grades[rows]), dtype=np.float64)

    def nearest(self, centres: np.ndarray) -> np.ndarray:
        """Return everybody's cluster, -1 for people who did nothing with a known course."""
        return np.concatenate([nearest(self.vectors(rows), centres) for rows in self._parts()])

    def _parts(self) -> Iterator[np.ndarray]:
        for start in range(0, len(self.people), PEOPLE_AT_ONCE):
            yield np.arange(start, min(start + PEOPLE_AT_ONCE, len(self.people)))


def _named(
    old: Sequence[Cluster], people: Members, courses: Members, catalogue: Catalogue, now: datetime
) -> tuple[list[Cluster], np.ndarray]:
    """Return the clusters with lasting numbers and names, and the number of each."""
    count = int(courses.now.max()) + 1
    kept = carried_over((people.now, people.before), (courses.now, courses.before))
    by_number = {one.cluster_no: one for one in old}
    taken = {category_key(one.name) or "" for one in old}
    cluster_of = np.full(len(catalogue), -1, dtype=np.int64)
    cluster_of[courses.keys] = courses.now
    labels = typical_labels(catalogue, cluster_of, count)
    sizes = [np.bincount(members.now[members.now >= 0], minlength=count) for members in (courses, people)]
    next_no = max(by_number, default=-1) + 1
    found = []
    for place in range(count):
        if place in kept:
            number, name = kept[place], by_number[kept[place]].name
        else:
            number, name = next_no, free_name(labels[place], taken)
            next_no += 1
        taken.add(category_key(name) or "")
        topics = [label.text for label in labels[place][:_TYPICAL]]
        found.append(Cluster(number, name, topics, int(sizes[0][place]), int(sizes[1][place]), now))
    return found, np.array([one.cluster_no for one in found], dtype=np.int64)
