"""The demo's interactions: what happened around each enrolment, as one table in the order of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recmail.history.demo.activity import Enrolments, within
from recmail.history.demo.catalogue import CURRENCY, DAY, moments
from recmail.history.demo.people import People
from recmail.history.demo.planted import ROW
from recmail.records import KINDS

OWN_VIEWS, OTHER_VIEWS = 2.2, 3.8  # six views per enrolment: of the course itself, and of others beside it
PROGRESSED, COMPLETED, RATED, SEARCHED, MISSPELT = 0.70, 0.35, 0.12, 0.5, 0.05

COLUMNS = [
    "event_id",
    "user_id",
    "course_id",
    "kind",
    "at",
    "value",
    "amount",
    "currency",
    "seconds",
    "query",
]
"""The columns of interactions.csv."""


@dataclass(frozen=True)
class Events:
    """Interactions of one kind, as arrays of one length; -1 or NaN where there is nothing.

    Attributes:
        user, course: row numbers.
        at: seconds since 1970.
        query: number of the search text.
    """

    kind: str
    user: np.ndarray
    course: np.ndarray
    at: np.ndarray
    value: np.ndarray | float = np.nan
    seconds: np.ndarray | float = -1
    query: np.ndarray | int = -1


def interactions(
    people: People,
    enrolled: Enrolments,
    titles: pd.DataFrame,
    published: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Everything that happened, with COLUMNS, sorted by time.

    Somebody with a single enrolment has no other interaction.
    """
    queries, codes = search_texts(titles, rng)
    busy = people.enrolments[enrolled.user] != 1
    user, course, at = enrolled.user[busy], enrolled.course[busy], enrolled.at[busy]
    own = _own_views(people, published, (user, course, at), rng)
    other = _other_views(people, published, enrolled, (user, at), rng)
    searches = _searches(people, codes, (user, course, at), rng)
    later = _learning(people, titles, (user, course, at), rng)
    parts = [own, other, searches, Events("enrolled", enrolled.user, enrolled.course, enrolled.at), *later]
    return _table(parts, people, titles, queries)


