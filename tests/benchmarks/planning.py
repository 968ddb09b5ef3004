"""How fast a campaign is planned and how much memory it needs, with and without limits over the audience.

    python tests/benchmarks/planning.py [--people 20000 200000] [--courses 2000] [--campaigns free limited]
        [--planners 1]

On temporary SQLite projects with random people: seven enrolments each on average, half of them in courses of
one of two categories, and EASE fitted on the first 20,000 people. Every plan runs in a process of its own,
by default without a pool, so that its peak of memory is that of a worker and of what coordinates it in one;
`--planners 2` has a pool. The figures are the last two columns: against those of the smallest audience.

`peak` is the largest process with all its pages; `files` is what of them is mapped from files, which
processes share (libraries, models, and wishes for a moment); `together` is the rest, `anonymous`, of all
processes at one moment. All but `peak` is sampled every 50 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CATEGORIES, SEED, LEARNED_FROM = 40, 7, 20_000
CAMPAIGN = """\
subject: "{{ courses[0].title }}"
audience: everyone
blocks:
  - top_picks: {show: 4, variety: {mix: 0.2, per_category: 2}, fallback: [popular_in_your_category, popular]}
  - because_you_took: 2
  - popular: 2
"""
CAMPAIGNS = {
    "free": CAMPAIGN,
    "limited": CAMPAIGN + "exposure: {max_share_per_course: 10%, respect_seats: true}\n",
}


def microseconds(moment: datetime) -> int:
    """A time as SQLite has it."""
    return int(moment.timestamp() * 1_000_000)


def make_project(folder: Path, people: int, courses: int) -> None:
    """Write a project with random people and courses, and a model."""
    from recmail.runs.create import create_project

    made = create_project(
        folder, name="Acme", sender="Acme <a@acme.example>", postal_address="1 Road", currency="EUR"
    )
    for name, text in CAMPAIGNS.items():
        (folder / "campaigns" / f"{name}.yaml").write_text(text, "utf-8")
    rng = np.random.default_rng(SEED)
    with sqlite3.connect(folder / "recmail.db") as connection:
        write_courses(connection, courses)
        for low in range(0, people, 20_000):
            write_people(connection, low, min(low + 20_000, people), courses, rng)
    fit(made.engine, min(people, LEARNED_FROM))
    made.engine.dispose()


def write_courses(connection: sqlite3.Connection, courses: int) -> None:
    """Courses in 40 categories; every fiftieth has 500 seats."""
    rows = [
        (n, f"c{n}", f"Course {n}", f"Category {n % CATEGORIES}", 500 if n % 50 == 0 else None)
        for n in range(courses)
    ]
    connection.executemany(
        "INSERT INTO courses (course_no, course_id, title, category, seats, topics, tags, prerequisites,"
        " staff_pick, active, source, source_row_hash, imported_at)"
        " VALUES (?, ?, ?, ?, ?, '[]', '[]', '[]', 0, 1, 'bench', '', 0)",
        rows,
    )


def write_people(
    connection: sqlite3.Connection, low: int, high: int, courses: int, rng: np.random.Generator
) -> None:
    """People with consent, and what they enrolled in during the last 540 days."""
    numbers = range(low, high)
    connection.executemany(
        "INSERT INTO users (user_no, user_id, email, email_key, email_hash, first_name, source,"
        " source_row_hash, imported_at) VALUES (?, ?, ?, ?, ?, 'Ana', 'bench', '', 0)",
        [(n, f"u{n}", *[f"u{n}@example.org"] * 3) for n in numbers],
    )
    connection.executemany(
        "INSERT INTO consent (user_no, purpose, topic, granted, at, channel)"
        " VALUES (?, 'email', '', 1, 0, 'page')",
        [(n,) for n in numbers],
    )
    count = rng.poisson(7, high - low)
    person = np.repeat(np.arange(low, high), count)
    popular = (courses * rng.random(len(person)) ** 3).astype(np.int64)
    favourite = (person * 2_654_435_761 + rng.integers(0, 2, len(person)) * 17) % CATEGORIES
    own = popular // CATEGORIES * CATEGORIES + favourite
    course = np.where(rng.random(len(person)) < 0.5, own % courses, popular)
    at = microseconds(NOW) - rng.integers(1, 540 * 86_400, len(person)) * 1_000_000
    keys = (f"{low}-{place}" for place in range(len(person)))
    connection.executemany(
        "INSERT INTO interactions (event_key, user_no, course_no, kind, at, source)"
        " VALUES (?, ?, ?, 'enrolled', ?, 'bench')",
        zip(keys, person.tolist(), course.tolist(), at.tolist(), strict=True),
    )


def fit(engine: object, people: int) -> None:
    """Fit EASE on the first people, and make it the model that campaigns use."""
    from recmail.db.connect import reading, writing
    from recmail.history.reading import read_catalogue, read_grades
    from recmail.recommend.ease import Ease
    from recmail.recommend.models import TrainedOn, promote, save

    with reading(engine) as connection:
        catalogue = read_catalogue(connection, NOW)
        triples = read_grades(connection, NOW, {"enrolled": 3.0})
    triples = triples.where(triples.user_no < people)
    scorer = Ease.fit(triples, courses=len(catalogue), seed=SEED)
    trained_on = TrainedOn.of(triples, catalogue.frame["course_id"])
    version = save(engine, {"ease": scorer}, auto="ease", trained_on=trained_on, metrics={}, now=NOW)
    with writing(engine) as connection:
        promote(connection, version)


def measure(folder: Path, campaign: str) -> None:
    """Plan in this process; print seconds, emails and the peaks of memory in MiB as JSON."""
    from recmail.runs.plan import plan
    from recmail.runs.project import open_project

    project = open_project(folder)
    memory, done = Memory(), threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            memory.sample()

    if Path("/proc/self/status").is_file():
        threading.Thread(target=sample, daemon=True).start()
    start, cpu = time.perf_counter(), time.process_time()
    plan(project, campaign, now=NOW + timedelta(minutes=list(CAMPAIGNS).index(campaign)), who="bench")
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    done.set()
    memory.sample()
    print(json.dumps({"seconds": took, "cpu": cpu, **vars(memory)}))


@dataclass
class Memory:
    """Peaks in MiB, of the largest process and of all together."""

    peak: float = 0.0
    files: float = 0.0
    anonymous: float = 0.0
    together: float = 0.0

    def sample(self) -> None:
        """Look at this process and its workers."""
        children = (path.read_text().split() for path in Path("/proc/self/task").glob("*/children"))
        together = 0.0
        for process in ("self", *(number for numbers in children for number in numbers)):
            with suppress(OSError, IndexError):  # it has just ended
                status = Path(f"/proc/{process}/status").read_text()
                peak, anonymous, *files = (
                    int(status.split(f"{name}:")[1].split()[0]) / 1024
                    for name in ("VmHWM", "RssAnon", "RssFile", "RssShmem")
                )
                self.peak, self.files = max(self.peak, peak), max(self.files, sum(files))
                self.anonymous = max(self.anonymous, anonymous)
                together += anonymous
        self.together = max(self.together, together)


def main() -> None:
    """Measure every size and campaign, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--courses", type=int, nargs="+", default=[2_000])
    parser.add_argument("--campaigns", nargs="+", default=list(CAMPAIGNS))
    parser.add_argument("--planners", type=int, default=1)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(Path(chosen.measure[0]), chosen.measure[1])
        return
    print(
        "courses    people  campaign  seconds      cpu  people/s  peak MiB  files  anonymous  together"
        "  peak, together against the first"
    )
    first: dict[tuple[int, str], dict[str, float]] = {}
    for courses in chosen.courses:
        for people in chosen.people:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["RECMAIL_CACHE"] = f"{folder}/models"
                os.environ["RECMAIL_DELIVERY_PLANNERS"] = str(chosen.planners)
                make_project(Path(folder) / "acme", people, courses)
                for campaign in chosen.campaigns:
                    command = [sys.executable, __file__, "--measure", f"{folder}/acme", campaign]
                    answer = subprocess.run(command, check=True, capture_output=True, text=True)
                    got = json.loads(answer.stdout.splitlines()[-1])
                    base = first.setdefault((courses, campaign), got)
                    print(
                        f"{courses:7,} {people:9,}  {campaign:8} {got['seconds']:8.1f} {got['cpu']:8.1f}"
                        f" {people / got['seconds']:9,.0f} {got['peak']:9.0f} {got['files']:6.0f}"
                        f" {got['anonymous']:10.0f} {got['together']:9.0f}"
                        f" {got['peak'] / base['peak']:7.3f} {got['together'] / base['together']:8.3f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
