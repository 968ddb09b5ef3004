"""Models in the database: versions, promotion, and never for another catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import courses, model_parts, models
from recmail.errors import ModelError
from recmail.recommend.models import TrainedOn, find_promoted, hash_ids, load, load_promoted, promote, save
from recmail.records import GradedTriples
from tests.contracts import make_triples, small_svd, table_of, two_tastes

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
IDS = [f"c{number}" for number in range(12)]


def add_courses(engine: sa.Engine, ids: Sequence[str]) -> None:
    lists: dict[str, list[str]] = {name: [] for name in ("topics", "tags", "prerequisites")}
    words = dict.fromkeys(("title", "source", "source_row_hash"), "test")
    common = {**lists, **words, "staff_pick": False, "active": True, "imported_at": NOW}
    rows = [{"course_no": number, "course_id": course_id, **common} for number, course_id in enumerate(ids)]
    with writing(engine) as connection:
        connection.execute(sa.insert(courses), rows)


def save_svd(engine: sa.Engine, ids: Sequence[str] = IDS) -> str:
    with writing(engine) as connection:
        return save(
            connection,
            small_svd(),
            name="svd",
            trained_on=TrainedOn.of(two_tastes(), ids),
            metrics={"svd": {"ndcg_at_10": 0.0451}},
            now=NOW,
        )


def promote_it(engine: sa.Engine, version: str) -> None:
    with writing(engine) as connection:
        promote(connection, version)


def states(engine: sa.Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return {row.version: row.state for row in connection.execute(sa.select(models))}


def test_what_is_loaded_scores_as_what_was_saved(database: sa.Engine) -> None:
    add_courses(database, IDS)
    version = save_svd(database)
    promote_it(database, version)
    with reading(database) as connection:
        found, scorers = load_promoted(connection)
    assert found == version == "20261102-090000-svd"
    assert sorted(scorers) == ["auto", "svd"]
    grades = table_of(two_tastes(), people=37, courses=12)
    for scorer in scorers.values():
        assert np.array_equal(scorer.score(grades), small_svd().score(grades))


def test_the_promoted_one_is_described_without_being_loaded(database: sa.Engine) -> None:
    add_courses(database, IDS)
    with reading(database) as connection, pytest.raises(ModelError, match="no model is trained"):
        find_promoted(connection)
    promote_it(database, save_svd(database))
    with reading(database) as connection:
        found = find_promoted(connection)
    assert (found.version, found.scorer, found.trained_at) == ("20261102-090000-svd", "svd", NOW)
    assert found.counts == {"users": 37, "courses": 10, "pairs": 148}


def test_the_promoted_one_is_not_described_for_another_catalogue(database: sa.Engine) -> None:
    promote_it(database, save_svd(database))
    with reading(database) as connection, pytest.raises(ModelError, match="another catalogue"):
        find_promoted(connection)


def test_says_what_it_was_trained_on(database: sa.Engine) -> None:
    save_svd(database)
    with reading(database) as connection:
        row = connection.execute(sa.select(models)).one()
    assert row.counts == {"users": 37, "courses": 10, "pairs": 148}
    assert row.metrics == {"svd": {"ndcg_at_10": 0.0451}}
    assert row.trained_at == NOW
    assert row.scorer == "svd"
    assert row.params["svd"]["settings"]["factors"] == 4
    assert row.params["catalogue"] == {"courses": 12, "hash": hash_ids(IDS)}


def test_a_version_that_is_taken_gets_a_number(database: sa.Engine) -> None:
    assert [save_svd(database) for _ in range(3)] == [
        "20261102-090000-svd",
        "20261102-090000-svd-2",
        "20261102-090000-svd-3",
    ]


def test_one_model_is_promoted_at_a_time(database: sa.Engine) -> None:
    first, second = save_svd(database), save_svd(database)
    assert states(database) == {first: "candidate", second: "candidate"}
    promote_it(database, first)
    promote_it(database, second)
    assert states(database) == {first: "retired", second: "promoted"}
    promote_it(database, first)
    assert states(database) == {first: "promoted", second: "retired"}


def test_promoting_what_is_not_there_changes_nothing(database: sa.Engine) -> None:
    version = save_svd(database)
    promote_it(database, version)
    with pytest.raises(ModelError, match=f"there is no model 1999; the newest are: {version}"):
        promote_it(database, "1999")
    assert states(database) == {version: "promoted"}


def test_a_save_that_is_rolled_back_leaves_nothing(database: sa.Engine) -> None:
    with writing(database) as connection:
        on = TrainedOn.of(two_tastes(), IDS)
        save(connection, small_svd(), name="svd", trained_on=on, metrics={}, now=NOW)
        connection.rollback()
    with reading(database) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(models)) == 0
        assert connection.scalar(sa.select(sa.func.count()).select_from(model_parts)) == 0


def test_without_a_model_says_to_train_one(database: sa.Engine) -> None:
    with reading(database) as connection:
        with pytest.raises(ModelError, match="no model is trained; run: recmail train"):
            load_promoted(connection)
        with pytest.raises(ModelError, match="no model is trained; run: recmail train"):
            load(connection, "20261102-090000-svd")


def test_a_catalogue_that_has_grown_is_the_same_catalogue(database: sa.Engine) -> None:
    add_courses(database, [*IDS, "new-1", "new-2"])
    version = save_svd(database)
    with reading(database) as connection:
        assert load(connection, version)["svd"].known.sum() == 10


@pytest.mark.parametrize(
    "ids",
    [IDS[:-1], [*IDS[:-1], "other"], [IDS[1], IDS[0], *IDS[2:]]],
    ids=["a course is missing", "a course is another", "two changed places"],
)
def test_a_model_of_another_catalogue_is_refused(database: sa.Engine, ids: list[str]) -> None:
    add_courses(database, ids)
    version = save_svd(database)
    with (
        reading(database) as connection,
        pytest.raises(
            ModelError, match=rf"model {version} was trained on another catalogue.*run: recmail train"
        ),
    ):
        load(connection, version)


def test_ids_that_run_together_alike_have_other_hashes() -> None:
    assert len({hash_ids(["ab", "c"]), hash_ids(["a", "bc"]), hash_ids(["abc"]), hash_ids(["c", "ab"])}) == 4


def test_the_data_hash_changes_with_any_grade() -> None:
    one, other = make_triples([(0, 0, 3), (1, 1, 3)]), make_triples([(0, 0, 3), (1, 1, 4)])
    assert TrainedOn.of(one, IDS).data_hash != TrainedOn.of(other, IDS).data_hash
    assert TrainedOn.of(one, IDS).data_hash != TrainedOn.of(one, IDS[:-1]).data_hash
    same = GradedTriples(one.user_no, one.course_no, one.grade, one.at)
    assert TrainedOn.of(one, IDS) == TrainedOn.of(same, IDS)
