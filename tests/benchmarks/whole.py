"""A whole campaign, planned, approved and sent to a mail server, against the afternoon script.

    python tests/benchmarks/whole.py [--people 20000 100000] [--courses 2000] [--sample 100]
        [--connections 32]

Random people and courses as planning.py makes them, four picks and two popular courses for everybody.
recmail is run by its commands, each a process of its own: `plan` with two planners, `approve`, `send` to
smtp-sink (README.md: the server). The naive and the tuned script of afternoon.py write to a sample of the
same people from the same histories; what a person takes them is multiplied. Their reading and fitting is
left out, and so is recmail's training.

"a message" is wall time of the part that sends: claim, consent, render, inline, MIME, SMTP and results
here; render, inline, MIME and SMTP there. Peaks are of the largest process of all, sampled from /proc
(VmHWM).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from measured import PICKS, POPULAR, Job, Measured
from naive import ROOT, run_variant
from planning import NOW, make_project
from receiver import HOST, Receiver, receiver

CAMPAIGN = f"""\
subject: "{{{{ user.first_name or 'Hello' }}}}, {{{{ courses|length }}}} courses picked for you"
provider: loopback
audience: everyone
blocks:
  - top_picks: {{title: Picked for you, show: {PICKS}}}
  - popular: {{title: Popular now, show: {POPULAR}}}
"""
SENT = ("render", "inline", "MIME", "send")


def main() -> None:
    """Measure every size, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--courses", type=int, default=2_000)
    parser.add_argument("--sample", type=int, default=100, help="people of the afternoon scripts")
    parser.add_argument("--connections", type=int, default=32)
    asked = parser.parse_args()
    first_peak = 0.0
    for people in asked.people:
        with tempfile.TemporaryDirectory() as name, receiver() as server:
            os.environ["RECMAIL_CACHE"] = f"{name}/models"
            folder = Path(name)
            make_project(folder / "acme", people, asked.courses)
            took, peak = campaign(folder / "acme", server, people, asked.connections)
            slow = {kind: afternoon(kind, folder, server, asked.sample) for kind in ("tuned", "naive")}
            first_peak = first_peak or peak
            show(took, peak, first_peak, slow, people=people, courses=asked.courses)


def campaign(folder: Path, server: Receiver, people: int, connections: int) -> tuple[dict[str, float], float]:
    """Plan, approve and send by the commands; return seconds of each, and the largest peak in MiB."""
    with (folder / "recmail.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[provider.loopback]\ntype = "smtp"\nhost = "{HOST}"\nport = {server.port}\n')
        settings.write(f'tls = "none"\nconnections = {connections}\n')
    (folder / "campaigns" / "whole.yaml").write_text(CAMPAIGN, "utf-8")
    before, peaks, took = server.accepted(), [0.0], {}
    commands = {
        "plan": ["plan", "whole"],
        "approve": ["approve", "1"],
        "send": ["send", "1", "--yes", "--expect", str(people)],
    }
    for name, command in commands.items():
        began_s = time.perf_counter()
        run(folder, [*command, "--now", NOW.isoformat()], peaks)
        took[name] = time.perf_counter() - began_s
    taken = server.accepted() - before
    if taken != people:
        raise SystemExit(f"the server took {taken:,} messages of {people:,}")
    return took, max(peaks)


def run(folder: Path, command: list[str], peaks: list[float]) -> None:
    """Run a command of recmail, looking at the memory of its processes all the while."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RECMAIL_DELIVERY_PLANNERS": "2"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "recmail", *command, "--project", str(folder)],
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        over = threading.Event()

        def sample() -> None:
            while not over.wait(0.05):
                peaks.append(largest(process.pid))

        watch = threading.Thread(target=sample)
        watch.start()
        code = process.wait()
        over.set()
        watch.join()
        if code:
            said.seek(0)
            raise SystemExit(
                f"recmail {' '.join(command)} ended with {code}:\n{said.read().decode()[-4000:]}"
            )


def largest(pid: int) -> float:
    """The peak of the largest process at or below this one, in MiB."""
    peak = 0.0
    with suppress(OSError, IndexError):  # it has just ended
        peak = int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            peak = max([peak, *(largest(int(child)) for child in children.read_text().split())])
    return peak


def afternoon(kind: str, folder: Path, server: Receiver, sample: int) -> Measured:
    """Run one of the afternoon scripts for the first people of the project."""
    write_files(folder / "acme" / "recmail.db", folder)
    if not (folder / "templates").exists():
        (folder / "templates").symlink_to(ROOT / "templates")
    people = [f"u{number}" for number in range(sample)]
    return run_variant(kind, Job(str(folder), server.port, NOW.isoformat(), people), server)


def write_files(database: Path, folder: Path) -> None:
    """Write the three files that the scripts read, from the project's database."""
    queries = {
        "users": "SELECT user_id, email, first_name, '' AS last_name FROM users",
        "courses": "SELECT course_id, title, '' AS subtitle, category, '' AS level, '' AS image_url"
        ", '' AS url, '' AS price, '' AS currency, '' AS duration_min, 'yes' AS active FROM courses",
        "interactions": "SELECT user_id, course_id, kind, '' AS value FROM interactions"
        " JOIN users USING (user_no) JOIN courses USING (course_no)",
    }
    with sqlite3.connect(database) as connection:
        for name, query in queries.items():
            rows = connection.execute(query)
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([column[0] for column in rows.description])
                writer.writerows(rows)


def show(
    took: dict[str, float],
    peak: float,
    first_peak: float,
    slow: dict[str, Measured],
    *,
    people: int,
    courses: int,
) -> None:
    """Print one size."""
    together, message_ms = sum(took.values()), 1000 * took["send"] / people
    parts = ", ".join(f"{name} {seconds:,.1f}" for name, seconds in took.items())
    print(f"{people:,} people x {courses:,} courses: {together:,.1f} s ({parts})")
    grown = peak / first_peak
    print(f"  {message_ms:.2f} ms a message; largest process {peak:.0f} MiB, {grown:.3f} of the first")
    for kind, measured in slow.items():
        each_ms = 1000 * sum(measured.seconds[stage] for stage in SENT) / measured.messages
        whole_s = measured.total_s / measured.messages * people
        print(
            f"  {kind}: {each_ms:.1f} ms a message, {each_ms / message_ms:.1f} times recmail's; the whole"
            f" {whole_s:,.0f} s, {whole_s / together:.1f} times",
            flush=True,
        )
    print(json.dumps({"people": people, "took": took, "peak": peak}), file=sys.stderr)


if __name__ == "__main__":
    main()
