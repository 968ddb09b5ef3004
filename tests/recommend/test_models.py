"""Models in the database: versions, promotion, and never for another catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.learned_tables import model_parts, models
from recmail.db.tables import courses, runs
from recmail.errors import ModelError
from recmail.recommend.blend import stored_settings
from recmail.recommend.models import (
    KEPT,
    TrainedOn,
    find_promoted,
    hash_ids,
    load,
    load_promoted,
    promote,
    promoted_recipe,
    remove_old,
    save,
    stored_models,
)
from recmail.recommend.svd import Svd
from recmail.records import GradedTriples, RunState
from tests.shards import make_triples, small_svd, table_of, two_tastes

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
IDS = [f"c{number}" for number in range(12)]


def add_courses(engine: sa.Engine, ids: Sequence[str]) -> None:
    lists: dict[str, list[str]] = {name: [] for name in ("topics", "tags", "prerequisites")}
    words = dict.fromkeys(("title", "source", "source_row_hash"), "test")
    common = {**lists, **words, "staff_pick": False, "active": True, "imported_at": NOW}
    rows = [{"course_no": number, "course_id": course_id, **common} for number, course_id in enumerate(ids)]
    with writing(engine) as connection:
        connection.execute(sa.insert(courses), rows)


def save_svd(engine: sa.Engine, ids: Sequence[str] = IDS, *, now: datetime = NOW) -> str:
    return save(
        engine,
        {"svd": small_svd()},
        auto="svd",
        trained_on=TrainedOn.of(two_tastes(), ids),
        metrics={"svd": {"ndcg_at_10": 0.0451}},
        now=now,
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
    assert row.params["scorers"]["svd"]["params"]["settings"]["factors"] == 4
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


def count(engine: sa.Engine, table: sa.Table) -> int:
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


@dataclass(frozen=True)
class Interrupted(Svd):
    """A scorer whose second array cannot be had any more: somebody pressed Ctrl-C."""

    def parts(self) -> dict[str, np.ndarray]:
        class Parts(dict[str, np.ndarray]):
            def items(self) -> Any:
                yield "known", np.ones(3, dtype=bool)
                raise KeyboardInterrupt

        return Parts()


def test_an_interrupted_save_leaves_nothing(database: sa.Engine) -> None:
    svd = small_svd()
    broken = Interrupted(svd.item_factors, svd.known, svd.scale, svd.settings, svd.seed)
    on = TrainedOn.of(two_tastes(), IDS)
    with pytest.raises(KeyboardInterrupt):
        save(database, {"svd": broken}, auto="svd", trained_on=on, metrics={}, now=NOW)
    assert count(database, models) == count(database, model_parts) == 0


def test_what_a_killed_save_left_is_nobodys_model_and_goes_after_a_day(database: sa.Engine) -> None:
    add_courses(database, IDS)
    killed = save_svd(database)
    with writing(database) as connection:
        connection.execute(sa.update(models).values(state="saving"))
    with reading(database) as connection:
        assert stored_models(connection) == []
        with pytest.raises(ModelError, match="no model is trained"):
            load(connection, killed)
    with pytest.raises(ModelError, match="no model is trained"):
        promote_it(database, killed)
    save_svd(database, now=NOW + timedelta(hours=23))
    assert killed in states(database)
    save_svd(database, now=NOW + timedelta(hours=25))
    assert killed not in states(database)
    with reading(database) as connection:
        assert set(connection.scalars(sa.select(model_parts.c.version))) == set(states(database))


def test_old_models_go_but_not_those_in_use(database: sa.Engine) -> None:
    add_courses(database, IDS)
    versions = [save_svd(database, now=NOW + timedelta(hours=hour)) for hour in range(KEPT + 4)]
    promote_it(database, versions[0])
    plan_with(database, versions[1], RunState.BUILDING, run_no=1)
    plan_with(database, versions[2], RunState.PLANNED, run_no=2)
    assert sorted(remove_old(database)) == versions[2:4]
    assert sorted(states(database)) == [*versions[:2], *versions[4:]]
    with reading(database) as connection:
        for version in states(database):
            assert load(connection, version)["svd"].known.any()


def plan_with(engine: sa.Engine, version: str, state: RunState, *, run_no: int) -> None:
    words = dict.fromkeys(("campaign", "campaign_yaml", "settings_hash", "recmail_version"), "test")
    documents: dict[str, dict[str, str]] = {name: {} for name in ("template_bundle", "settings", "courses")}
    due = NOW + timedelta(days=run_no)
    with writing(engine) as connection:
        connection.execute(
            sa.insert(runs).values(
                run_no=run_no,
                due_instant=due,
                state=state,
                model_version=version,
                seed=1,
                **words,
                **documents,
            )
        )


def test_lists_models_the_newest_first(database: sa.Engine) -> None:
    first, second = save_svd(database), save_svd(database, now=NOW + timedelta(hours=1))
    promote_it(database, first)
    with reading(database) as connection:
        listed = stored_models(connection)
    assert [(one.version, one.auto, one.scorers, one.state) for one in listed] == [
        (second, "svd", ["svd"], "candidate"),
        (first, "svd", ["svd"], "promoted"),
    ]


def test_the_recipe_makes_the_promoted_model_again(database: sa.Engine) -> None:
    with reading(database) as connection:
        assert promoted_recipe(connection) is None
    version = save_svd(database)
    promote_it(database, version)
    with reading(database) as connection:
        recipe = promoted_recipe(connection)
    assert recipe is not None
    assert (recipe.version, recipe.auto) == (version, "svd")
    assert stored_settings("svd", recipe.settings) == small_svd().settings


def test_a_model_of_an_older_recmail_is_refused(database: sa.Engine) -> None:
    version = save_svd(database)
    promote_it(database, version)
    with writing(database) as connection:
        connection.execute(sa.update(models).values(params={"svd": {}}))
    with reading(database) as connection:
        assert promoted_recipe(connection) is None
        with pytest.raises(ModelError, match=f"{version} was saved by another version.*recmail train"):
            load(connection, version)


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
