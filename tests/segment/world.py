"""A small world for segments: people, courses and events, much of them unknown, and times at edges."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.tables import courses, interactions, users

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ATTRIBUTES = {"plan": "text", "lives-in": "text", "visits": "number", "trial": "boolean", "renews": "date"}
MICROSECOND = timedelta(microseconds=1)
MIDNIGHT = datetime(2026, 10, 3, tzinfo=UTC)
# Around now, around 30 days before it, and around a midnight: the edges of what segments ask for.
MOMENTS = [
    edge + step
    for edge in (NOW, NOW - timedelta(days=30), NOW + timedelta(days=14), MIDNIGHT, NOW - timedelta(days=400))
    for step in (-timedelta(days=1), -MICROSECOND, timedelta(0), MICROSECOND, timedelta(days=1))
]
PEOPLE, COURSES, EVENTS = 40, 9, 260
TITLES = ("Excel für alle", "excel  pivot", "Python 101", "50 % more_sales", "Sülze kochen")
CATEGORIES = ("Data", "data ", "DATA", "Design", " design", "Köche")
STAMP = {"source": "test", "source_row_hash": "", "imported_at": NOW}


def make_world(seed: int) -> dict[str, list[dict[str, Any]]]:
    """Rows of users, courses and interactions."""
    chance = random.Random(seed)
    maybe = _Maybe(chance)
    people = [_person(number, maybe) for number in range(PEOPLE)]
    catalogue = [_course(number, maybe) for number in range(COURSES)]
    events = [_event(number, chance, maybe) for number in range(EVENTS)]
    return {"users": people, "courses": catalogue, "interactions": events}


class _Maybe:
    """Draws a value, or nothing in one of four cases."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self, *values: Any) -> Any:
        return None if self._chance.random() < 0.25 else self._chance.choice(values)

    def some(self, *values: Any) -> list[Any]:
        return self._chance.sample(values, self._chance.randrange(len(values)))


def _person(number: int, maybe: _Maybe) -> dict[str, Any]:
    attributes = {
        "plan": maybe("pro", "free", "Pro", 'a"b'),
        "lives-in": maybe("Köln", "50%"),
        "visits": maybe(0, 3, 3.5, -2, "3", True),  # as it was before somebody declared it a number
        "trial": maybe(True, False, "yes", 1),
        "renews": maybe("2026-10-03", "2026-11-01", "2026-11-02", "2026-11-03", "2026-11-16", "2026-11-17"),
    }
    known = {name: value for name, value in attributes.items() if value is not None}
    return {
        "user_no": number,
        "user_id": f"u{number}",
        "email": maybe("a@example.org"),
        "first_name": maybe("Ana", "ana", "Zoë"),
        "last_name": maybe("O'Brien", "50%"),
        "language": maybe("pt", "pt-BR", "PT-br", "ptx", "en", "en-IN"),
        "country": maybe("IN", "NO", "US"),
        "timezone": maybe("Asia/Kolkata", "Europe/Berlin"),
        "signed_up_at": maybe(*MOMENTS),
        "last_seen_at": maybe(*MOMENTS),
        "attributes": maybe(known, known, known),
        **STAMP,
    }


def _course(number: int, maybe: _Maybe) -> dict[str, Any]:
    return {
        "course_no": number,
        "course_id": f"c{number}",
        "title": TITLES[number % len(TITLES)],
        "category": maybe(*CATEGORIES),
        "level": maybe("beginner", "intermediate", "advanced", "all"),
        "topics": maybe.some("SQL", "sql ", "Charts"),
        "tags": maybe.some("excel", "Excel", "short"),
        "prerequisites": [],
        "language": maybe("pt", "pt-BR", "hi"),
        "price_minor": maybe(0, 1, 50, 4999, 5000, 5001, 50_000),
        "currency": maybe("EUR", "JPY", "KWD"),
        "published_at": maybe(*MOMENTS),
        "closes_at": maybe(*MOMENTS),
        "seats": maybe(0, 20),
        "duration_min": maybe(60, 120, 121),
        "staff_pick": bool(maybe(True)),
        "active": True,
        **STAMP,
    }


def _event(number: int, chance: random.Random, maybe: _Maybe) -> dict[str, Any]:
    kind = chance.choice(("viewed", "viewed", "searched", "enrolled", "progressed", "completed", "rated"))
    return {
        "event_key": str(number),
        "user_no": chance.randrange(PEOPLE - 3),  # three without any
        "course_no": None
        if kind == "searched"
        else maybe(*range(COURSES), COURSES + 1),  # one imported since
        "kind": kind,
        "at": chance.choice(MOMENTS) + MICROSECOND * chance.choice((0, 0, 1)),
        "value": maybe(0.0, 0.5, 1.0, 4.0, 5.0) if kind in ("rated", "progressed") else None,
        "query": maybe("Excel Pivot", "50%", "a_b", "SÜLZE") if kind == "searched" else None,
        "source": "test",
    }


def write_world(engine: sa.Engine, world: dict[str, list[dict[str, Any]]]) -> None:
    """Put all rows into a database."""
    with writing(engine) as connection:
        for table in (users, courses, interactions):
            connection.execute(table.insert(), world[table.name])


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Courses as Catalogue.frame has them."""
    names = [name for name in rows[0] if name not in ("course_no", *STAMP)]
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in names})
    for name in ("published_at", "closes_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
    return frame
