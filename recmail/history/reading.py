"""Reading people, courses and histories by key range into arrays: memory is that of a shard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from scipy import sparse

from recmail.db.among import among, in_range
from recmail.db.consent import personalized
from recmail.db.emailed import emailed_courses
from recmail.db.tables import courses, interactions, users
from recmail.db.types import microseconds
from recmail.records import (
    EMAILED_COLUMNS,
    PAIR_COLUMNS,
    SEARCH_COLUMNS,
    SEARCHED_WITHIN,
    TAKEN_KINDS,
    Catalogue,
    GradedTriples,
    Shard,
    category_key,
)

_RECENT = (timedelta(days=90), timedelta(days=14))
_SEARCHES = 5  # the newest of each person
_TRAINING_RANGE = 20_000  # people read at once: about 200,000 events
_FEW = 8  # where less than one in so many of a range is wanted, these are looked up instead
_COURSE_COLUMNS = (
    *("course_id", "title", "subtitle", "category", "level", "language", "price_minor", "currency"),
    *("published_at", "closes_at", "seats", "duration_min", "image_url", "url", "staff_pick", "active"),
    *("topics", "tags", "prerequisites"),
)
_PEOPLE_TEXTS = (
    *("user_id", "first_name", "last_name", "language", "country", "timezone"),
    *("email_key", "email_hash"),
)


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
    ever, in_90_days, in_14_days = _enrolled(connection, len(rows), now)
    return Catalogue(
        frame=frame,
        category_no=_category_numbers([row.category for row in rows]),
        enrolled=ever,
        enrolled_90d=in_90_days,
        enrolled_14d=in_14_days,
    )


def _category_numbers(categories: list[str | None]) -> np.ndarray:
    """Numbers in order of appearance, alike where only case or spaces differ; -1 where there is none."""
    alike = pd.Series([category_key(category) for category in categories], dtype=object)
    numbers: np.ndarray = pd.factorize(alike)[0].astype(np.int32)
    return numbers


def _enrolled(connection: sa.Connection, size: int, now: datetime) -> np.ndarray:
    """How many different people enrolled in each course: ever, and in the last 90 and 14 days."""
    person, at = interactions.c.user_no, interactions.c.at
    recent = [sa.func.count(sa.case((at > now - within, person)).distinct()) for within in _RECENT]
    query = (
        sa.select(interactions.c.course_no, sa.func.count(person.distinct()), *recent)
        .where(interactions.c.kind == "enrolled", at <= now, interactions.c.course_no < size)
        .group_by(interactions.c.course_no)
    )
    counts = np.zeros((1 + len(_RECENT), size), dtype=np.int64)
    for course_no, *people in connection.execute(query):
        counts[:, course_no] = people
    return counts


# --- people and what they did ---------------------------------------------------------------------


def read_shard(
    connection: sa.Connection,
    low: int,
    high: int,
    *,
    courses: int,
    now: datetime,
    grades: Mapping[str, float],
    language: str,
    half_life: timedelta | None = None,
    only: np.ndarray | None = None,
    emailed_within: timedelta | None = None,
) -> Shard:
    """Read the people with low <= user_no < high, erased ones left out, and their histories up to now.

    Of people without personalization only which courses they took is read.

    Args:
        connection: one view of the database.
        low: the first user number; high: the one after the last.
        courses: the size of the catalogue; courses imported since it was read are left out.
        now: nothing later counts.
        grades: what each kind of interaction is worth.
        language: the project's.
        half_life: see `faded`.
        only: user numbers to keep; all when None.
        emailed_within: how far back to read what they were emailed; nothing when None.
    """
    few = None if only is None or len(only) * _FEW > high - low else only.tolist()
    people = _read_people(connection, in_range(users.c.user_no, low, high, few=few), now)
    if only is not None:
        people = people[people["user_no"].isin(only)].reset_index(drop=True)
    theirs = _up_to(now, low, high, few=few)
    histories = _read_histories(connection, people, theirs, now=now, grades=grades, half_life=half_life)
    emailed = pd.DataFrame(columns=["user_no", "course_no", "at"])
    if emailed_within is not None:
        emailed = emailed_courses(connection, low, high, since=now - emailed_within, now=now, few=few)
    tables = *histories, emailed
    return _as_shard(people, tables, courses=courses, now=now, language=language, half_life=half_life)


def _as_shard(
    people: pd.DataFrame,
    tables: Iterable[pd.DataFrame],
    *,
    courses: int,
    now: datetime,
    language: str,
    half_life: timedelta | None,
) -> Shard:
    """People, and pairs, taken courses, searches and emailed courses of these and others."""
    numbers = people["user_no"].to_numpy()
    pairs, taken, searches, emailed = (_of_people(table, numbers, courses) for table in tables)
    graded = pairs[pairs["grade"] > 0]
    shape = len(people), courses
    return Shard(
        people=people,
        grades=_matrix(graded, _faded(graded, now, half_life), shape),
        taken=_matrix(taken, np.ones(len(taken), dtype=bool), shape),
        pairs=_typed(pairs, PAIR_COLUMNS),
        searches=_typed(searches, SEARCH_COLUMNS),
        emailed=_typed(emailed, EMAILED_COLUMNS),
        language=language,
        now=now,
    )


def _read_histories(
    connection: sa.Connection,
    people: pd.DataFrame,
    of_range: sa.ColumnElement[bool],
    *,
    now: datetime,
    grades: Mapping[str, float],
    half_life: timedelta | None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What people did with courses, which they took, and what they searched for."""
    private = people.loc[~people["personalization"], "user_no"].tolist()
    known = of_range, ~among(interactions.c.user_no, private)
    pairs = _read_pairs(connection, known, grades, details=_details(connection))
    taken = pairs.loc[pairs["taken"], ["user_no", "course_no"]]
    if private:
        taken = pd.concat([taken, _read_taken(connection, private, now)], ignore_index=True)
    searches = _read_searches(connection, known, now)
    searches["grade"] = _faded(searches.assign(grade=grades.get("searched", 0.0)), now, half_life)
    return pairs, taken, searches


