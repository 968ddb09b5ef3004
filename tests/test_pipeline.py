"""What a person gets does not depend on who else is in the shard, nor on how the shards are cut."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from recmail.db.connect import reading
from recmail.evaluate.train import train
from recmail.pipeline import Composed, compose, compose_people, compose_shard
from recmail.runs.create import create_project, fill_with_demo
from recmail.runs.facts import read_facts
from recmail.runs.project import Project

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PEOPLE = 80


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("pipeline") / "acme"
    made = create_project(
        folder, name="Acme", sender="Acme <a@acme.example>", postal_address="1 Road", currency="INR"
    )
    assert len(list(fill_with_demo(made, now=AT, seed=3, users=PEOPLE))) == 4
    train(made.engine, now=AT, seed=1, grades=made.settings.model.grades)
    return made


def composed(project: Project, *cuts: int) -> list[Composed]:
    campaign = project.campaign("weekly-picks")
    with reading(project.engine) as connection:
        facts = read_facts(connection, project, campaign, AT)
        parts = pairwise(cuts)
        return [one for low, high in parts for one in compose(connection, facts, low, high)]


def test_shards_may_be_cut_anywhere(project: Project) -> None:
    whole = composed(project, 0, PEOPLE)
    assert sum(one.reason is None for one in whole) > 30
    assert composed(project, 0, 1, 13, 50, PEOPLE) == whole


def test_everybody_is_composed_once_with_courses_or_a_reason(project: Project) -> None:
    whole = composed(project, 0, PEOPLE)
    numbers = [one.user_no for one in whole]
    assert numbers == sorted(set(numbers))
    for one in whole:
        assert (one.reason is None) == (one.context is not None)
        if one.context is not None:
            courses = [course_no for _, course_no, *_ in one.context["slots"]]
            assert len(courses) == len(set(courses)) >= 2
            assert not set(courses) & {course_no for _, course_no, *_ in one.reserves}


def test_a_shard_without_anybody_is_empty(project: Project) -> None:
    assert composed(project, PEOPLE, PEOPLE + 100) == []


def test_what_blocks_fell_short_of_adds_up_however_the_shards_are_cut(project: Project) -> None:
    with reading(project.engine) as connection:
        facts = read_facts(connection, project, project.campaign("weekly-picks"), AT)
        whole = compose_shard(connection, facts, 0, PEOPLE)
        parts = [compose_shard(connection, facts, low, high) for low, high in pairwise((0, 13, 50, PEOPLE))]
    people, rows = whole
    emails = [one for one in people if one.context is not None]
    for number, row in zip((1, 2, 3), rows, strict=True):
        seen = [one for one in emails if any(slot[0] == number for slot in one.context["slots"])]
        assert row[:2] == [number, len(seen)]
        added = [sum(part[1][number - 1][column] for part in parts) for column in range(2, len(row))]
        assert added == pytest.approx(row[2:])


def test_a_few_people_get_what_they_get_among_all(project: Project) -> None:
    whole = composed(project, 0, PEOPLE)
    with reading(project.engine) as connection:
        facts = read_facts(connection, project, project.campaign("weekly-picks"), AT)
        for step in (1, 7, 39):  # looked up by themselves where they are few of the range
            few = [one for one in whole if one.user_no % step == 0]
            assert compose_people(connection, facts, [one.user_no for one in few]) == few
        assert compose_people(connection, facts, []) == []
