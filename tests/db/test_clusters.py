"""Clusters in the database: replaced whole, read in the order that was asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from recmail.db import clusters as stored
from recmail.db.clusters import (
    Cluster,
    cluster_names,
    clusters_of_courses,
    clusters_of_people,
    read_clusters,
    replace_clusters,
)
from recmail.db.connect import reading, writing
from recmail.db.learned_tables import people_clusters
from recmail.db.tables import users


def put(
    engine: sa.Engine, now: datetime, people: dict[int, int], courses: dict[int, int], *names: str
) -> None:
    numbers = sorted({*people.values(), *courses.values()})
    found = [
        Cluster(number, name, ["a", "b"], 1, list(people.values()).count(number), now)
        for number, name in zip(numbers, names, strict=True)
    ]
    with reading(engine) as connection:
        over = [one.cluster_no for one in read_clusters(connection)]
    assert replace_clusters(engine, found, over=over, people=_arrays(people), courses=_arrays(courses))


def _arrays(pairs: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    keys = sorted(pairs)
    return np.array(keys, dtype=np.int64), np.array([pairs[key] for key in keys], dtype=np.int64)


@pytest.mark.parametrize("at_once", [1, 2, 5_000])
def test_the_new_ones_take_the_place_of_the_old_ones(
    people: sa.Engine, now: datetime, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "ROWS_AT_ONCE", at_once)
    put(people, now, {0: 4, 1: 5, 2: 5}, {0: 4, 3: 5, 9: 5}, "Data", "Music")
    put(people, now + timedelta(days=1), {1: 5, 2: 5, 3: 6}, {0: 6, 3: 5}, "Music", "Art")
    with reading(people) as connection:
        found = read_clusters(connection)
        assert [(one.cluster_no, one.name, one.people, one.topics) for one in found] == [
            (5, "Music", 2, ["a", "b"]),
            (6, "Art", 1, ["a", "b"]),
        ]
        assert {one.found_at for one in found} == {now + timedelta(days=1)}
        assert cluster_names(connection) == ["Art", "Music"]
        assert clusters_of_people(connection, np.array([0, 1, 3])).tolist() == [-1, 5, 6]
        assert clusters_of_courses(connection, np.arange(10)).tolist() == [6, -1, -1, 5] + [-1] * 6


def test_nothing_leaves_nothing(people: sa.Engine, now: datetime) -> None:
    put(people, now, {0: 4, 1: 5}, {0: 4, 3: 5}, "Data", "Music")
    put(people, now, {}, {})
    with reading(people) as connection:
        assert read_clusters(connection) == []
        assert clusters_of_people(connection, np.arange(4)).tolist() == [-1] * 4
        assert clusters_of_people(connection, np.arange(0)).tolist() == []


def test_of_two_trainings_at_once_the_first_one_stays(people: sa.Engine, now: datetime) -> None:
    put(people, now, {0: 4, 1: 5}, {0: 4, 3: 5}, "Data", "Music")
    late = [Cluster(4, "Art", [], 1, 1, now)]
    nobody = _arrays({})
    assert not replace_clusters(people, late, over=[], people=nobody, courses=nobody)
    with reading(people) as connection:
        assert cluster_names(connection) == ["Data", "Music"]
        assert clusters_of_people(connection, np.arange(2)).tolist() == [4, 5]


@pytest.mark.parametrize("piece", [0, 1, 2, 3, 4])
def test_of_two_trainings_that_replace_at_once_the_later_one_stays(
    people: sa.Engine, now: datetime, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes between any two transactions of the first one, knowing what that wrote so far."""
    put(people, now, {0: 4, 1: 5}, {0: 4, 3: 5}, "Data", "Music")
    monkeypatch.setattr(stored, "ROWS_AT_ONCE", 1)
    alone, begun = stored._alone, [0]

    def interrupted(engine: sa.Engine) -> Any:
        begun[0] += 1
        if begun[0] == piece + 2:
            monkeypatch.setattr(stored, "_alone", alone)
            put(people, now + timedelta(hours=2), {0: 5, 2: 6}, {1: 6, 2: 5}, "Music", "Art")
        return alone(engine)

    monkeypatch.setattr(stored, "_alone", interrupted)
    first = [Cluster(4, "Data", [], 1, 1, now + timedelta(hours=1)), Cluster(5, "Music", [], 1, 1, now)]
    numbers = _arrays({0: 4, 1: 5})
    assert not replace_clusters(people, first, over=[4, 5], people=numbers, courses=numbers)
    with reading(people) as connection:
        assert cluster_names(connection) == ["Art", "Music"]
        assert clusters_of_people(connection, np.arange(4)).tolist() == [5, -1, 6, -1]
        assert clusters_of_courses(connection, np.arange(4)).tolist() == [-1, 6, 5, -1]


def test_who_was_erased_while_clusters_were_sought_is_in_none(people: sa.Engine, now: datetime) -> None:
    with writing(people) as connection:
        connection.execute(sa.update(users).where(users.c.user_no == 1).values(erased_at=now))
    put(people, now, {0: 4, 1: 5}, {0: 4, 3: 5}, "Data", "Music")
    with reading(people) as connection:
        assert clusters_of_people(connection, np.arange(2)).tolist() == [4, -1]


def test_a_person_who_goes_takes_their_row_along(people: sa.Engine, now: datetime) -> None:
    put(people, now, {0: 4, 1: 5}, {0: 4, 3: 5}, "Data", "Music")
    with writing(people) as connection:
        connection.execute(sa.delete(users).where(users.c.user_no == 0))
        left: Any = connection.execute(sa.select(people_clusters.c.user_no)).all()
    assert [tuple(row) for row in left] == [(1,)]
