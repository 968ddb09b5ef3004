"""The people a preview shows: the ends of the audience, each with why, on both databases alike."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.samples import people_by_lot, people_who_matter
from recmail.db.tables import courses, interactions, users

EVERYBODY = sa.select(users.c.user_no)
# Number, name, address, time zone, courses taken: one person for each thing that is looked for.
PEOPLE = (
    (0, "Ana", "a@example.org", "UTC", 4),
    (1, "Ben", "b@example.org", "UTC", 9),
    (2, "Cleo", "c@example.org", "UTC", 0),
    (3, "Dan", "d@example.org", "UTC", 1),
    (4, "Wolfeschlegelsteinhausen", "e@example.org", "UTC", 2),
    (5, None, "f@example.org", "UTC", 2),
    (6, "O'Brien", "g@example.org", "UTC", 2),
    (7, "ליאור", "h@example.org", "UTC", 2),
    (8, "Eve", "i@example.org", "UTC", 2),
    (9, "Fay", "j@example.org", "UTC", 2),
    (10, "Gus", None, "UTC", 2),
    (11, "Hal", "l@example.org", None, 2),
)
FOUND = [
    ("an ordinary learner", 0),
    ("the longest history", 1),
    ("no history at all", 2),
    ("one course so far", 3),
    ("the longest name", 4),
    ("no name", 5),
    ("signs or markup in the name", 6),
    ("a right-to-left name", 7),
    ("no personalization wanted", 8),
    ("unsubscribed", 9),
    ("no address", 10),
    ("unknown time zone", 11),
]


@pytest.fixture
def audience(database: sa.Engine, now: datetime) -> sa.Engine:
    """A database with PEOPLE."""
    imported = {"source": "test", "source_row_hash": "", "imported_at": now}
    before = now - timedelta(days=7)
    catalogue = [
        {"course_no": number, "course_id": f"c{number}", "title": "A course", **imported}
        | {"topics": [], "tags": [], "prerequisites": [], "staff_pick": False, "active": True}
        for number in range(9)
    ]
    with writing(database) as connection:
        connection.execute(sa.insert(courses), catalogue)
        for number, name, email, zone, taken in PEOPLE:
            add_person(connection, number, imported, first_name=name, email=email, timezone=zone)
            for course in range(taken):
                event = {"event_key": f"{number}-{course}", "user_no": number, "course_no": course}
                about = {"kind": "enrolled", "at": before, "source": "test"}
                connection.execute(interactions.insert().values(event | about))
        said = [Consent(number, "email", True, before, "import") for number, *_ in PEOPLE]
        said.append(Consent(8, "personalization", False, now, "page"))
        said.append(Consent(9, "email", False, now, "one_click"))
        record_consent(connection, said)
    return database


def add_person(connection: sa.Connection, number: int, imported: dict[str, object], **known: object) -> None:
    address = {"email_key": known["email"], "email_hash": known["email"]}
    connection.execute(
        users.insert().values(user_no=number, user_id=f"u{number}", **imported, **address, **known)
    )


def test_each_end_of_the_audience_is_found_once(audience: sa.Engine, now: datetime) -> None:
    with reading(audience) as connection:
        assert people_who_matter(connection, EVERYBODY, topic="tips", now=now, at_most=20) == FOUND


def test_no_more_than_asked_for_and_nobody_outside_the_audience(audience: sa.Engine, now: datetime) -> None:
    some = EVERYBODY.where(users.c.user_no.in_([1, 7, 10]))
    with reading(audience) as connection:
        assert people_who_matter(connection, EVERYBODY, topic="tips", now=now, at_most=3) == FOUND[:3]
        assert people_who_matter(connection, some, topic="tips", now=now, at_most=20) == [
            ("the longest history", 1),
            ("the longest name", 7),
            ("no address", 10),
        ]


@pytest.mark.parametrize(
    ("name", "is_so"),
    [("\u0590", True), ("ليلى", True), ("\u08ffa", True), ("\u0900", False), ("Ωmega", False)],
)
def test_right_to_left_is_told_by_code_point(
    audience: sa.Engine, now: datetime, name: str, is_so: bool
) -> None:
    with writing(audience) as connection:
        connection.execute(users.update().where(users.c.user_no == 7).values(first_name=name))
    with reading(audience) as connection:
        found = people_who_matter(connection, EVERYBODY, topic="tips", now=now, at_most=20)
    assert (("a right-to-left name", 7) in found) == is_so


def test_people_by_lot_may_be_mailed_and_are_the_same_each_time(audience: sa.Engine, now: datetime) -> None:
    """Nine is unsubscribed, and ten has no address."""
    drawn = {}
    with reading(audience) as connection:
        for seed in range(40):
            everybody = people_by_lot(connection, EVERYBODY, topic="tips", now=now, seed=seed, at_most=99)
            drawn[seed] = people_by_lot(connection, EVERYBODY, topic="tips", now=now, seed=seed, at_most=3)
            assert everybody[:3] == drawn[seed]
            assert sorted(everybody) == [number for number, *_ in PEOPLE if number not in (9, 10)]
        some = EVERYBODY.where(users.c.user_no < 2)
        seed = 2**60 - 1  # a run's are that large
        assert sorted(people_by_lot(connection, some, topic="tips", now=now, seed=seed, at_most=3)) == [0, 1]
    assert {number for three in drawn.values() for number in three} == set(range(12)) - {9, 10}
