"""Random segments: SQL on both databases, arrays, and an evaluator in plain Python agree about every row."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from recmail.db.courses import read_courses
from recmail.segment import (
    Courses,
    audience_query,
    check_where,
    compile_segment,
    count_rules,
    courses_where,
    whole_audience,
)
from tests.segment.evaluator import World
from tests.segment.sentences import Writer
from tests.segment.world import ATTRIBUTES, NOW, frame_of, make_world, write_world

SEGMENTS, CONDITIONS = 120, 300


@pytest.mark.parametrize("seed", [1, 2])
def test_people_are_those_of_whom_it_is_true(database: sa.Engine, seed: int) -> None:
    rows = make_world(seed)
    write_world(database, rows)
    world, writer = World(rows, NOW), Writer(seed)
    some = 0
    with database.connect() as connection:
        courses = Courses.of_columns(read_courses(connection))
        for _ in range(SEGMENTS):
            text = writer.segment()
            segment = compile_segment(text, NOW, attributes=ATTRIBUTES, courses=courses)
            nodes = [rule.node for rule in segment.rules]
            expected = world.audience(nodes)
            found = connection.scalars(audience_query(segment, 0, len(rows["users"]))).all()
            assert sorted(found) == expected, text
            steps = [len(world.audience(nodes[: count + 1])) for count in range(len(nodes))]
            assert [people for _, people in count_rules(connection, segment)] == steps, text
            opposite = compile_segment(f"not ({text})", NOW, attributes=ATTRIBUTES, courses=courses)
            others = connection.scalars(whole_audience(connection, opposite)).all()
            assert sorted([*found, *others]) == list(range(len(rows["users"]))), text
            some += 0 < len(expected) < len(rows["users"])
    assert some > SEGMENTS / 3, "most segments must divide people, or they test nothing"


@pytest.mark.parametrize("seed", range(3))
def test_courses_are_those_of_which_it_is_true(seed: int) -> None:
    rows = make_world(seed)
    world, courses, writer = World(rows, NOW), Courses.of_frame(frame_of(rows["courses"])), Writer(seed)
    for _ in range(CONDITIONS):
        text = writer.where()
        node = check_where(text)
        expected = [world.holds(node, row) for row in rows["courses"]]
        assert courses_where(text, courses, NOW).tolist() == expected, text
        assert courses_where(f"not ({text})", courses, NOW).tolist() == [not one for one in expected], text
