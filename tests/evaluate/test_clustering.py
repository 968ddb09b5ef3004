"""Clusters after a training: found, asked for in segments, and the same the next time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from recmail.db.clusters import cluster_names, clusters_of_people, read_clusters
from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.tables import courses
from recmail.evaluate.clustering import NO_FACTORS, TOO_FEW
from recmail.evaluate.train import train
from recmail.segment import Courses, audience_query, compile_segment, count_rules
from tests.contracts import NOW
from tests.evaluate.test_train import COURSES, GRADES, add_events, add_people, two_tastes_in_time

PEOPLE = 60


@pytest.fixture
def known(database: sa.Engine) -> sa.Engine:
    """60 people of two tastes, and a last one without a history; the courses of the halves have topics."""
    add_people(database, PEOPLE + 1, now=NOW)
    add_events(database, two_tastes_in_time(PEOPLE))
    with writing(database) as connection:
        for number in range(COURSES):
            category, topic = ("Data", "SQL") if number < 12 else ("Music", "Piano")
            row = sa.update(courses).where(courses.c.course_no == number)
            connection.execute(row.values(category=category, topics=[topic]))
    return database


def trained(engine: sa.Engine, *, seed: int = 1, only: str | None = "svd", days: int = 0) -> list[str]:
    notes = train(engine, now=NOW + timedelta(days=days), seed=seed, grades=GRADES, only=only).notes
    return list(notes)


def asked(engine: sa.Engine, segment: str) -> list[int]:
    found = compile_segment(segment, NOW, attributes={}, courses=Courses.of_columns({"course_id": []}))
    with reading(engine) as connection:
        numbers = list(connection.scalars(audience_query(found, 0, 1_000)))
        assert count_rules(connection, found)[-1][1] == len(numbers)
    return sorted(numbers)


def test_people_of_one_taste_are_a_cluster_that_segments_know(known: sa.Engine) -> None:
    trained(known)
    with reading(known) as connection:
        found = read_clusters(connection)
    assert {(one.name, one.people, one.courses) for one in found} == {
        ("Data + SQL", 30, 12),
        ("Music + Piano", 30, 12),
    }
    assert asked(known, 'in_cluster("data +  SQL")') == list(range(0, PEOPLE, 2))
    assert asked(known, 'not in_cluster("Data + SQL")') == [*range(1, PEOPLE, 2), PEOPLE]
    assert asked(known, 'in_cluster("Data + SQL") or in_cluster("Music + Piano")') == list(range(PEOPLE))
    assert asked(known, 'in_cluster("Gardening")') == []


def test_a_cluster_keeps_its_number_and_name(known: sa.Engine) -> None:
    trained(known)
    with reading(known) as connection:
        before = clusters_of_people(connection, np.arange(PEOPLE))
    with writing(known) as connection:
        connection.execute(sa.update(courses).values(topics=["Something new"]))
    for seed in (2, 3):
        trained(known, seed=seed, days=seed)
        with reading(known) as connection:
            assert clusters_of_people(connection, np.arange(PEOPLE)).tolist() == before.tolist()
            assert cluster_names(connection) == ["Data + SQL", "Music + Piano"]
            assert {tuple(one.topics) for one in read_clusters(connection)} == {
                ("Data", "Something new"),
                ("Music", "Something new"),
            }


def test_who_wants_nothing_personal_is_in_none(known: sa.Engine) -> None:
    trained(known)
    everybody = asked(known, 'in_cluster("Data + SQL")')
    with writing(known) as connection:
        record_consent(connection, [Consent(0, "personalization", False, NOW - timedelta(days=1), "page")])
    assert asked(known, 'in_cluster("Data + SQL")') == everybody[1:]
    trained(known)
    with reading(known) as connection:
        assert clusters_of_people(connection, np.array([0, 2]))[0] == -1


def test_a_scorer_without_factors_leaves_them_as_they_were(known: sa.Engine) -> None:
    trained(known)
    assert NO_FACTORS in trained(known, only="ease")
    assert len(asked(known, 'in_cluster("Data + SQL")')) == PEOPLE // 2


def test_few_people_are_not_divided(database: sa.Engine) -> None:
    add_people(database, 20, now=NOW)
    add_events(database, two_tastes_in_time(20))
    assert TOO_FEW in trained(database)
    with reading(database) as connection:
        assert read_clusters(connection) == []
