"""Who takes which course, and when: tastes, rising level, and the rhythm of week, evening and year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recmail.history.demo.catalogue import DAY
from recmail.history.demo.people import HISTORY_DAYS, People
from recmail.history.demo.planted import COMPLETED_CATEGORY, ROW

# How many people have each category as their main one, in the catalogue's order.
MAIN_SHARES = (0.13, 0.11, 0.14, 0.11, 0.08, 0.05, 0.04, 0.08, 0.05, 0.07, 0.08, 0.06)
NEIGHBOUR_WEIGHT = 0.25
ELSEWHERE_WEIGHT = 0.03
SUBTOPIC_BOOST = 8.0
WEEKDAYS = (1.0, 1.05, 1.05, 1.0, 0.75, 1.15, 1.35)  # from Monday
CHUNK = 20_000  # users whose matrices are in memory at once: 20,000 x 240 float64 are 38 MB
LEVEL_POSITION = {"beginner": (1.3, 2.4), "intermediate": (2.0, 2.0), "advanced": (2.6, 1.2)}


@dataclass(frozen=True)
class Enrolments:
    """Every enrolment, ordered by user, with another course that the person looked at beside it.

    Attributes:
        user, course: row numbers.
        at: seconds since 1970.
        tempting: people x courses, int16: each person's courses from the most to the least wanted; only the
            first `reach` of a person are open to them.
        reach: how many courses each person could have taken.
    """

    user: np.ndarray
    course: np.ndarray
    at: np.ndarray
    tempting: np.ndarray
    reach: np.ndarray


class Rhythm:
    """Turns even progress through a window into the uneven days on which people really learn."""

    def __init__(self, now_s: int) -> None:
        self._days = now_s // DAY - HISTORY_DAYS - 1 + np.arange(HISTORY_DAYS + 3)
        weekday = (self._days + 3) % 7  # 1970-01-01 was a Thursday
        day_of_year = self._days % 365.2425
        intensity = np.array(WEEKDAYS)[weekday] * (
            1 + 0.3 * np.cos(2 * np.pi * (day_of_year - 15) / 365.2425)
        )
        self._effort = np.concatenate([[0.0], np.cumsum(intensity)[:-1]])

    def times(self, since_s: np.ndarray, until_s: np.ndarray, position: np.ndarray) -> np.ndarray:
        """The moment at each position (0 to 1) between two times, measured in learning and not in hours."""
        first, last = (np.interp(at / DAY, self._days, self._effort) for at in (since_s, until_s))
        day = np.interp(first + position * (last - first), self._effort, self._days)
        return np.asarray(day * DAY, dtype=np.int64)


def evenings(at: np.ndarray, offset_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same local days, at the hours when people learn: six in ten between seven and eleven at night."""
    count = len(at)
    part = rng.random(count)
    hour = np.where(
        part < 0.62,
        rng.normal(20.7, 1.1, count),
        np.where(part < 0.82, rng.normal(13.2, 1.0, count), rng.uniform(7, 24, count)),
    )
    midnight = (at + offset_s) // DAY * DAY
    learning: np.ndarray = midnight + (hour.clip(0, 23.9) * 3600).astype(np.int64) - offset_s
    return learning


