"""How far off stars are predicted, where people give stars: Surprise's SVD beside each course's mean.

It says how well SVD understands ratings, and nothing about ranking: on ML-100k the SVD that predicts stars
best ranks worse than popularity (Cremonesi, Koren and Turrin 2010, "Performance of recommender algorithms on
top-N recommendation tasks").
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from recmail.db.tables import interactions
from recmail.evaluate.cut import hold_out
from recmail.history.reading import last_user_no
from recmail.recommend.svd import estimate_ratings
from recmail.records import GradedTriples

ENOUGH = 200  # held-out ratings: an error of about 1 is then known to within .1
_PEOPLE_AT_ONCE = 20_000
_EPOCH = pd.Timestamp(0, tz="UTC")


@dataclass(frozen=True)
class RatingError:
    """Root mean square and mean absolute error in stars, of SVD and of each course's mean rating."""

    ratings: int
    rmse: float
    mae: float
    rmse_of_means: float
    mae_of_means: float

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def read_ratings(connection: sa.Connection, now: datetime, of: GradedTriples) -> GradedTriples:
    """Read the newest rating of each pair up to now.

    Args:
        of: only of people in these.
    """
    columns = (interactions.c.user_no, interactions.c.course_no, interactions.c.value, interactions.c.at)
    rated = interactions.c.kind == "rated", interactions.c.value.is_not(None), interactions.c.at <= now
    people = np.unique(of.user_no)
    parts = [pd.DataFrame(columns=["user_no", "course_no", "value", "at"])]
    for low in range(0, last_user_no(connection) + 1, _PEOPLE_AT_ONCE):
        inside = interactions.c.user_no >= low, interactions.c.user_no < low + _PEOPLE_AT_ONCE
        found = pd.read_sql(sa.select(*columns).where(*rated, *inside), connection)
        found = found[found["user_no"].isin(people)].sort_values(["at", "value"])
        parts.append(found.drop_duplicates(["user_no", "course_no"], keep="last"))
    parts = [part for part in parts if len(part)] or parts[:1]
    table = pd.concat(parts, ignore_index=True)
    moments = pd.to_datetime(table["at"], utc=True)
    return GradedTriples(
        table["user_no"].to_numpy(np.int32),
        table["course_no"].to_numpy(np.int32),
        table["value"].to_numpy(np.float32),
        ((moments - _EPOCH) // pd.Timedelta(microseconds=1)).to_numpy(np.int64),
    )


def rating_error(ratings: GradedTriples, *, courses: int, seed: int) -> RatingError | None:
    """Predict the last fifth of each person's ratings from the earlier ones; None with too few."""
    ratings = ratings.where(ratings.course_no < courses)
    held = hold_out(ratings, courses=courses, relevant_from=0)
    keys = held.earlier.user_no.astype(np.int64) * courses + held.earlier.course_no
    later = ratings.where(~np.isin(ratings.user_no.astype(np.int64) * courses + ratings.course_no, keys))
    if len(later) < ENOUGH:
        return None
    return error_of(held.earlier, later, courses=courses, seed=seed)


def error_of(earlier: GradedTriples, later: GradedTriples, *, courses: int, seed: int) -> RatingError:
    """Fit on some ratings and predict others."""
    estimates = estimate_ratings(earlier, later, seed=seed)
    count = np.bincount(earlier.course_no, minlength=courses)
    total = np.bincount(earlier.course_no, weights=earlier.grade, minlength=courses)
    overall = float(earlier.grade.mean())
    means = np.divide(total, count, out=np.full(courses, overall), where=count > 0)[later.course_no]
    off, plain = estimates - later.grade, means - later.grade
    return RatingError(
        len(later),
        float(np.sqrt((off**2).mean())),
        float(np.abs(off).mean()),
        float(np.sqrt((plain**2).mean())),
        float(np.abs(plain).mean()),
    )
