"""Small catalogues, shards and histories, made by hand for tests; and who works on shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from recmail import pipeline
from recmail.recommend.svd import Settings, Svd
from recmail.records import (
    EMAILED_COLUMNS,
    PAIR_COLUMNS,
    SEARCH_COLUMNS,
    Catalogue,
    GradedTriples,
    Shard,
)
from recmail.runs.project import Project

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@contextmanager
def as_worker(made: Project) -> Iterator[Project]:
    """Let this process work on the shards of a project as workers do, and let go of it afterwards."""
    worker = pipeline.shard_engine(made.settings.database_url)
    yield made
    for engine in (made.engine, worker):
        engine.dispose()
    pipeline.shard_engine.cache_clear()
    pipeline._facts.cache_clear()


def make_catalogue(
    count: int,
    *,
    category_no: Sequence[int] | None = None,
    enrolled: Sequence[int] | None = None,
    enrolled_90d: Sequence[int] | None = None,
    enrolled_14d: Sequence[int] | None = None,
    **columns: Sequence[Any],
) -> Catalogue:
    """A catalogue of open courses c0, c1, ..., except for what is given."""
    missing = pd.Series(pd.NaT, index=range(count), dtype="datetime64[us, UTC]")
    unknown = pd.Series([None] * count, dtype=object)
    frame = pd.DataFrame(
        {
            "course_id": [f"c{number}" for number in range(count)],
            "title": [f"Course {number}" for number in range(count)],
            **dict.fromkeys(("category", "level", "language", "seats"), unknown),
            **{name: [[]] * count for name in ("topics", "tags", "prerequisites")},
            "published_at": missing,
            "closes_at": missing,
            "staff_pick": np.zeros(count, dtype=bool),
            "active": np.ones(count, dtype=bool),
        }
    )
    for name, values in columns.items():
        frame[name] = pd.Series(values, dtype=frame[name].dtype)
    return Catalogue(
        frame,
        np.array([0] * count if category_no is None else category_no, dtype=np.int32),
        np.array([0] * count if enrolled is None else enrolled, dtype=np.int64),
        np.array([0] * count if enrolled_90d is None else enrolled_90d, dtype=np.int64),
        np.array([0] * count if enrolled_14d is None else enrolled_14d, dtype=np.int64),
    )


def make_shard(
    grades: Any,
    *,
    taken: Any = None,
    personalization: Sequence[bool] | None = None,
    now: datetime = NOW,
    pairs: Sequence[Mapping[str, Any]] | None = None,
    searches: Sequence[tuple[int, str]] = (),
    emailed: Sequence[tuple[int, int, datetime]] = (),
    language: str = "en",
    languages: Sequence[str | None] | None = None,
) -> Shard:
    """A shard from dense tables, people x courses; taken is by default what has a grade of 3 or more.

    Args:
        pairs: what is in PAIR_COLUMNS; by default what has a grade was viewed a day ago, and what was taken
            was taken then.
        searches: person and text, the newest first; they happened a day ago and are worth half a view.
        emailed: person, course_no, time.
        language: the project's.
        languages: the people's.
    """
    table = np.atleast_2d(np.array(grades, dtype=np.float32))
    took = table >= 3 if taken is None else np.atleast_2d(np.array(taken, dtype=bool))
    count = len(table)
    allowed = np.ones(count, dtype=bool) if personalization is None else np.array(personalization, dtype=bool)
    people = pd.DataFrame({"user_no": np.arange(count), "user_id": [f"u{row}" for row in range(count)]})
    people["language"] = pd.Series(languages or [None] * count, dtype=object)
    people["personalization"] = allowed
    yesterday = now - timedelta(days=1)
    if pairs is None:
        pairs = [
            {"person": row, "course_no": course, "viewed_at": yesterday}
            | ({"taken_at": yesterday} if took[row, course] else {})
            for row, course in np.argwhere((table > 0) & allowed[:, np.newaxis]).tolist()
        ]
    defaults = {"viewed_at": pd.NaT, "taken_at": pd.NaT, "completed_at": pd.NaT, "progress": np.nan}
    return Shard(
        people,
        sparse.csr_array(table * allowed[:, np.newaxis]),
        sparse.csr_array(took),
        _table([{**defaults, **pair} for pair in pairs], PAIR_COLUMNS),
        _table(
            [{"person": row, "query": text, "at": yesterday, "grade": 0.5} for row, text in searches],
            SEARCH_COLUMNS,
        ),
        _table([dict(zip(EMAILED_COLUMNS, one, strict=True)) for one in emailed], EMAILED_COLUMNS),
        language,
        now,
    )


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=columns[name]) for name in columns}
    )


def rows_of(shard: Shard, rows: slice) -> Shard:
    """A part of a shard."""
    first, last, _ = rows.indices(len(shard))

    def part(table: pd.DataFrame) -> pd.DataFrame:
        mine = table[table["person"].between(first, last - 1)]
        return mine.assign(person=mine["person"] - first).reset_index(drop=True)

    return replace(
        shard,
        people=shard.people.iloc[rows].reset_index(drop=True),
        grades=shard.grades[rows],
        taken=shard.taken[rows],
        pairs=part(shard.pairs),
        searches=part(shard.searches),
        emailed=part(shard.emailed),
    )


def make_triples(rows: Sequence[tuple[int, int, float]], *, at: Sequence[int] | None = None) -> GradedTriples:
    """Graded pairs from (user_no, course_no, grade)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return GradedTriples(
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2].astype(np.float32),
        np.arange(len(table), dtype=np.int64) if at is None else np.array(at, dtype=np.int64),
    )


def two_tastes(people: int = 37, courses: int = 12) -> GradedTriples:
    """People with an even number take courses of the first half, the others of the second, all but one each.

    The last course is in the catalogue and nobody has met it.
    """
    half = (courses - 1) // 2
    rows = []
    for user_no in range(people):
        mine = range(half) if user_no % 2 == 0 else range(half, 2 * half)
        rows += [(user_no, course, 3.0) for place, course in enumerate(mine) if place != user_no // 2 % half]
    return make_triples(rows)


def table_of(triples: GradedTriples, *, people: int, courses: int) -> sparse.csr_array:
    """People x courses, as a shard has it."""
    place = triples.user_no, triples.course_no
    return sparse.csr_array((triples.grade, place), shape=(people, courses))


@cache
def small_svd(seed: int = 1) -> Svd:
    """SVD as a scorer for blocks, fitted on two tastes in no time."""
    settings = Settings(learning_rate=0.1, regularization=0.03, factors=4, ridge=1.0)
    return Svd.fit(two_tastes(), courses=12, seed=seed, settings=settings)
