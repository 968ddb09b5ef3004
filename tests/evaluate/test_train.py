"""Training from the database: what it learns from, what it measures, what it stores."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.learned_tables import model_parts, models
from recmail.db.tables import consent, courses, interactions, users
from recmail.errors import ConfigError, ModelError
from recmail.evaluate.train import Training, train
from recmail.recommend.item_knn import ItemKnn
from recmail.recommend.models import load_promoted
from recmail.records import GradedTriples
from tests.shards import NOW

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


def quick(engine: sa.Engine, *, now: datetime = NOW, only: str | None = "item_knn", **named: Any) -> Training:
    """Train with the quickest scorer unless the test is about others."""
    return train(engine, now=now, seed=1, grades=GRADES, only=only, **named)


def test_trains_measures_and_promotes(database: sa.Engine) -> None:
    add_people(database, 80)
    add_events(database, two_tastes_in_time(80))
    steps: list[tuple[int, int]] = []
    model = quick(database, progress=lambda done, total: steps.append((done, total)))
    assert model.version == "20261102-090000-item_knn"
    # Each of 80 people has 6 courses, 1 of them held out, and of the other 5 again 1 to choose by.
    assert model.counts == {"users": 80, "courses": 24, "pairs": 480, "people": 80, "measured": 80}
    assert model.verdict.promoted
    assert model.fallback_share == 0
    assert steps == sorted(steps)
    assert {total for _, total in steps} == {steps[-1][1]}
    assert model.evaluation is not None
    rows = model.evaluation.rows
    assert set(rows) == {"item_knn", "popular", "trending"}
    # 7 courses of one's own half and 12 of the other are new: one of ten is right for 10 in 19 by chance.
    hit_rate = {name: row.accuracy["hit_rate_at_10"].mean for name, row in rows.items()}
    assert hit_rate["item_knn"] > 0.9 > hit_rate["popular"]
    assert model.evaluation.groups == {"light": 80}
    with reading(database) as connection:
        version, scorers = load_promoted(connection)
        stored = connection.execute(sa.select(models)).one()
    assert version == model.version
    assert scorers["auto"] is scorers["item_knn"]
    assert scorers["item_knn"].known.all()
    assert stored.metrics == model.evaluation.to_json()
    assert stored.counts == model.counts


def test_nothing_of_what_is_measured_was_learned_from(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fits that choose know 4 of each person's 6 courses, those that are measured 5, the last one all."""
    add_people(database, 80)
    add_events(database, two_tastes_in_time(80))
    seen: list[int] = []
    fit = ItemKnn.fit.__func__  # type: ignore[attr-defined]

    def noting(cls: type[ItemKnn], triples: GradedTriples, **named: Any) -> ItemKnn:
        seen.append(int(np.bincount(triples.user_no).max()))
        return fit(cls, triples, **named)

    monkeypatch.setattr(ItemKnn, "fit", classmethod(noting))
    quick(database)
    assert seen[-2:] == [5, 6]
    assert set(seen[:-2]) == {4}


def test_all_scorers_are_fitted_and_the_best_is_auto(database: sa.Engine) -> None:
    pytest.importorskip("implicit", reason="needs implicit: pip install implicit")
    add_people(database, 80)
    add_events(database, two_tastes_in_time(80))
    model = quick(database, only=None)
    assert model.evaluation is not None
    assert {"als", "ease", "item_knn", "svd", "popular", "trending"} <= set(model.evaluation.rows)
    assert model.auto not in ("popular", "trending")
    with reading(database) as connection:
        scorers = load_promoted(connection)[1]
    assert set(scorers) == {"auto", *model.evaluation.rows} - {"popular", "trending"}


def test_the_project_can_name_its_scorer(database: sa.Engine) -> None:
    add_people(database, 80)
    add_events(database, two_tastes_in_time(80))
    first = quick(database)
    second = quick(database, only=None, scorer="svd")
    assert (first.auto, second.auto) == ("item_knn", "svd")
    assert second.verdict.promoted
    assert second.verdict.words == "campaigns use it: [model] scorer is svd"
    with pytest.raises(ModelError, match=r"popular ranks alike for everybody.*There are: als"):
        quick(database, only=None, scorer="popular")
    with pytest.raises(ConfigError, match="there is no 'eaze'; did you mean ease"):
        quick(database, only="eaze")


def test_the_same_seed_and_data_give_the_same_model(database: sa.Engine) -> None:
    add_people(database, 80)
    add_events(database, two_tastes_in_time(80))
    first = quick(database, only="svd")
    stored = parts(database)
    second = quick(database, only="svd")
    assert second.version == "20261102-090000-svd-2"
    assert first.evaluation is not None
    assert second.evaluation is not None
    assert second.evaluation.to_json() == first.evaluation.to_json()
    assert parts(database) == [part for part in stored for _ in range(2)]
    with reading(database) as connection:
        hashes = connection.scalars(sa.select(models.c.data_hash)).all()
    assert len(set(hashes)) == 1
    assert "nothing is new" in second.verdict.words
    assert not second.verdict.promoted


def test_newer_data_makes_a_new_model_by_the_same_recipe(database: sa.Engine) -> None:
    add_people(database, 80)
    add_events(database, two_tastes_in_time(80))
    first = quick(database)
    add_events(database, [(0, 23, "enrolled", NOW + timedelta(hours=1))])
    second = quick(database, now=NOW + timedelta(days=1))
    assert second.verdict.promoted
    assert f"made like {first.version}, from newer data" in second.verdict.words
    with reading(database) as connection:
        assert load_promoted(connection)[0] == second.version


def test_with_few_people_nothing_is_measured(database: sa.Engine) -> None:
    add_people(database, 10)
    add_events(database, two_tastes_in_time(10))
    model = quick(database, only=None)  # 22 of the 24 courses were met
    assert model.evaluation is None
    assert model.auto == "ease"
    assert model.counts == {"users": 10, "courses": 22, "pairs": 60, "people": 10, "measured": 0}
    with reading(database) as connection:
        assert load_promoted(connection)[0] == model.version
        assert connection.scalar(sa.select(models.c.metrics)) == {}


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
    model = quick(database)
    assert model.counts["users"] == 10
    assert model.fallback_share == pytest.approx(2 / 12)


def test_grades_need_not_have_enrolled(database: sa.Engine) -> None:
    """Enrolments are then worth nothing, and all that has a grade is looked for."""
    add_people(database, 80)
    events = two_tastes_in_time(80)
    add_events(database, [(user, course, "completed", at) for user, course, _, at in events])
    add_events(database, [(user, 23 - course, "enrolled", at) for user, course, _, at in events])
    worth = {"viewed": 1.0, "completed": 5.0}
    model = train(database, now=NOW, seed=1, grades=worth, only="item_knn")
    assert model.counts == {"users": 80, "courses": 24, "pairs": 480, "people": 80, "measured": 80}
    assert model.evaluation is not None
    assert model.evaluation.rows["item_knn"].accuracy["hit_rate_at_10"].mean > 0.9


def test_where_nobody_enrolled_views_are_what_is_looked_for(database: sa.Engine) -> None:
    add_people(database, 80)
    add_events(database, [(user, course, "viewed", at) for user, course, _, at in two_tastes_in_time(80)])
    model = quick(database)
    assert model.counts["measured"] == 80
    assert model.evaluation is not None
    assert model.evaluation.rows["item_knn"].accuracy["hit_rate_at_10"].mean > 0.9
