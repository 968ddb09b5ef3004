"""Training from the database: what it learns from, what it measures, what it stores."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import consent, courses, interactions, model_parts, models, users
from recmail.errors import ModelError
from recmail.evaluate.train import train
from recmail.recommend.models import load_promoted
from tests.contracts import NOW

GRADES = {"viewed": 1.0, "enrolled": 3.0, "progressed": 4.0, "completed": 5.0}
COURSES = 24


def add_people(engine: sa.Engine, count: int, *, now: datetime = NOW) -> None:
    words = dict.fromkeys(("source", "source_row_hash"), "test")
    rows = [
        {"user_no": number, "user_id": f"u{number}", "imported_at": now, **words} for number in range(count)
    ]
    lists: dict[str, list[str]] = {name: [] for name in ("topics", "tags", "prerequisites")}
    flags = {"staff_pick": False, "active": True, "imported_at": now}
    catalogue = [
        {"course_no": number, "course_id": f"c{number}", "title": "test", **words, **lists, **flags}
        for number in range(COURSES)
    ]
    with writing(engine) as connection:
        connection.execute(sa.insert(users), rows)
        connection.execute(sa.insert(courses), catalogue)


def add_events(engine: sa.Engine, events: list[tuple[int, int, str, datetime]]) -> None:
    rows = [
        {
            "event_key": f"{user_no}-{course_no}-{kind}",
            "user_no": user_no,
            "course_no": course_no,
            "kind": kind,
            "at": at,
            "source": "test",
        }
        for user_no, course_no, kind, at in events
    ]
    with writing(engine) as connection:
        connection.execute(sa.insert(interactions), rows)


def two_tastes_in_time(people: int) -> list[tuple[int, int, str, datetime]]:
    """Everybody enrolls in 6 of the 12 courses of their own half, in an order of their own."""
    random = np.random.default_rng(0)
    return [
        (user_no, int(course) + 12 * (user_no % 2), "enrolled", NOW - timedelta(days=10 - place))
        for user_no in range(people)
        for place, course in enumerate(random.permutation(12)[:6])
    ]


def parts(engine: sa.Engine) -> list[bytes]:
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(model_parts.c.array).order_by(model_parts.c.name)))


def test_trains_measures_and_promotes(database: sa.Engine) -> None:
    add_people(database, 80)
    add_events(database, two_tastes_in_time(80))
    steps: list[tuple[int, int]] = []
    model = train(
        database, now=NOW, seed=1, grades=GRADES, progress=lambda done, total: steps.append((done, total))
    )
    assert model.version == "20261102-090000-svd"
    # Each of 80 people has 6 courses, 1 of them held out; 40 people choose, 40 are measured.
    assert model.counts == {"users": 80, "courses": 24, "pairs": 480, "measured": 40}
    assert steps == [(step, 60) for step in range(1, 61)]
    # 7 courses of one's own half and 12 of the other are new: one of ten is right for 10 in 19 by chance.
    assert model.metrics["svd"]["hit_rate_at_10"] > 0.9
    assert model.metrics["svd"]["hit_rate_at_10"] > model.metrics["popular"]["hit_rate_at_10"]
    with reading(database) as connection:
        version, scorers = load_promoted(connection)
        stored = connection.execute(sa.select(models)).one()
    assert version == model.version
    assert scorers["svd"].known.all()
    assert stored.metrics == model.metrics
    assert stored.counts == model.counts


def test_the_same_seed_and_data_give_the_same_model(database: sa.Engine) -> None:
    add_people(database, 80)
    add_events(database, two_tastes_in_time(80))
    first = train(database, now=NOW, seed=7, grades=GRADES)
    stored = parts(database)
    second = train(database, now=NOW, seed=7, grades=GRADES)
    assert second.version == "20261102-090000-svd-2"
    assert second.metrics == first.metrics
    assert parts(database) == [part for part in stored for _ in range(2)]
    with reading(database) as connection:
        hashes = connection.scalars(sa.select(models.c.data_hash)).all()
    assert len(set(hashes)) == 1


def test_with_few_people_nothing_is_measured(database: sa.Engine) -> None:
    add_people(database, 10)
    add_events(database, two_tastes_in_time(10))
    model = train(database, now=NOW, seed=1, grades=GRADES)  # 22 of the 24 courses were met
    assert model.metrics == {}
    assert model.counts == {"users": 10, "courses": 22, "pairs": 60, "measured": 0}
    with reading(database) as connection:
        assert load_promoted(connection)[0] == model.version


def test_without_interactions_says_what_is_missing_and_stores_nothing(database: sa.Engine) -> None:
    add_people(database, 3)
    with pytest.raises(ModelError, match="too little to learn from: graded pairs: 0, people: 0"):
        train(database, now=NOW, seed=1, grades=GRADES)
    with reading(database) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(models)) == 0


def test_one_person_is_too_little(database: sa.Engine) -> None:
    add_people(database, 3)
    add_events(database, [(0, 0, "enrolled", NOW), (0, 1, "enrolled", NOW)])
    with pytest.raises(ModelError, match=r"pairs: 2, people: 1, courses: 2;.*recmail import"):
        train(database, now=NOW, seed=1, grades=GRADES)


def test_nothing_after_now_and_nobody_without_personalization_is_learned_from(database: sa.Engine) -> None:
    add_people(database, 12)
    later = [(11, 23, "enrolled", NOW + timedelta(seconds=1))]
    add_events(database, [*two_tastes_in_time(11), *later])
    refusal = {"user_no": 0, "purpose": "personalization", "granted": False, "at": NOW, "channel": "page"}
    with writing(database) as connection:
        connection.execute(sa.insert(consent), [refusal])
    assert train(database, now=NOW, seed=1, grades=GRADES).counts["users"] == 10


def test_grades_need_not_have_enrolled(database: sa.Engine) -> None:
    """Enrolments are then worth nothing, and all that has a grade is looked for."""
    add_people(database, 80)
    events = two_tastes_in_time(80)
    add_events(database, [(user, course, "completed", at) for user, course, _, at in events])
    add_events(database, [(user, 23 - course, "enrolled", at) for user, course, _, at in events])
    model = train(database, now=NOW, seed=1, grades={"viewed": 1.0, "completed": 5.0})
    assert model.counts == {"users": 80, "courses": 24, "pairs": 480, "measured": 40}
    assert model.metrics["svd"]["hit_rate_at_10"] > 0.9


def test_where_nobody_enrolled_views_are_what_is_looked_for(database: sa.Engine) -> None:
    add_people(database, 80)
    add_events(database, [(user, course, "viewed", at) for user, course, _, at in two_tastes_in_time(80)])
    model = train(database, now=NOW, seed=1, grades=GRADES)
    assert model.counts["measured"] == 40
    assert model.metrics["svd"]["hit_rate_at_10"] > 0.9
