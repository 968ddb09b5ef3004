"""Clusters of people and courses as the last training found them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.learned_tables import cluster_courses, clusters, people_clusters
from recmail.db.tables import users
from recmail.records import category_key

ROWS_AT_ONCE = 5_000  # in one transaction, of about 50 ms


@dataclass(frozen=True)
class Cluster:
    """A cluster: its name, which stays, what is typical of it, and how many it has."""

    cluster_no: int
    name: str
    topics: Sequence[str]
    courses: int
    people: int
    found_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return it under stable names; the number is the database's own."""
        return {
            "name": self.name,
            "people": self.people,
            "courses": self.courses,
            "topics": list(self.topics),
            "found_at": self.found_at,
        }


def read_clusters(connection: sa.Connection) -> list[Cluster]:
    """Read all clusters, those with the most people first."""
    query = sa.select(*(clusters.c[name] for name in Cluster.__annotations__))
    rows = connection.execute(query.order_by(clusters.c.people.desc(), clusters.c.cluster_no))
    return [Cluster(*row) for row in rows]


def cluster_names(connection: sa.Connection) -> list[str]:
    """Read the names alone, in alphabetical order."""
    return sorted(connection.scalars(sa.select(clusters.c.name)))


def clusters_of_people(connection: sa.Connection, user_no: np.ndarray) -> np.ndarray:
    """Return the cluster of each of these people, ascending user numbers; -1 where there is none."""
    return _numbers(connection, people_clusters.c.user_no, people_clusters.c.cluster_no, user_no)


def clusters_of_courses(connection: sa.Connection, course_no: np.ndarray) -> np.ndarray:
    """Return the cluster of each of these courses, ascending course numbers; -1 where there is none."""
    return _numbers(connection, cluster_courses.c.course_no, cluster_courses.c.cluster_no, course_no)


def _numbers(
    connection: sa.Connection, key: sa.Column[int], value: sa.Column[int], wanted: np.ndarray
) -> np.ndarray:
    found = np.full(len(wanted), -1, dtype=np.int64)
    rows = connection.execute(sa.select(key, value).order_by(key), execution_options={"yield_per": 10_000})
    for part in rows.partitions():
        keys, values = np.array(part, dtype=np.int64).T
        place = np.searchsorted(wanted, keys)
        known = place < len(wanted)
        known[known] = wanted[place[known]] == keys[known]
        found[place[known]] = values[known]
    return found


def replace_clusters(
    engine: sa.Engine,
    found: Sequence[Cluster],
    *,
    over: Collection[int],
    people: tuple[np.ndarray, np.ndarray],
    courses: tuple[np.ndarray, np.ndarray],
) -> bool:
    """Put new clusters in the place of the old ones, in short transactions.

    A segment that is asked meanwhile finds each person in their old cluster or in their new one: cluster
    numbers are never given to something else, and a cluster goes when nobody is left in it. Of two trainings
    that do this at once the one that began last stays: the other one finds in each of its transactions that
    the clusters are not as it left them, and stops.

    Args:
        over: the numbers of the clusters that these were matched with.
        people: user_no, ascending, and cluster_no; everybody else leaves.
        courses: course_no, ascending, and cluster_no.

    Returns:
        whether it did; another training that did so meanwhile has given the new numbers away.
    """
    with _alone(engine) as (connection, there):
        if {cluster_no for cluster_no, _ in there} != set(over):
            return False
        _put(connection, found, over)
        mine = _as_they_are(connection)
    for key, rows in ((people_clusters.c.user_no, people), (cluster_courses.c.course_no, courses)):
        for low, high, pairs in _pieces(rows):
            with _alone(engine) as (connection, there):
                if there != mine:
                    return False
                _replace(connection, key, low, high, pairs)
    with _alone(engine) as (connection, there):
        if there != mine:
            return False
        kept = [one.cluster_no for one in found]
        connection.execute(sa.delete(clusters).where(clusters.c.cluster_no.not_in(kept)))
        erased = sa.select(users.c.user_no).where(users.c.erased_at.is_not(None))  # since they were read
        connection.execute(sa.delete(people_clusters).where(people_clusters.c.user_no.in_(erased)))
    return True


def _put(connection: sa.Connection, found: Sequence[Cluster], over: Collection[int]) -> None:
    for one in found:
        row = {**vars(one), "topics": list(one.topics), "name_key": category_key(one.name)}
        if one.cluster_no in over:
            connection.execute(sa.update(clusters).where(clusters.c.cluster_no == one.cluster_no), row)
        else:
            connection.execute(sa.insert(clusters), row)


Pairs = list[tuple[int, int]]


def _pieces(rows: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[int, int | None, Pairs]]:
    """Cut rows into ranges of their keys that leave nothing out: low, high (None: without end) and pairs."""
    keys, cluster_no = rows
    low = 0
    for start in range(0, max(len(keys), 1), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        high = None if start + ROWS_AT_ONCE >= len(keys) else int(keys[some][-1]) + 1
        yield low, high, list(zip(keys[some].tolist(), cluster_no[some].tolist(), strict=True))
        low = high or low


def _replace(
    connection: sa.Connection, key: sa.Column[int], low: int, high: int | None, pairs: Pairs
) -> None:
    """Replace one range of a table."""
    within = key >= low if high is None else sa.and_(key >= low, key < high)
    connection.execute(sa.delete(key.table).where(within))
    if pairs:
        values = [{key.name: number, "cluster_no": cluster_no} for number, cluster_no in pairs]
        connection.execute(sa.insert(key.table), values)


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[tuple[sa.Connection, set[tuple[int, datetime]]]]:
    """Begin a transaction that no other training writes clusters beside, and say which there are."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # SQLite has one writer at a time
            connection.execute(sa.text("LOCK TABLE clusters IN SHARE ROW EXCLUSIVE MODE"))
        yield connection, _as_they_are(connection)


def _as_they_are(connection: sa.Connection) -> set[tuple[int, datetime]]:
    """Return the number of each cluster, and when it was found, which tells one training from another."""
    rows = connection.execute(sa.select(clusters.c.cluster_no, clusters.c.found_at))
    return {(cluster_no, found_at) for cluster_no, found_at in rows}
