"""How long a segment takes to count, beside the same question asked in SQL that was written by hand.

    python tests/benchmarks/segments.py [PEOPLE [EVENTS]]      (default: 100000 3000000)

On a temporary SQLite file, built in two minutes. Each question is asked three times, by `count_rules` (what
`plan --dry-run` prints) and by hand in turn, and the best of each is printed: the count, which must be the
same, seconds, and the ratio. "look-up" is the condition that planning uses for one shard after the other,
asked once of everybody. `--plan` prints SQLite's plans too.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from recmail.db.connect import connect, reading
from recmail.db.courses import read_courses
from recmail.db.migrate import upgrade
from recmail.db.types import to_microseconds
from recmail.segment import Courses, audience_query, compile_segment, count_rules

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
COURSES, CATEGORIES, DAYS, ROUNDS, BATCH = 500, 12, 540, 3, 100_000
KINDS = ("viewed", "enrolled", "progressed", "completed", "searched", "rated")
SHARES = (0.66, 0.1, 0.1, 0.05, 0.06, 0.03)


def since(days: int) -> int:
    """So many days before now, as the database has it."""
    return to_microseconds(NOW - timedelta(days=days))


NOW_US, UP_TO_NOW = since(0), f"at <= {since(0)}"
COUNT = "SELECT count(*) FROM users WHERE erased_at IS NULL AND"
DID = "SELECT user_no FROM interactions WHERE"
MINE = "FROM interactions i WHERE i.user_no = users.user_no AND i.at"
COURSE_17 = "course_no = (SELECT course_no FROM courses WHERE course_id = 'course-17')"
COMPLETED_17 = f"{DID} kind = 'completed' AND {UP_TO_NOW} AND {COURSE_17}"
CATEGORY_3 = "course_no IN (SELECT course_no FROM courses WHERE category = 'Category 3')"


def within(days: int) -> str:
    """The time from so many days ago up to now."""
    return f"BETWEEN {since(days)} AND {NOW_US}"


def seen(days: int) -> str:
    """Seen within so many days."""
    return f"(last_seen_at {within(days)} OR EXISTS (SELECT 1 {MINE} {within(days)}))"


QUESTIONS = {
    "last_seen within 30d": seen(30),
    'completed("course-17")': f"user_no IN ({COMPLETED_17})",
    'not completed("course-17")': f"user_no NOT IN ({COMPLETED_17})",
    'viewed(category = "category 3") at least 3 times within 60d': f"""user_no IN ({DID} kind = 'viewed'
        AND at {within(60)} AND {CATEGORY_3} GROUP BY user_no HAVING count(*) >= 3)""",
    "enrolled() within 30d": f"user_no IN ({DID} kind = 'enrolled' AND at {within(30)})",
    "not completed()": f"user_no NOT IN ({DID} kind = 'completed' AND {UP_TO_NOW})",
    'country not in ["NO", "SE"]': "(country IS NULL OR country NOT IN ('NO', 'SE'))",
    'plan == "pro" or enrolments >= 5': f"""(json_extract(attributes, '$.plan') = 'pro' OR (
        SELECT count(DISTINCT course_no) {MINE} <= {NOW_US}
        AND kind IN ('enrolled', 'progressed', 'completed')) >= 5)""",
    'last_seen within 90d and not completed("course-17") and country != "NO"': f"""{seen(90)}
        AND user_no NOT IN ({COMPLETED_17}) AND (country IS NULL OR country <> 'NO')""",
}
"""Questions, and each as a condition on users, written by hand."""


def build(path: Path, people: int, events: int) -> None:
    """Fill a database: events in the order of time, as imports leave them; popular courses, busy people."""
    engine = connect(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    chance = np.random.default_rng(7)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous = OFF")
        seen = since(0) - (chance.exponential(60, people) * 86_400e6).astype(np.int64)
        countries, plans = (
            chance.choice(["IN", "US", "NO", "SE"], people),
            chance.choice(["free", "pro"], people),
        )
        database.executemany(
            "INSERT INTO users (user_no, user_id, country, last_seen_at, attributes, source, source_row_hash,"
            " imported_at) VALUES (?, 'u' || ?1, ?, ?, json_object('plan', ?), 'x', 'x', 0)",
            zip(range(people), countries.tolist(), seen.tolist(), plans.tolist(), strict=True),
        )
        database.executemany(
            "INSERT INTO courses (course_no, course_id, title, category, topics, tags, prerequisites,"
            " staff_pick, active, source, source_row_hash, imported_at)"
            " VALUES (?, 'course-' || ?1, 'T', ?, '[]', '[]', '[]', 0, 1, 'x', 'x', 0)",
            [(number, f"Category {number % CATEGORIES}") for number in range(COURSES)],
        )
        at = np.sort(chance.integers(since(DAYS), since(-1), events))
        weight = chance.lognormal(0, 1, people)
        who = chance.choice(people, events, p=weight / weight.sum())
        what = np.minimum(chance.exponential(COURSES / 5, events).astype(np.int64), COURSES - 1)
        kind = chance.choice(KINDS, events, p=SHARES)
        keys = [str(number) for number in range(events)]
        for low in range(0, events, BATCH):
            part = slice(low, low + BATCH)
            database.executemany(
                "INSERT INTO interactions (event_key, user_no, course_no, kind, at, source)"
                " VALUES (?, ?, ?, ?, ?, 'x')",
                zip(keys[part], *(one[part].tolist() for one in (who, what, kind, at)), strict=True),
            )


def best_of(rounds: int, *ways: Callable[[], int]) -> list[tuple[int, float]]:
    """The answer and the shortest time of each way, asked in turn."""
    found = [(0, float("inf"))] * len(ways)
    for _ in range(rounds):
        for place, way in enumerate(ways):
            began = time.perf_counter()
            answer = way()
            found[place] = answer, min(found[place][1], time.perf_counter() - began)
    return found


def measure(path: Path, *, plans: bool) -> None:
    """Print the table."""
    with reading(connect(f"sqlite:///{path}")) as connection:
        courses = Courses.of_columns(read_courses(connection))
        print(f"{'people':>8} {'ours s':>8} {'by hand':>8} {'ratio':>6} {'look-up':>8}  question")
        for question, sql in QUESTIONS.items():
            segment = compile_segment(question, NOW, attributes={"plan": "text"}, courses=courses)
            ours, hand = best_of(
                ROUNDS,
                lambda segment=segment: count_rules(connection, segment)[-1][1],
                lambda sql=sql: connection.exec_driver_sql(f"{COUNT} {sql}").scalar_one(),
            )
            everybody = audience_query(segment, 0, 10**9).subquery()
            counting = sa.select(sa.func.count()).select_from(everybody)
            [looked_up] = best_of(1, lambda counting=counting: connection.execute(counting).scalar_one())
            assert ours[0] == hand[0] == looked_up[0], (question, ours, hand, looked_up)
            ratio = ours[1] / hand[1]
            print(f"{ours[0]:8,} {ours[1]:8.3f} {hand[1]:8.3f} {ratio:6.2f} {looked_up[1]:8.3f}  {question}")
            if plans:
                print_plans(connection, lambda segment=segment: count_rules(connection, segment))


def print_plans(connection: sa.Connection, ask: Callable[[], object]) -> None:
    """Print what SQLite does for a question."""
    asked = []

    def note(_connection, _cursor, statement, parameters, *_rest) -> None:
        asked.append((statement, parameters))

    sa.event.listen(connection, "before_cursor_execute", note)
    ask()
    sa.event.remove(connection, "before_cursor_execute", note)
    for statement, parameters in asked:
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
            print(" " * 12, row[3])


def main() -> None:
    """Build, ask, print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("people", nargs="?", type=int, default=100_000)
    arguments.add_argument("events", nargs="?", type=int, default=3_000_000)
    arguments.add_argument("--plan", action="store_true")
    arguments.add_argument("--database", type=Path, help="keep it here, and use it when it is there")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.database or Path(folder) / "segments.db"
        if not path.exists():
            began = time.perf_counter()
            build(path, given.people, given.events)
            took = time.perf_counter() - began
            print(f"{given.people:,} people, {given.events:,} events: {took:.0f} s to build")
        measure(path, plans=given.plan)


if __name__ == "__main__":
    main()
