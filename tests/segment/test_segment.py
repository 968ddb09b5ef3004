"""Whom a segment addresses, on both databases, against rows worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.tables import interactions, users
from recmail.segment import Segment, audience_query, compile_segment, count_rules

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
        query = audience_query(compile_segment(text, now)).order_by(sa.text("1"))
        with people.connect() as connection:
            return list(connection.execute(query).scalars())

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
    segment = compile_segment("last_seen within 30d", now)
    with people.connect() as connection:
        parts = [
            sorted(connection.execute(audience_query(segment, low, low + 5)).scalars()) for low in (0, 5, 10)
        ]
    assert parts == [[0, 1, 4], [5, 9], [10, 11]]


def test_counts_after_each_rule_add_the_rules_up(people: sa.Engine, now: datetime) -> None:
    segment = compile_segment("everyone\nand last_seen within 30d\nand last_seen within 24h", now)
    with people.connect() as connection:
        assert count_rules(connection, segment) == [
            ("everyone", 13),
            ("last_seen within 30d", 7),
            ("last_seen within 24h", 2),
        ]


def test_an_audience_keeps_its_meaning_inside_a_query_on_users(people: sa.Engine, now: datetime) -> None:
    audience = audience_query(compile_segment("last_seen within 24h", now))
    other = users.alias("other")
    query = (
        sa.select(users.c.user_no)
        .where(users.c.user_no.in_(audience))
        .where(sa.exists().where(other.c.user_no == users.c.user_no + 1, other.c.user_no.not_in(audience)))
    )
    with people.connect() as connection:
        assert sorted(connection.execute(query).scalars()) == [0, 10]


def test_a_segment_goes_to_the_database_as_bind_parameters(people: sa.Engine, now: datetime) -> None:
    query = audience_query(compile_segment("last_seen within 30d", now), 0, 10)
    compiled = query.compile(people)
    assert set(compiled.params.values()) == {now, now - MONTH, 0, 10, 1}
    assert "2026" not in str(compiled)


def test_the_condition_can_be_asked_of_any_table_of_people(people: sa.Engine, now: datetime) -> None:
    segment: Segment = compile_segment("last_seen within 24h", now)
    with people.connect() as connection:
        query = sa.select(sa.func.count()).select_from(users).where(~segment.where(users))
        # Everybody but 0 and 10: nobody is lost to NULL.
        assert connection.execute(query).scalar_one() == len(PEOPLE) + 1 - 2