def within(at: np.ndarray, low: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same times, but anywhere between low and high where they fell outside."""
    anywhere = low + (rng.random(len(at)) * (high - low)).astype(np.int64)
    return np.where((at < low) | (at > high), anywhere, at)


def wishes(titles: pd.DataFrame, appeal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much people want each course.

    Each of the categories has four sub-topics; a person has one of them, and with it a main category, its
    two neighbours in the catalogue's circle, and a little curiosity for the rest. In the neighbours people
    have a favourite sub-topic too, the one in the same place.

    Returns:
        Sub-topics x courses, rows adding up to about 1; and the share of people in each sub-topic.
    """
    category, names = pd.factorize(titles["category"])
    subtopic, _ = pd.factorize(titles["category"] + "/" + titles["subtopic"])
    home = pd.Series(category).groupby(subtopic).first().to_numpy()
    place = np.arange(len(home)) - np.searchsorted(home, home)
    distance = np.abs(home[:, None] - category[None, :])
    distance = np.minimum(distance, len(names) - distance)
    liked = (distance <= 1) & (place[:, None] == place[subtopic][None, :])
    drawn = appeal * np.where(liked, SUBTOPIC_BOOST, 1.0)
    in_category = category[:, None] == np.arange(len(names))[None, :]
    drawn /= (drawn @ in_category)[:, category]
    main = 1 - 2 * NEIGHBOUR_WEIGHT - ELSEWHERE_WEIGHT
    weight = np.array([main, NEIGHBOUR_WEIGHT, ELSEWHERE_WEIGHT / (len(names) - 3)])[distance.clip(max=2)]
    share = np.array(MAIN_SHARES)[home] / np.bincount(home)[home]
    return weight * drawn, share / share.sum()


def enrolments(
    people: People,
    titles: pd.DataFrame,
    published: np.ndarray,
    appeal: np.ndarray,
    *,
    now_s: int,
    rng: np.random.Generator,
) -> Enrolments:
    """Let everybody take as many courses as they are meant to, each after it was published."""
    wish, share = wishes(titles, appeal)
    subtopic = rng.choice(len(share), size=len(people.enrolments), p=share)
    foreign = titles["language"].ne("en").to_numpy()
    parts = []
    for low in range(0, len(subtopic), CHUNK):
        rows = slice(low, low + CHUNK)
        spoken = people.languages[rows, None] == titles["language"].to_numpy(dtype=object)[None, :]
        weight = wish[subtopic[rows]] * np.where(foreign, np.where(spoken, 4.0, 0.02), 1.0)
        if low == 0:
            _plant(weight, titles)
        # A course must be out a day before somebody's last visit: there has to be time to take it.
        is_open = published[None, :] < people.end_s[rows, None] - DAY
        parts.append(_ranked(weight, is_open, rng))
    tempting, reach = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    taken = np.minimum(people.enrolments, reach)
    for case in ("completed a whole category", "enrolled in everything"):
        taken[ROW[case]] = reach[ROW[case]]
    user = np.repeat(np.arange(len(taken)), taken)
    rank = np.arange(len(user)) - np.repeat(np.cumsum(taken) - taken, taken)
    course = tempting[user, rank].astype(np.int64)
    at = _enrolment_times(people, user, course, titles=titles, published=published, now_s=now_s, rng=rng)
    return Enrolments(user=user, course=course, at=at, tempting=tempting, reach=reach)


def _plant(weight: np.ndarray, titles: pd.DataFrame) -> None:
    """Let one planted user want everything, and another all of one category and nothing else."""
    weight[ROW["enrolled in everything"]] = 1.0
    weight[ROW["completed a whole category"]] = titles["category"].eq(COMPLETED_CATEGORY)


def _ranked(
    weight: np.ndarray, is_open: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw every person's courses without replacement, and how many could be drawn.

    Exponential waiting times divided by the weights, in rising order, are such a draw (Efraimidis and
    Spirakis 2006, "Weighted random sampling with a reservoir").
    """
    possible = is_open & (weight > 0)
    waiting = np.full(weight.shape, np.inf)
    np.divide(rng.standard_exponential(weight.shape), weight, out=waiting, where=possible)
    return np.argsort(waiting, axis=1).astype(np.int16), possible.sum(axis=1)


def _enrolment_times(
    people: People,
    user: np.ndarray,
    course: np.ndarray,
    *,
    titles: pd.DataFrame,
    published: np.ndarray,
    now_s: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """When each enrolment happened: easier courses earlier in a person's window, never before publication."""
    shape = np.array([LEVEL_POSITION[level] for level in titles["level"]])[course]
    since = np.maximum(people.start_s[user], published[course]) + 60
    until = people.end_s[user] - 2 * 3600
    at = Rhythm(now_s).times(since, until, rng.beta(shape[:, 0], shape[:, 1]))
    return within(evenings(at, people.offset_s[user], rng), since, until, rng)
