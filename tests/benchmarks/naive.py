"""The yardstick: one campaign as people write it in an afternoon, the same tuned, and by recmail.

    python tests/benchmarks/naive.py [--people 500] [--coco]

Prints seconds and ratios per stage, for the same people and courses, from one run. README.md beside this
file says what each variant does and how to read the table.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import coco_udemy
import pandas as pd
from measured import BEFOREHAND, PICKS, POPULAR, STAGES, Job, Measured
from receiver import Receiver, receiver
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DEMO_NOW, SEED = datetime(2026, 11, 24, 9, tzinfo=UTC), 1
SCRIPTS = {"naive": ["afternoon.py", "naive"], "tuned": ["afternoon.py", "tuned"], "recmail": ["ours.py"]}


def write_data(folder: Path, *, coco: bool) -> datetime:
    """Write the three files to import; returns a time after everything in them."""
    if not coco:
        sys.path.insert(0, str(ROOT))  # from a clone without an installation too
        from recmail.history.demo import write_demo

        write_demo(folder, DEMO_NOW, SEED)
        return DEMO_NOW
    source = coco_udemy.data_folder()
    if not source.is_dir():
        raise SystemExit(f"no real data: {source} is not there (set RECMAIL_DATA)")
    return coco_udemy.convert(source, folder).newest


def choose_people(folder: Path, count: int) -> list[str]:
    """Return people who may be mailed and have a history, in the order of the file, drawn with a seed."""
    users, courses, events = (
        pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        for name in ("users", "courses", "interactions")
    )
    taken = events[events["kind"] == "enrolled"].groupby("user_id")["course_id"].nunique()
    own = users["user_id"].map(taken).fillna(0)
    allowed = (users["email_consent"] == "yes") & (users["personalization"] != "no") & (users["email"] != "")
    allowed &= ~users["email"].str.lower().duplicated(keep=False)
    # People who took nearly everything get no email by recmail's rules: there is nothing left to show.
    allowed &= (own > 0) & (own < len(courses) - 10 * (PICKS + POPULAR))
    if (suppressed := folder / "suppressions.csv").is_file():
        addresses = pd.read_csv(suppressed, dtype=str, keep_default_na=False)["email"].str.lower()
        allowed &= ~users["email"].str.lower().isin(addresses)
    known = users.loc[allowed, "user_id"]
    return known.sample(min(count, len(known)), random_state=SEED).sort_index().tolist()


def mark_audience(folder: Path, people: list[str], newest: datetime) -> datetime:
    """Say in users.csv that only these people were seen in the last hour; returns the campaign's time.

    That is how the same people become the audience of a recmail campaign (`last_seen within 1h`)
    although the model learns from everybody.
    """
    now = newest.replace(microsecond=0) + timedelta(hours=2)
    path = folder / "users.csv"
    users = pd.read_csv(path, dtype=str, keep_default_na=False)
    seen = (now - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    users["last_seen_at"] = users["last_seen_at"].mask(users["user_id"].isin(people), seen)
    users.to_csv(path, index=False)
    return now


def run_variant(name: str, job: Job, server: Receiver) -> Measured:
    """Run one variant in a process of its own; its mails must all have been taken by the server."""
    before = server.accepted()
    result = job.path / f"{name}.json"
    script, *arguments = SCRIPTS[name]
    command = [sys.executable, str(HERE / script), *arguments, str(job.write()), str(result)]
    # One thread for each variant: BLAS threads would only fight with the mail server on a small machine.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("PREMAILER_CACHE_MAXSIZE", None)
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    wall_s = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-4000:]}")
    measured = Measured.read(result)
    measured.program_s = measured.program_s or wall_s - measured.seconds["fit"]
    taken = server.accepted() - before
    if taken != measured.handed_over:
        raise SystemExit(f"{name} sent {measured.handed_over:,} messages, the server took {taken:,}")
    return measured


def print_table(results: dict[str, Measured], title: str) -> None:
    """Print what each variant took, and how many times faster recmail is where it was measured."""
    table = Table()
    others = [name for name in results if name != "recmail" and "recmail" in results]
    for heading in ("", *results, *(f"{name} / recmail" for name in others)):
        table.add_column(heading, justify="right" if heading else "left")

    def row(label: str, digits: int, of: Callable[[Measured], float], compared: Sequence[str] = ()) -> None:
        values = {name: of(result) for name, result in results.items()}
        ratios = (f"{values[name] / max(values['recmail'], 0.001):,.1f}" for name in compared)
        table.add_row(label, *(f"{value:,.{digits}f}" for value in values.values()), *ratios)

    for stage in STAGES:
        row(f"{stage}, s", 3, lambda result, stage=stage: result.seconds[stage], others)
    table.add_section()
    row("total, s", 2, lambda result: result.total_s, others)
    row("CPU of the total, s", 2, lambda result: result.cpu_s, others)
    row("the program as run, s", 2, lambda result: result.program_s, others)
    table.add_section()
    # No ratios: recmail checks and stores what it reads, and trains twice, once to measure the model.
    for stage in BEFOREHAND:
        row(f"{stage}, s", 2, lambda result, stage=stage: result.seconds[stage])
    row("peak memory, MiB", 0, lambda result: result.peak_mib)
    row("HTML of a message, KB", 1, lambda result: result.html_bytes / result.messages / 1000)
    row("messages", 0, lambda result: result.messages)
    console = Console(width=110)
    console.print(title)
    console.print(table)


def main() -> None:
    """Make the data, run every variant on it, print the table."""
    parser = argparse.ArgumentParser(
        description="The afternoon version, a tuned one and recmail on the same people."
    )
    parser.add_argument("--people", type=int, default=500, metavar="N")
    parser.add_argument(
        "--coco", action="store_true", help="real learners and 8,166 courses instead of the demo"
    )
    parser.add_argument("--only", nargs="+", choices=list(SCRIPTS), default=list(SCRIPTS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, receiver() as server:
        folder = Path(name)
        newest = write_data(folder, coco=options.coco)
        people = choose_people(folder, options.people)
        now = mark_audience(folder, people, newest)
        (folder / "templates").symlink_to(ROOT / "templates")
        job = Job(name, server.port, now.isoformat(), people)
        results = {}
        for variant in options.only:
            print(f"{variant} ...", file=sys.stderr)
            results[variant] = run_variant(variant, job, server)
    data = "coco-udemy" if options.coco else "demo"
    print_table(results, f"{len(people):,} people of {data}, {server.name} on loopback")


if __name__ == "__main__":
    main()
