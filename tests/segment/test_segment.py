"""Whom a segment addresses, on both databases, against rows worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.tables import interactions, users
from recmail.segment import (
    Courses,
    Segment,
    audience_query,
    compile_segment,
    count_rules,
    values_instead,
    whole_audience,
)
from tests.segment.world import frame_of, make_world

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
MONTH = 30 * DAY

# (last_seen_at, interactions), each as a time before now; None: no such value.
PEOPLE: list[tuple[timedelta | None, list[timedelta]]] = [
    (DAY, []),  # 0: seen yesterday
    (MONTH, []),  # 1: exactly at the boundary, which belongs to the time
    (MONTH + MICROSECOND, []),  # 2: a microsecond too long ago
    (None, []),  # 3: nothing known
    (None, [5 * DAY]),  # 4: an interaction is being seen
    (90 * DAY, [MONTH]),  # 5: the later of the two counts, at the boundary
    (90 * DAY, [MONTH + MICROSECOND]),  # 6: both too long ago
    (-DAY, []),  # 7: a time after now is no news
    (None, [-MICROSECOND]),  # 8: nor is an interaction after now
    (-DAY, [2 * DAY]),  # 9: but an earlier interaction is
    (timedelta(0), []),  # 10: this very moment
    (None, [-DAY, 40 * DAY, 20 * DAY]),  # 11: one of several is enough
    (40 * DAY, [-DAY]),  # 12: an interaction after now does not make somebody seen
]


COURSES = Courses.of_frame(frame_of(make_world(1)["courses"]))


def compiled(text: str, now: datetime) -> Segment:
    return compile_segment(text, now, attributes={"plan": "text"}, courses=COURSES)


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    rows, events = [], []
    for number, (seen, done) in enumerate(PEOPLE):
        rows.append(person(number, now, None if seen is None else now - seen))
        events += [event(number, now - ago, len(events) + at) for at, ago in enumerate(done)]
    erased = len(PEOPLE)
    rows.append({**person(erased, now, now), "erased_at": now})
    with writing(database) as connection:
        connection.execute(users.insert(), rows)
        connection.execute(interactions.insert(), events)
    return database


def person(number: int, now: datetime, seen: datetime | None) -> dict[str, object]:
    return {
        "user_no": number,
        "user_id": f"u{number}",
        "last_seen_at": seen,
        "source": "test",
        "source_row_hash": "",
        "imported_at": now,
        "erased_at": None,
    }


def event(number: int, at: datetime, key: int) -> dict[str, object]:
    return {
        "event_key": f"{number}-{key}",
        "user_no": number,
        "course_no": 0,
        "kind": "viewed",
        "at": at,
        "source": "test",
    }


@pytest.fixture
def addressed(people: sa.Engine, now: datetime) -> Callable[[str], list[int]]:
    def numbers(text: str) -> list[int]:
        segment = compiled(text, now)
        with people.connect() as connection:
            found = sorted(connection.scalars(whole_audience(connection, segment)))
            assert sorted(connection.scalars(audience_query(segment, 0, 1_000))) == found
            return found

    return numbers


def test_seen_is_the_later_of_last_seen_and_interactions_and_never_after_now(
    addressed: Callable[[str], list[int]],
) -> None:
    assert addressed("last_seen within 30d") == [0, 1, 4, 5, 9, 10, 11]
    assert addressed("last_seen within 24h") == [0, 10]
    assert addressed("last_seen within 90d") == [0, 1, 2, 4, 5, 6, 9, 10, 11, 12]


def test_rules_on_several_lines_narrow_each_other(addressed: Callable[[str], list[int]]) -> None:
    assert addressed("last_seen within 30d\nand last_seen within 24h") == [0, 10]


def test_erased_people_are_in_no_segment_not_even_everyone(addressed: Callable[[str], list[int]]) -> None:
    assert addressed("everyone") == list(range(len(PEOPLE)))


def test_a_shard_is_the_part_of_the_segment_between_two_numbers(people: sa.Engine, now: datetime) -> None:
    segment = compiled("last_seen within 30d", now)
    with people.connect() as connection:
        parts = [
            sorted(connection.execute(audience_query(segment, low, low + 5)).scalars()) for low in (0, 5, 10)
        ]
    assert parts == [[0, 1, 4], [5, 9], [10, 11]]


def test_counts_after_each_rule_add_the_rules_up(people: sa.Engine, now: datetime) -> None:
    segment = compiled("everyone\nand last_seen within 30d\nand last_seen within 24h", now)
    with people.connect() as connection:
        assert count_rules(connection, segment) == [
            ("everyone", 13),
            ("last_seen within 30d", 7),
            ("last_seen within 24h", 2),
        ]


def test_an_audience_keeps_its_meaning_inside_a_query_on_users(people: sa.Engine, now: datetime) -> None:
    audience = audience_query(compiled("last_seen within 24h", now), 0, 100)
    other = users.alias("other")
    query = (
        sa.select(users.c.user_no)
        .where(users.c.user_no.in_(audience))
        .where(sa.exists().where(other.c.user_no == users.c.user_no + 1, other.c.user_no.not_in(audience)))
    )
    with people.connect() as connection:
        assert sorted(connection.execute(query).scalars()) == [0, 10]


def test_a_segment_goes_to_the_database_as_bind_parameters(people: sa.Engine, now: datetime) -> None:
    text = 'last_seen within 30d and plan == "x\'; drop" and completed("c3") and language != "pt"'
    query = audience_query(compiled(text, now), 0, 10).compile(people)
    lists = [value for value in query.params.values() if isinstance(value, list)]
    single = {value for value in query.params.values() if not isinstance(value, list)}
    assert {now, now - MONTH, 0, 10, "completed"} <= single
    assert lists == [["x'; drop"], [3], ["pt"]]
    assert not re.search("2026|drop|completed|pt", str(query))


def test_the_condition_can_be_asked_of_any_table_of_people(people: sa.Engine, now: datetime) -> None:
    segment = compiled("last_seen within 24h", now)
    with people.connect() as connection:
        query = sa.select(sa.func.count()).select_from(users).where(~segment.where(users))
        # Everybody but 0 and 10: nobody is lost to NULL.
        assert connection.execute(query).scalar_one() == len(PEOPLE) + 1 - 2


def test_an_event_keeps_its_own_rows_inside_a_query_that_reads_interactions(
    people: sa.Engine, now: datetime
) -> None:
    """Without correlation said outright, SQLAlchemy would take the outer query's interactions for its own."""
    segment = compiled("viewed() within 24h or last_seen within 24h", now)
    query = (
        sa.select(users.c.user_no)
        .join(interactions, interactions.c.user_no == users.c.user_no)
        .where(interactions.c.at <= now, segment.where(users))
    )
    with people.connect() as connection:
        # Person 5 has an interaction, of a month ago: the outer query finds it, the event must not.
        assert list(connection.execute(query).scalars()) == []
        assert 0 in connection.scalars(audience_query(segment, 0, 100)).all()