def _up_to(now: datetime, low: int, high: int, *, few: Sequence[int] | None = None) -> sa.ColumnElement[bool]:
    """The interactions of a range of people, or of a few of them, that had happened by now."""
    return sa.and_(in_range(interactions.c.user_no, low, high, few=few), interactions.c.at <= now)


def _of_people(table: pd.DataFrame, numbers: np.ndarray, courses: int) -> pd.DataFrame:
    """The rows of these people (ascending user numbers) and of courses of the catalogue; person is added."""
    kept = np.isin(table["user_no"].to_numpy(), numbers)
    if "course_no" in table:
        kept &= table["course_no"].to_numpy() < courses
    table = table[kept].reset_index(drop=True)
    return table.assign(person=np.searchsorted(numbers, table["user_no"].to_numpy(np.int64)))


def _typed(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """The agreed columns of a table; times come as microseconds since 1970, 0 for never."""
    table = table[list(columns)].copy()
    for name, dtype in columns.items():
        if dtype.startswith("datetime"):
            moments = pd.to_datetime(table[name].astype("int64"), unit="us", utc=True)
            table[name] = moments.where(table[name] != 0)
    return table.astype(dict(columns))


def _matrix(pairs: pd.DataFrame, values: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    where = pairs["person"].to_numpy(), pairs["course_no"].to_numpy(np.int64)
    return sparse.csr_array((values, where), shape=shape, dtype=values.dtype)


def faded(grade: np.ndarray, at: np.ndarray, now: datetime, half_life: timedelta | None) -> np.ndarray:
    """Return grades that lose half of themselves in each half-life since, at least a thousandth staying.

    For scoring, where recent interests count more; what goes with what is learned from whole grades. On
    coco-udemy (validation cut, nDCG@10) people's grades fading with 180 days lift EASE from .0830 to .0855
    and ALS from .0806 to .0838; fading in the fit too lowers EASE to .0790.

    Args:
        at: microseconds since 1970.
        half_life: nothing fades when None.
    """
    if half_life is None:
        return grade
    passed = now.timestamp() - at / 1e6
    kept = np.exp2(-np.maximum(passed, 0) / half_life.total_seconds())
    weakened: np.ndarray = (grade * np.maximum(kept, 1e-3)).astype(np.float32)
    return weakened


def _faded(pairs: pd.DataFrame, now: datetime, half_life: timedelta | None) -> np.ndarray:
    return faded(pairs["grade"].to_numpy(np.float32), pairs["at"].to_numpy(np.int64), now, half_life)


def _read_people(connection: sa.Connection, within: sa.ColumnElement[bool], now: datetime) -> pd.DataFrame:
    query = (
        sa.select(
            users.c.user_no,
            *(users.c[name] for name in _PEOPLE_TEXTS),
            personalized(users.c.user_no, now).label("personalization"),
        )
        .where(within, users.c.erased_at.is_(None))
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
    parts: list[pd.DataFrame] = []
    for low in range(0, last_user_no(connection) + 1, _TRAINING_RANGE):
        high = low + _TRAINING_RANGE
        left_out = ~among(interactions.c.user_no, _left_out(connection, low, high, now))
        pairs = _read_pairs(connection, (_up_to(now, low, high), left_out), grades)
        graded = pairs["grade"] > 0
        parts.append(pairs.loc[graded, ["user_no", "course_no", "grade", "at"]])
    return GradedTriples(
        user_no=_joined((part["user_no"] for part in parts), np.int32),
        course_no=_joined((part["course_no"] for part in parts), np.int32),
        grade=_joined((part["grade"] for part in parts), np.float32),
        at=_joined((part["at"] for part in parts), np.int64),
    )


def _joined(parts: Iterable[pd.Series], dtype: type) -> np.ndarray:
    arrays = (part.to_numpy(dtype) for part in parts)
    return np.concatenate([np.empty(0, dtype), *arrays])


def _left_out(connection: sa.Connection, low: int, high: int, now: datetime) -> list[int]:
    query = sa.select(users.c.user_no).where(
        users.c.user_no >= low,
        users.c.user_no < high,
        sa.or_(users.c.erased_at.is_not(None), ~personalized(users.c.user_no, now)),
    )
    return [int(user_no) for user_no in connection.scalars(query)]


def _read_pairs(
    connection: sa.Connection,
    where: Sequence[sa.ColumnElement[bool]],
    grades: Mapping[str, float],
    *,
    details: Mapping[str, sa.ColumnElement[Any]] | None = None,
) -> pd.DataFrame:
    """What people did with courses, one row for each pair: the database groups, Python sees a fifth.

    Returns:
        user_no, course_no, grade, looked_s (seconds of all views, NaN: never viewed), taken, at (microseconds
        since 1970) and the details, by user_no, course_no.
    """
    kind, pair = interactions.c.kind, (interactions.c.user_no, interactions.c.course_no)
    within = (*where, interactions.c.course_no.is_not(None))
    worth = sa.case(*((kind == name, float(grade)) for name, grade in grades.items()), else_=0.0)
    looked_s = sa.func.sum(sa.case((kind == "viewed", sa.func.coalesce(interactions.c.seconds, 0.0))))
    columns = {
        "grade": sa.func.max(worth),
        "looked_s": looked_s,
        "taken": sa.func.max(sa.case((kind.in_(TAKEN_KINDS), 1), else_=0)),
        "at": microseconds(connection, sa.func.max(interactions.c.at)),
        **(details or {}),
    }
    labelled = (column.label(name) for name, column in columns.items())
    grouped = sa.select(*pair, *labelled).where(*within).group_by(*pair).order_by(*pair)
    table = pd.read_sql(grouped, connection).astype(
        {"user_no": np.int32, "course_no": np.int32, "grade": np.float32, "taken": bool, "at": np.int64}
    )
    rated = sa.select(*pair, interactions.c.value).where(
        *within, kind == "rated", interactions.c.value.is_not(None)
    )
    in_time = pd.read_sql(rated.order_by(interactions.c.at, interactions.c.value), connection)
    # numpy keeps the last of several values assigned to one place, and that is the newest.
    looked_at = viewed_grade(table["looked_s"].to_numpy(np.float64), grades)
    grade = np.fmax(table["grade"].to_numpy(), looked_at).astype(np.float32)
    grade[np.searchsorted(_pair_keys(table), _pair_keys(in_time))] = in_time["value"].to_numpy(np.float32)
    return table.assign(grade=grade)


def viewed_grade(looked_s: np.ndarray, grades: Mapping[str, float]) -> np.ndarray:
    """Return what views of these lengths are worth, NaN staying: each minute adds [model] grades `minute`.

    Looking makes up for at most half of the way to the next kind of interaction, so that it is never worth as
    much as one; where views are the best there is, at most half a view. On the demo (1,485 people, nDCG@10)
    .1 a minute adds .0021 to SVD (.0005 to .0038) and .0012 to EASE, and takes .0012 from ALS, both within
    chance; .5 adds .005 to EASE and SVD and takes .006 from ALS.
    """
    viewed, minute = grades.get("viewed", 0.0), grades.get("minute", 0.0)
    if not viewed:
        return np.full(len(looked_s), np.nan)
    above = [grade for kind, grade in grades.items() if kind in TAKEN_KINDS and grade > viewed]
    at_most = (min(above, default=2 * viewed) - viewed) / 2
    added: np.ndarray = viewed + np.clip(looked_s / 60 * minute, 0, at_most)
    return added


def _details(connection: sa.Connection) -> dict[str, sa.ColumnElement[Any]]:
    """What blocks want to know of each pair besides."""
    kind, at, value = interactions.c.kind, interactions.c.at, interactions.c.value

    def newest(*kinds: str) -> sa.ColumnElement[int]:
        at_or_never = microseconds(connection, sa.func.max(sa.case((kind.in_(kinds), at))))
        return sa.func.coalesce(at_or_never, 0)

    return {
        "viewed_at": newest("viewed"),
        "taken_at": newest(*TAKEN_KINDS),
        "completed_at": newest("completed"),
        "progress": sa.func.max(sa.case((kind == "progressed", value))),
    }


def _read_taken(connection: sa.Connection, user_nos: Sequence[int], now: datetime) -> pd.DataFrame:
    """Which courses these people took, and nothing else of them."""
    query = sa.select(interactions.c.user_no, interactions.c.course_no).where(
        among(interactions.c.user_no, user_nos),
        interactions.c.kind.in_(TAKEN_KINDS),
        interactions.c.course_no.is_not(None),
        interactions.c.at <= now,
    )
    return pd.read_sql(query.distinct(), connection)


def _read_searches(
    connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]], now: datetime
) -> pd.DataFrame:
    """The newest searches of these people, each text once: user_no, query, at; the newest first."""
    person, query, at = interactions.c.user_no, interactions.c.query, interactions.c.at
    newest = microseconds(connection, sa.func.max(at)).label("at")
    grouped = (
        sa.select(person, query, newest)
        .where(*where, interactions.c.kind == "searched", query != "", at > now - SEARCHED_WITHIN)
        .group_by(person, query)
        .order_by(person, sa.desc("at"), query)
    )
    table = pd.read_sql(grouped, connection)
    return table.groupby("user_no", sort=False).head(_SEARCHES).reset_index(drop=True)


def _pair_keys(pairs: pd.DataFrame) -> np.ndarray:
    keys: np.ndarray = (pairs["user_no"].to_numpy(np.int64) << 32) | pairs["course_no"].to_numpy(np.int64)
    return keys
