"""The people a preview shows: the ends of the audience, each with why, on both databases alike."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, Suppression, record_consent, suppress
from recmail.db.samples import join_reasons, people_by_lot, people_who_matter, sample_of, speakers
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
    (6, "<b>Bo</b>", "g@example.org", "UTC", 2),
    (7, "ליאור", "h@example.org", "UTC", 2),
    (8, "Eve", "i@example.org", "UTC", 2),
    (9, "Fay", "j@example.org", "UTC", 2),
    (10, "Gus", None, "UTC", 2),
    (11, "Hal", "l@example.org", None, 2),
    (12, "{{ 7*7 }}", "m@example.org", "UTC", 2),
    (13, "Mayura 🦚", "n@example.org", "UTC", 2),
    (14, "Ida", "o@example.org", "UTC", 2),
    (15, "Jan", "p@example.org", "UTC", 2),
    (16, "Kim", "q@example.org", "UTC", 3),
    (17, "O'Brien & Sons", "r@example.org", "UTC", 2),
)
FOUND = [
    ("an ordinary learner", 0),
    ("everything completed (3 courses)", 16),
    ("the longest history (9 interactions)", 1),
    ("no history", 2),
    ("one interaction", 3),
    ("the longest name (24 letters)", 4),
    ("no name", 5),
    ("markup in the name", 6),
    ("braces in the name", 12),
    ("emoji in the name", 13),
    ("a right-to-left name", 7),
    ("unknown time zone", 11),
    ("personalization is off", 8),
    ("unsubscribed", 9),
    ("address bounced or complained", 14),
    ("no consent on record", 15),
    ("no e-mail address", 10),
]


@pytest.fixture
def audience(database: sa.Engine, now: datetime) -> sa.Engine:
    """A database with PEOPLE; 16 completed all three courses, 1 completed eight of nine."""
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
            completed = {1: taken - 1, 16: taken}.get(number, 0)
            for course in range(taken):
                kind = "completed" if course < completed else "enrolled"
                add_event(connection, number, course, kind=kind, at=before)
        said = [Consent(number, "email", True, before, "import") for number, *_ in PEOPLE if number != 15]
        said.append(Consent(8, "personalization", False, now, "page"))
        said.append(Consent(9, "email", False, now, "one_click"))
        record_consent(connection, said)
        suppress(connection, [Suppression("o@example.org", "hard_bounce", before, "test")])
    return database


def add_person(connection: sa.Connection, number: int, imported: dict[str, object], **known: object) -> None:
    address = {"email_key": known["email"], "email_hash": known["email"]}
    connection.execute(
        users.insert().values(user_no=number, user_id=f"u{number}", **imported, **address, **known)
    )


def add_event(connection: sa.Connection, number: int, course: int, *, kind: str, at: datetime) -> None:
    event = {"event_key": f"{number}-{course}-{kind}", "user_no": number, "course_no": course, "kind": kind}
    connection.execute(interactions.insert().values(event | {"at": at, "source": "test"}))


def test_each_end_of_the_audience_is_found(audience: sa.Engine, now: datetime) -> None:
    with reading(audience) as connection:
        assert people_who_matter(connection, EVERYBODY, topic="tips", now=now, at_most=20) == FOUND


def test_no_more_than_asked_for_and_nobody_outside_the_audience(audience: sa.Engine, now: datetime) -> None:
    some = EVERYBODY.where(users.c.user_no.in_([1, 10]))
    nobody = EVERYBODY.where(users.c.user_no > 100)
    with reading(audience) as connection:
        for few in (1, 3):
            found = people_who_matter(connection, EVERYBODY, topic="tips", now=now, at_most=few)
            assert [user_no for _, user_no in found] == [user_no for _, user_no in FOUND[:few]]
        assert people_who_matter(connection, some, topic="tips", now=now, at_most=20) == [
            (
                "an ordinary learner · the longest history (9 interactions) · the longest name (3 letters)",
                1,
            ),
            ("no e-mail address", 10),
        ]
        assert people_who_matter(connection, nobody, topic="tips", now=now, at_most=20) == []


def test_what_happens_later_does_not_count(audience: sa.Engine, now: datetime) -> None:
    with writing(audience) as connection:
        add_event(connection, 2, 0, kind="completed", at=now + timedelta(days=1))
    with reading(audience) as connection:
        assert people_who_matter(connection, EVERYBODY, topic="tips", now=now, at_most=20) == FOUND


def test_who_completed_a_course_twice_and_left_another_has_not_completed_everything(
    audience: sa.Engine, now: datetime
) -> None:
    with writing(audience) as connection:
        for days in range(1, 6):
            event = {"event_key": f"again-{days}", "user_no": 16, "course_no": 0, "kind": "completed"}
            connection.execute(
                interactions.insert().values(event | {"at": now - timedelta(days=days), "source": "test"})
            )
        add_event(connection, 16, 8, kind="progressed", at=now)
    with reading(audience) as connection:
        found = people_who_matter(connection, EVERYBODY, topic="tips", now=now, at_most=20)
    assert not any(why.startswith("everything completed") for why, _ in found)


@pytest.mark.parametrize(
    ("name", "is_so"),
    [
        ("\u0590", True),
        ("ليلى", True),
        ("Mr ليلى", True),
        ("\u08ffa", True),
        ("\u0900", False),
        ("Ωmega", False),
    ],
)
def test_right_to_left_is_told_by_code_point(
    audience: sa.Engine, now: datetime, name: str, is_so: bool
) -> None:
    with writing(audience) as connection:
        connection.execute(users.update().where(users.c.user_no == 7).values(first_name=name))
    with reading(audience) as connection:
        found = people_who_matter(connection, EVERYBODY, topic="tips", now=now, at_most=20)
    assert (("a right-to-left name", 7) in found) == is_so


def test_a_person_is_named_once_with_all_reasons() -> None:
    found = [("a", 1), ("b", 2), ("c", 1), ("a", 1), ("d", 3), ("e", 2)]
    assert join_reasons(found, at_most=2) == [("a · c", 1), ("b · e", 2)]


def test_a_sample_is_the_same_each_time_bounded_and_of_the_audience(audience: sa.Engine) -> None:
    some = EVERYBODY.where(users.c.user_no >= 5)
    with reading(audience) as connection:
        chosen = sample_of(connection, some, 6)
        assert chosen == sample_of(connection, some, 6) == sorted(set(chosen))
        assert len(chosen) == 6
        assert min(chosen) >= 5
        assert set(chosen) <= set(sample_of(connection, some, 9))
        assert sample_of(connection, some, 100) == list(range(5, len(PEOPLE)))


def test_the_first_who_may_be_written_to_speaks_for_a_language(audience: sa.Engine, now: datetime) -> None:
    spoken = {2: "de", 9: "hi", 10: "hi", 11: "hi", 12: "hi", 13: "de"}  # 9 said no, 10 has no address
    with writing(audience) as connection:
        for number, language in spoken.items():
            connection.execute(users.update().where(users.c.user_no == number).values(language=language))
    with reading(audience) as connection:
        assert speakers(connection, EVERYBODY, topic="tips", now=now) == {"de": 2, "hi": 11}


def test_people_by_lot_may_be_mailed_and_are_the_same_each_time(audience: sa.Engine, now: datetime) -> None:
    """Four may not: unsubscribed, without an address, suppressed, without consent."""
    mailable = [number for number, *_ in PEOPLE if number not in (9, 10, 14, 15)]
    drawn = {}
    with reading(audience) as connection:
        for seed in range(40):
            everybody = people_by_lot(connection, EVERYBODY, topic="tips", now=now, seed=seed, at_most=99)
            drawn[seed] = people_by_lot(connection, EVERYBODY, topic="tips", now=now, seed=seed, at_most=3)
            assert everybody[:3] == drawn[seed]
            assert sorted(everybody) == mailable
        some = EVERYBODY.where(users.c.user_no < 2)
        seed = 2**60 - 1  # a run's are that large
        assert sorted(people_by_lot(connection, some, topic="tips", now=now, seed=seed, at_most=3)) == [0, 1]
    assert {number for three in drawn.values() for number in three} == set(mailable)