def test_a_segment_of_many_courses_is_one_parameter(database: sa.Engine, now: datetime) -> None:
    """SQLite takes at most 32,766 parameters; a catalogue may have more courses."""
    courses = Courses.of_columns({"course_id": [f"c{number}" for number in range(40_000)]})
    segment = compile_segment("not viewed(course_id is set)", now, attributes={}, courses=courses)
    with database.connect() as connection:
        assert connection.execute(audience_query(segment, 0, 100)).all() == []
        assert count_rules(connection, segment) == [("not viewed(course_id is set)", 0)]


def test_where_a_rule_finds_nobody_what_people_have_instead_is_found(
    database: sa.Engine, now: datetime
) -> None:
    """Of six plans, the five of most people, among those whom the rules before had left."""
    plans = ["free"] * 4 + ["pro"] * 3 + ["Team", "Team", "a", "b", "c", None, 7]
    known = [
        {**person(number, now, now), "country": "IN", "attributes": {} if plan is None else {"plan": plan}}
        for number, plan in enumerate(plans)
    ]
    elsewhere = {**person(100, now, now), "country": "NO", "attributes": {"plan": "Pro"}}
    gone = {**person(101, now, now), "country": "IN", "attributes": {"plan": "c"}, "erased_at": now}
    with writing(database) as connection:
        connection.execute(users.insert(), [*known, elsewhere, gone])
    with database.connect() as connection:

        def instead(text: str) -> list[tuple[str, str, int]]:
            segment = compiled(text, now)
            number = [people for _, people in count_rules(connection, segment)].index(0)
            return [(one.field, one.value, one.people) for one in values_instead(connection, segment, number)]

        plans_of_india = [("free", 4), ("pro", 3), ("Team", 2), ("a", 1), ("b", 1)]
        expected = [("plan", *one) for one in plans_of_india]
        assert instead('country == "IN" and plan == "Pro" and first_name is set') == expected
        assert instead('country == "IN" and (plan in ["PRO", "Free"] or enrolments > 9)') == expected
        assert instead('country == "SE"') == [("country", "IN", 14), ("country", "NO", 1)]
        assert instead('first_name == "Ana"') == instead('country in ["IN", "NO"] and not everyone') == []