def _own_views(
    people: People,
    published: np.ndarray,
    enrolled: tuple[np.ndarray, np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> Events:
    """Views of a course before taking it: one just before, the others on the evenings before that."""
    count = 1 + rng.poisson(OWN_VIEWS - 1, len(enrolled[0]))
    user, course, at = (np.repeat(array, count) for array in enrolled)
    is_last = np.zeros(len(user), dtype=bool)
    is_last[np.cumsum(count) - 1] = True
    days = rng.exponential(5.0, len(user)).astype(np.int64)
    before = np.where(
        is_last, rng.integers(60, 900, len(user)), days * DAY + rng.integers(1200, 9000, len(user))
    )
    seen = within(at - before, np.maximum(people.start_s[user], published[course]), at, rng)
    return Events("viewed", user, course, seen, seconds=_dwell(len(user), 75, rng))


def _other_views(
    people: People,
    published: np.ndarray,
    enrolled: Enrolments,
    taken: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> Events:
    """Views of what else tempted the person on the same evening: mostly the next courses on their list."""
    count = rng.poisson(OTHER_VIEWS, len(taken[0]))
    user, at = (np.repeat(array, count) for array in taken)
    courses_taken = np.bincount(enrolled.user, minlength=len(enrolled.reach))[user]
    rank = courses_taken + rng.exponential(3 + 0.8 * courses_taken).astype(np.int64)
    reach = enrolled.reach[user]
    rank = np.where(rank < reach, rank, rng.integers(0, reach))
    course = enrolled.tempting[user, rank].astype(np.int64)
    low = np.maximum(people.start_s[user], published[course])
    seen = within(at - rng.integers(30, 1500, len(user)), low, people.end_s[user], rng)
    return Events("viewed", user, course, seen, seconds=_dwell(len(user), 30, rng))


def _dwell(count: int, median_s: float, rng: np.random.Generator) -> np.ndarray:
    return np.rint(rng.lognormal(np.log(median_s), 0.9, count)).clip(2, 3600)


def _searches(
    people: People,
    codes: np.ndarray,
    enrolled: tuple[np.ndarray, np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> Events:
    """A search before every second enrolment, for one of the course's topics, now and then misspelt."""
    chosen = rng.random(len(enrolled[0])) < SEARCHED
    user, course, at = (array[chosen] for array in enrolled)
    topic = rng.integers(0, codes.shape[1], len(user))
    spelling = (rng.random(len(user)) < MISSPELT).astype(np.int64)
    searched = within(at - rng.integers(900, 2400, len(user)), people.start_s[user], at, rng)
    return Events("searched", user, np.full(len(user), -1), searched, query=codes[course, topic, spelling])


def _learning(
    people: People,
    titles: pd.DataFrame,
    enrolled: tuple[np.ndarray, np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> list[Events]:
    """Progress, completion and rating after enrolments; who completes or rates has made progress."""
    user, course, at = enrolled
    count, end = len(user), people.end_s[user]
    chance = rng.random(count)
    completed = (chance < COMPLETED) | (user == ROW["completed a whole category"])
    progressed = (chance < PROGRESSED) | completed
    rated = progressed & (rng.random(count) < RATED / PROGRESSED)
    progress_at = _some_days_later(at, end, days=9, rng=rng)
    completed_at = _some_days_later(progress_at, end, days=16, rng=rng)
    rated_at = _some_days_later(np.where(completed, completed_at, progress_at), end, days=2, rng=rng)
    share = np.where(completed, rng.uniform(0.35, 0.95, count), rng.beta(1.2, 2.0, count))
    share = share.round(2).clip(0.01, 0.99)
    studied = np.rint(share * titles["duration_min"].to_numpy()[course] * 60)
    quality = rng.normal(4.2, 0.35, len(titles))
    stars = np.rint(quality[course] + rng.normal(0, 0.9, count)).clip(1, 5)

    def events(kind: str, which: np.ndarray, when: np.ndarray, **columns: np.ndarray) -> Events:
        chosen = {name: column[which] for name, column in columns.items()}
        return Events(kind, user[which], course[which], when[which], **chosen)

    return [
        events("progressed", progressed, progress_at, value=share, seconds=studied),
        events("completed", completed, completed_at),
        events("rated", rated, rated_at, value=stars),
    ]


def _some_days_later(
    at: np.ndarray, latest: np.ndarray, *, days: float, rng: np.random.Generator
) -> np.ndarray:
    """At about the same hour some days later, and before the person was last seen."""
    whole_days = 1 + rng.exponential(days - 0.5, len(at)).astype(np.int64)
    later = at + whole_days * DAY + rng.normal(0, 3000, len(at)).astype(np.int64)
    return within(later, at, latest, rng)


def search_texts(titles: pd.DataFrame, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """What people type to find each course.

    Returns:
        All texts; and courses x 6 x 2, the text's number: right, and misspelt.
    """
    texts: dict[str, int] = {}
    codes = np.zeros((len(titles), 6, 2), dtype=np.int64)
    known = frozenset(topic for topics in titles["topics"].str.lower() for topic in topics.split(";"))
    for course, topics in enumerate(titles["topics"].str.lower()):
        words = topics.split(";")
        for place in range(codes.shape[1]):
            word = words[place % len(words)]
            for spelling, text in enumerate((word, misspelt(word, known, rng))):
                codes[course, place, spelling] = texts.setdefault(text, len(texts))
    return list(texts), codes


def misspelt(word: str, known: frozenset[str], rng: np.random.Generator) -> str:
    """The word with one slip of the finger: a letter lost, doubled or exchanged with the next."""
    for place in rng.permutation([place for place in range(1, len(word)) if word[place] != " "]):
        before, letter, after = word[:place], word[place], word[place + 1 :]
        slips = (before + after, before + 2 * letter + after, before + after[:1] + letter + after[1:])
        text = slips[rng.integers(3)]
        if text not in known:
            return text
    return word + word[-1]


def _table(parts: list[Events], people: People, titles: pd.DataFrame, queries: list[str]) -> pd.DataFrame:
    def column(name: str) -> np.ndarray:
        return np.concatenate([np.broadcast_to(getattr(part, name), len(part.user)) for part in parts])

    kind = np.repeat([KINDS.index(part.kind) for part in parts], [len(part.user) for part in parts])
    at, user, course = column("at"), column("user"), column("course")
    order = np.lexsort((course, user, kind, at))
    kind, at, user, course = kind[order], at[order], user[order], course[order]
    seconds = column("seconds")[order].astype(np.int64)
    is_enrolment = kind == KINDS.index("enrolled")
    price = titles["price"].to_numpy()[course]
    return pd.DataFrame(
        {
            "event_id": event_ids(len(at)),
            "user_id": _labels(user, people.table["user_id"]),
            "course_id": _labels(course, titles["course_id"]),
            "kind": _labels(kind, pd.Series(KINDS)),
            "at": moments(at),
            "value": column("value")[order],
            "amount": pd.arrays.IntegerArray(price, mask=~is_enrolment),
            "currency": _labels(is_enrolment.astype(np.int8) - 1, pd.Series([CURRENCY])),
            "seconds": pd.arrays.IntegerArray(seconds, mask=seconds < 0),
            "query": _labels(column("query")[order], pd.Series(queries)),
        }
    )[COLUMNS]


def _labels(codes: np.ndarray, names: pd.Series[str]) -> pd.Categorical[str]:
    """Names by number, each name held once; a missing value for -1."""
    return pd.Categorical.from_codes(codes, categories=pd.Index(names))


def event_ids(count: int) -> np.ndarray:
    """`e0000001` and so on, by arithmetic on the digits: ten times as fast as formatting each."""
    digits = np.arange(1, count + 1)[:, None] // 10 ** np.arange(max(7, len(str(count))))[::-1] % 10
    letters = np.concatenate([np.full((count, 1), ord("e")), digits + ord("0")], axis=1)
    return np.ascontiguousarray(letters.astype(np.uint32)).view(f"<U{letters.shape[1]}")[:, 0]
