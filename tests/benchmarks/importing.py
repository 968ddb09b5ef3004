"""How fast interactions are imported, beside a bare executemany of the same rows, and in how much memory.

    python tests/benchmarks/importing.py [ROWS ...]      (default: 1000000 5000000)

Each measurement is a process of its own, on a SQLite file of 20,000 people and 500 courses. "again" brings
the same file in once more and has to change nothing. The bare variant is handed the rows that the import
made, and does nothing but the driver's executemany in transactions as import begins them, of as many rows as
import begins with: what the database alone costs. Peak memory is of the process; "first" is what it needed
before it read the file. The longest transaction is from BEGIN to the end of COMMIT. At the end stand the
figures that are asked for, and whether they were met.
"""

from __future__ import annotations

import csv
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PEOPLE, COURSES, BATCH = 20_000, 500, 2_000
KEY = b"k" * 32
VARIANTS = ("import", "again", "bare")
HEADER = ["event_id", "user_id", "course_id", "kind", "at", "value", "amount", "currency", "seconds", "query"]
COLUMNS = "event_key, user_no, course_no, kind, at, value, amount_minor, currency, seconds, query, source"


def write_files(folder: Path, rows: int) -> None:
    """Write users.csv, courses.csv and interactions.csv, the same for the same number of rows."""
    chance = random.Random(7)
    start = NOW - timedelta(days=500)
    step = timedelta(days=499) / rows
    with (folder / "users.csv").open("w") as file:
        file.write("user_id,email,email_consent\n")
        file.writelines(f"user-{no},user-{no}@example.org,yes\n" for no in range(PEOPLE))
    with (folder / "courses.csv").open("w") as file:
        file.write("course_id,title\n")
        file.writelines(f"course-{no},Course {no}\n" for no in range(COURSES))
    with (folder / "interactions.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for row in range(rows):
            who, what = f"user-{chance.randrange(PEOPLE)}", f"course-{chance.randrange(COURSES)}"
            at = (start + row * step).isoformat(timespec="seconds")
            kind = chance.choices(("viewed", "enrolled", "rated", "searched"), (80, 14, 3, 3))[0]
            cells = {
                "enrolled": ("", "49.50", "EUR", "", ""),
                "rated": (chance.randint(1, 5), "", "", "", ""),
            }
            cells |= {"viewed": ("", "", "", "30", ""), "searched": ("", "", "", "", "excel pivot")}
            out.writerow(("", who, "" if kind == "searched" else what, kind, at, *cells[kind]))


def measure(variant: str, folder: Path) -> dict[str, float]:
    """Run one variant in this process; `again` expects the database that `import` left."""
    import sqlalchemy as sa

    from recmail.db.connect import connect
    from recmail.db.migrate import upgrade
    from recmail.history.importing import ImportOptions, import_file

    database = folder / f"{'import' if variant == 'again' else variant}.db"
    engine = connect(f"sqlite:///{database}")
    longest = watch_transactions(engine)
    if variant != "again":
        upgrade(engine)
        for kind in ("courses", "users"):
            import_file(engine, kind, folder / f"{kind}.csv", now=NOW, key=KEY, options=ImportOptions())
    first = resident_mb()
    longest.clear()
    changes = 0
    cpu = time.process_time()
    if variant == "bare":
        rows = ready_rows(folder)
        began, cpu = time.perf_counter(), time.process_time()
        insert_bare(engine, rows)
    else:
        began = time.perf_counter()
        file = folder / "interactions.csv"
        counts = import_file(engine, "interactions", file, now=NOW, key=KEY, options=ImportOptions()).counts
        changes = counts.added + counts.changed
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    with engine.connect() as connection:
        count = connection.execute(sa.text("SELECT count(*) FROM interactions")).scalar_one()
    return {
        "rows": count,
        "changes": changes,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "longest_ms": max(longest) * 1000,
        "first_mb": first,
        "peak_mb": resident_mb(),
    }


def watch_transactions(engine) -> list[float]:
    """A list that every transaction's seconds are added to."""
    import sqlalchemy as sa

    taken: list[float] = []
    began: dict[int, float] = {}

    @sa.event.listens_for(engine.pool, "checkin")
    def _ended(_connection, record) -> None:
        if id(record) in began:
            taken.append(time.perf_counter() - began.pop(id(record)))

    @sa.event.listens_for(engine, "after_cursor_execute")
    def _began(connection, _cursor, statement, *_rest) -> None:
        if statement == "BEGIN IMMEDIATE":
            began[id(connection.connection._connection_record)] = time.perf_counter()

    return taken


def resident_mb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def ready_rows(folder: Path) -> list[tuple[object, ...]]:
    """The rows that the import made, in its order."""
    with sqlite3.connect(folder / "import.db") as database:
        return database.execute(f"SELECT {COLUMNS} FROM interactions ORDER BY interaction_no").fetchall()


def insert_bare(engine, rows: list[tuple[object, ...]]) -> None:
    """Nothing but executemany, in short transactions."""
    from recmail.db.connect import tidy_log, writing_in_bulk

    places = ", ".join("?" * len(rows[0]))
    statement = f"INSERT INTO interactions ({COLUMNS}) VALUES ({places}) ON CONFLICT DO NOTHING"
    for start in range(0, len(rows), BATCH):
        with writing_in_bulk(engine) as connection:
            connection.exec_driver_sql(statement, rows[start : start + BATCH])
        if start % (20 * BATCH) == 0:
            tidy_log(engine)


def main() -> None:
    """Print a table and the figures that are asked for."""
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]))))
        return
    print("     rows variant   rows/s  rows/s CPU  to bare  longest ms  first MB  peak MB  changes")
    peaks = []
    for rows in map(int, sys.argv[1:] or ("1000000", "5000000")):
        with tempfile.TemporaryDirectory() as name:
            write_files(Path(name), rows)
            found = {variant: measured_apart(variant, name) for variant in VARIANTS}
        for variant, one in found.items():
            print_row(rows, variant, one, found["bare"])
        peaks.append(found["import"]["peak_mb"])
        print_figures(rows, found)
    print(f"peak MB at each size: {', '.join(f'{peak:.0f}' for peak in peaks)} (asked: under 250, the same)")


def print_row(rows: int, variant: str, one: dict[str, float], bare: dict[str, float]) -> None:
    """Print a line of the table."""
    ratio = bare["seconds"] / one["seconds"]
    rates = f"{rows / one['seconds']:8,.0f} {rows / one['cpu_s']:11,.0f}  {ratio:7.2f}"
    memory = f"{one['first_mb']:8.0f} {one['peak_mb']:8.0f}"
    print(f"{rows:9,} {variant:7} {rates}  {one['longest_ms']:10.0f}  {memory} {one['changes']:8,}")


def print_figures(rows: int, found: dict[str, dict[str, float]]) -> None:
    """Print what is asked for beside what was found."""
    first, again, bare = found["import"], found["again"], found["bare"]
    met = [
        ("rows/s at least 50,000", rows / first["seconds"] >= 50_000),
        ("at least half of bare", bare["seconds"] / first["seconds"] >= 0.5),
        ("peak under 250 MB", first["peak_mb"] < 250),
        ("again: 0 changes", again["changes"] == 0),
        ("again: not slower", again["seconds"] <= first["seconds"]),
        ("transactions under 250 ms", first["longest_ms"] < 250),
    ]
    print("  " + "; ".join(f"{what}: {'yes' if is_met else 'NO'}" for what, is_met in met), flush=True)


def measured_apart(variant: str, folder: str) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", variant, folder]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
