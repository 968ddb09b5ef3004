"""Reading people, courses and histories by key range into arrays: memory is that of a shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from scipy import sparse

from recmail.db.consent import personalized
from recmail.db.tables import courses, interactions, users
from recmail.records import TAKEN_KINDS, Catalogue, GradedTriples, Shard, category_key

_LATELY = timedelta(days=90)
_TRAINING_RANGE = 20_000  # people read at once: about 200,000 events
_COURSE_COLUMNS = (
    *("course_id", "title", "subtitle", "category", "level", "language", "price_minor", "currency"),
    *("published_at", "closes_at", "seats", "duration_min", "image_url", "url", "staff_pick", "active"),
    *("topics", "tags", "prerequisites"),
)
_PEOPLE_TEXTS = (
    *("user_id", "first_name", "last_name", "language", "country", "timezone"),
    *("email_key", "email_hash"),
)


@dataclass(frozen=True)
class _Pairs:
    """What each person did with each course, by user_no, then course_no; arrays of one length."""

    user_no: np.ndarray
    course_no: np.ndarray
    grade: np.ndarray
    taken: np.ndarray
    at: np.ndarray

    def where(self, kept: np.ndarray) -> _Pairs:
        """The pairs that a bool for each chooses."""
        columns = (self.user_no, self.course_no, self.grade, self.taken, self.at)
        return _Pairs(*(column[kept] for column in columns))


def last_user_no(connection: sa.Connection) -> int:
    """The highest user number, -1 when there is nobody."""
    highest = sa.select(sa.func.coalesce(sa.func.max(users.c.user_no), -1))
    return int(connection.execute(highest).scalar_one())


# --- courses --------------------------------------------------------------------------------------


def read_catalogue(connection: sa.Connection, now: datetime) -> Catalogue:
    """Read all courses, and how many different people ever enrolled in each up to now.

    The frame's columns are of dtype object with None where nothing is known, as a thawed catalogue's are; the
    two times are datetime64[us, UTC].
    """
    query = sa.select(courses.c.course_no, *(courses.c[name] for name in _COURSE_COLUMNS))
    rows = connection.execute(query.order_by(courses.c.course_no)).all()
    if [row.course_no for row in rows] != list(range(len(rows))):
        raise AssertionError("course numbers have gaps; they are given from 0 in import order")
    frame = pd.DataFrame(
        {name: pd.Series([getattr(row, name) for row in rows], dtype=object) for name in _COURSE_COLUMNS}
    )
    for name in ("published_at", "closes_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
    frame.index.name = "course_no"
    enrolled, lately = _enrolled(connection, len(rows), now)
    return Catalogue(
        frame=frame,
        category_no=_category_numbers([row.category for row in rows]),
        enrolled=enrolled,
        enrolled_90d=lately,
    )


def _category_numbers(categories: list[str | None]) -> np.ndarray:
    """Numbers in order of appearance, alike where only case or spaces differ; -1 where there is none."""
    alike = pd.Series([category_key(category) for category in categories], dtype=object)
    numbers: np.ndarray = pd.factorize(alike)[0].astype(np.int32)
    return numbers


def _enrolled(connection: sa.Connection, size: int, now: datetime) -> tuple[np.ndarray, np.ndarray]:
    """How many different people enrolled in each course, ever and in the last 90 days."""
    person = interactions.c.user_no
    recent = sa.case((interactions.c.at > now - _LATELY, person))
    query = (
        sa.select(
            interactions.c.course_no, sa.func.count(person.distinct()), sa.func.count(recent.distinct())
        )
        .where(interactions.c.kind == "enrolled", interactions.c.at <= now, interactions.c.course_no < size)
        .group_by(interactions.c.course_no)
    )
    ever, lately = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    for course_no, people, people_lately in connection.execute(query):
        ever[course_no], lately[course_no] = people, people_lately
    return ever, lately


# --- people and what they did ---------------------------------------------------------------------


def read_shard(
    connection: sa.Connection,
    low: int,
    high: int,
    *,
    courses: int,
    now: datetime,
    grades: Mapping[str, float],
    only: np.ndarray | None = None,
) -> Shard:
    """Read the people with low <= user_no < high, erased ones left out, and their histories up to now.

    Args:
        connection: one view of the database.
        low: the first user number.
        high: the one after the last.
        courses: the size of the catalogue; courses imported since it was read are left out.
        now: nothing later counts.
        grades: what each kind of interaction is worth.
        only: user numbers to keep; all when None.
    """
    people = _read_people(connection, low, high, now)
    if only is not None:
        people = people[people["user_no"].isin(only)].reset_index(drop=True)
    numbers = people["user_no"].to_numpy()
    pairs = _read_pairs(connection, low, high, now=now, grades=grades)
    pairs = pairs.where((pairs.course_no < courses) & np.isin(pairs.user_no, numbers))
    row = np.searchsorted(numbers, pairs.user_no)
    graded = (pairs.grade > 0) & people["personalization"].to_numpy()[row]
    where = row, pairs.course_no
    shape = len(people), courses
    return Shard(
        people=people,
        grades=_matrix(pairs.grade, where, graded, shape),
        taken=_matrix(pairs.taken, where, pairs.taken, shape),
        now=now,
    )


def _matrix(
    values: np.ndarray, where: tuple[np.ndarray, np.ndarray], kept: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_array:
    rows, columns = where
    return sparse.csr_array((values[kept], (rows[kept], columns[kept])), shape=shape, dtype=values.dtype)


def _read_people(connection: sa.Connection, low: int, high: int, now: datetime) -> pd.DataFrame:
    query = (
        sa.select(
            users.c.user_no,
            *(users.c[name] for name in _PEOPLE_TEXTS),
            personalized(users.c.user_no, now).label("personalization"),
        )
        .where(users.c.user_no >= low, users.c.user_no < high, users.c.erased_at.is_(None))
        .order_by(users.c.user_no)
    )
    people = pd.read_sql(query, connection)
    for name in _PEOPLE_TEXTS:
        people[name] = people[name].astype(object).where(people[name].notna(), None)
    people["personalization"] = people["personalization"].astype(bool)
    return people.astype({"user_no": np.int64})


def read_grades(connection: sa.Connection, now: datetime, grades: Mapping[str, float]) -> GradedTriples:
    """Read every graded pair of person and course up to now, for training; 20 bytes a pair.

    People who are erased or do not want personalization are left out.
    """
    parts: list[_Pairs] = []
    for low in range(0, last_user_no(connection) + 1, _TRAINING_RANGE):
        high = low + _TRAINING_RANGE
        pairs = _read_pairs(connection, low, high, now=now, grades=grades)
        left_out = np.isin(pairs.user_no, _left_out(connection, low, high, now))
        parts.append(pairs.where((pairs.grade > 0) & ~left_out))
    return GradedTriples(
        user_no=_joined([part.user_no for part in parts], np.int32),
        course_no=_joined([part.course_no for part in parts], np.int32),
        grade=_joined([part.grade for part in parts], np.float32),
        at=_joined([part.at for part in parts], np.int64),
    )


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *parts]).astype(dtype, copy=False)


def _left_out(connection: sa.Connection, low: int, high: int, now: datetime) -> np.ndarray:
    query = sa.select(users.c.user_no).where(
        users.c.user_no >= low,
        users.c.user_no < high,
        sa.or_(users.c.erased_at.is_not(None), ~personalized(users.c.user_no, now)),
    )
    return np.array(connection.scalars(query).all(), dtype=np.int64)


def _read_pairs(
    connection: sa.Connection, low: int, high: int, *, now: datetime, grades: Mapping[str, float]
) -> _Pairs:
    """What people of a range did, one row for each pair: the database groups, Python sees a fifth."""
    kind, pair = interactions.c.kind, (interactions.c.user_no, interactions.c.course_no)
    worth = sa.case(*((kind == name, float(grade)) for name, grade in grades.items()), else_=0.0)
    taken = sa.case((kind.in_(TAKEN_KINDS), 1), else_=0)
    within = (
        interactions.c.user_no >= low,
        interactions.c.user_no < high,
        interactions.c.at <= now,
        interactions.c.course_no.is_not(None),
    )
    newest = _microseconds(connection, sa.func.max(interactions.c.at))
    grouped = sa.select(*pair, sa.func.max(worth), sa.func.max(taken), newest).where(*within)
    user_no, course_no, grade, is_taken, at = _columns(
        connection,
        grouped.group_by(*pair).order_by(*pair),
        (np.int32, np.int32, np.float32, np.int8, np.int64),
    )
    rated = sa.select(*pair, interactions.c.value).where(
        *within, kind == "rated", interactions.c.value.is_not(None)
    )
    in_time = rated.order_by(interactions.c.at, interactions.c.value)
    _replace(
        grade,
        _pair_keys(user_no, course_no),
        _columns(connection, in_time, (np.int32, np.int32, np.float32)),
    )
    return _Pairs(user_no, course_no, grade, is_taken.astype(bool), at)


def _replace(grade: np.ndarray, keys: np.ndarray, rated: list[np.ndarray]) -> None:
    """Put the newest rating of each pair in place of its grade; `rated` is in the order of time."""
    user_no, course_no, value = rated
    # numpy keeps the last of several values assigned to one place, and that is the newest.
    grade[np.searchsorted(keys, _pair_keys(user_no, course_no))] = value


def _pair_keys(user_no: np.ndarray, course_no: np.ndarray) -> np.ndarray:
    return (user_no.astype(np.int64) << 32) | course_no.astype(np.int64)


def _columns(
    connection: sa.Connection, query: sa.Select[Any], dtypes: tuple[type[np.generic], ...]
) -> list[np.ndarray]:
    frame = pd.read_sql(query, connection)
    return [frame.iloc[:, place].to_numpy(dtype=dtype) for place, dtype in enumerate(dtypes)]


def _microseconds(connection: sa.Connection, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """A time as microseconds since 1970, without a Python object for each row."""
    if connection.dialect.name == "sqlite":
        return sa.type_coerce(moment, sa.BigInteger)
    return sa.cast(sa.extract("epoch", moment) * 1_000_000, sa.BigInteger)
