"""An invented course company, its learners and their history: as tables, or as CSV files to import."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from recmail.history.demo.activity import enrolments
from recmail.history.demo.catalogue import appeal, courses_table, publication_times, read_titles
from recmail.history.demo.events import interactions
from recmail.history.demo.people import people
from recmail.history.demo.planted import planted
from recmail.history.demo.suppressions import suppressions

__all__ = ["DemoData", "demo", "planted", "write_demo"]

IMAGES = Path(__file__).with_name("images")
ROWS_AT_ONCE = 250_000  # the text of five million rows at once would take 2 GB


@dataclass(frozen=True)
class DemoData:
    """Four tables with the columns of the files that are imported; times are aware UTC.

    A missing text is empty, a missing time NaT, any other missing cell NA.
    """

    users: pd.DataFrame
    courses: pd.DataFrame
    interactions: pd.DataFrame
    suppressions: pd.DataFrame


def demo(now: datetime, seed: int, users: int = 2000, courses: int = 240) -> DemoData:
    """Invent a company's users, catalogue and the 540 days of history that ended just now.

    Args:
        now: aware; nothing happened after it.
        seed: the same (now, seed, users, courses) gives the same tables.
        users: 50 or more.
        courses: 24 to 240.

    Raises:
        ValueError: `now` has no time zone, or a number is outside these limits.
    """
    if now.tzinfo is None:
        raise ValueError("now must have a time zone")
    now_s = int(now.timestamp())
    # One generator for each part: a change in one leaves the others as they were.
    draws = [np.random.default_rng([seed, part]) for part in range(6)]
    titles = read_titles(courses)
    published = publication_times(titles, now_s, draws[0])
    draw = appeal(titles, draws[1])
    learners = people(users, now_s, draws[2])
    taken = enrolments(learners, titles, published, draw, now_s=now_s, rng=draws[3])
    enrolled = np.bincount(taken.course, minlength=len(titles))
    return DemoData(
        users=learners.table,
        courses=courses_table(titles, published, enrolled, now_s=now_s),
        interactions=interactions(learners, taken, titles, published, draws[4]),
        suppressions=suppressions(learners, now_s, draws[5]),
    )


def write_demo(folder: Path, now: datetime, seed: int, users: int = 2000, courses: int = 240) -> None:
    """Write the demo as users.csv, courses.csv, interactions.csv, suppressions.csv and images/ into a folder.

    The folder is made when it is missing; files of these names in it are replaced. Arguments and errors
    are those of `demo`.
    """
    data = demo(now, seed, users, courses)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("users", "courses", "interactions", "suppressions"):
        _write_csv(getattr(data, name), folder / f"{name}.csv")
    shutil.copytree(IMAGES, folder / "images", dirs_exist_ok=True)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    """As RFC 4180 has it (commas, CRLF, UTF-8), times in ISO 8601 with Z."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for low in range(0, len(table), ROWS_AT_ONCE):
            part = table.iloc[low : low + ROWS_AT_ONCE].copy(deep=False)
            for name in part.select_dtypes("datetimetz").columns:
                moment = part[name].dt.tz_localize(None).to_numpy().astype("datetime64[s]")
                written = np.datetime_as_string(moment).astype(object) + "Z"
                part[name] = np.where(np.isnat(moment), "", written)
            # %g writes five stars as 5, and progress still as 0.35.
            part.to_csv(file, header=low == 0, index=False, lineterminator="\r\n", float_format="%g")
