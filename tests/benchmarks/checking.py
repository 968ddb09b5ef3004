"""How fast `recmail check --all` writes and looks at everybody's email, and how much memory it needs.

    python tests/benchmarks/checking.py [--people 10000 100000] [--courses 500] [--campaigns free limited]

On the random people of planning.py, with the shipped weekly template: eight courses in an email. Each check
runs in a process of its own with two workers. The figure is the last column: the peak of this process and its
workers together, against that of the smallest audience. `together` adds up the most that each of them held
and shared with no file (anonymous pages, every 50 ms), whether at one moment or not; `parent` and `worker`
are the peaks of resident memory that the system kept of each (VmHWM: what getrusage says begins with the peak
of the process that started it), the larger of the workers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing import active_children
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks.planning import CAMPAIGNS, NOW, make_project


def memory_mib(pid: int, kind: str) -> float:
    """What the system says of a process, RssAnon or VmHWM; 0 when it has just ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(status.split(f"{kind}:")[1].split()[0]) / 1024 if f"{kind}:" in status else 0.0


def measure(folder: Path, campaign: str) -> None:
    """Check in this process and its workers; print seconds, people and the peaks of memory in MiB as JSON."""
    from recmail.runs.check_everybody import check_everybody
    from recmail.runs.project import open_project

    project = open_project(folder)
    held, worker, done = dict[int, float](), [0.0], threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            workers = [child.pid for child in active_children() if child.pid]
            for pid in (os.getpid(), *workers):
                held[pid] = max(held.get(pid, 0.0), memory_mib(pid, "RssAnon"))
            worker[0] = max([worker[0], *(memory_mib(pid, "VmHWM") for pid in workers)])

    threading.Thread(target=sample, daemon=True).start()
    start = time.perf_counter()
    found = check_everybody(project, project.campaign(campaign), now=NOW)
    took = time.perf_counter() - start
    done.set()
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    assert found.account.adds_up
    document = {
        "seconds": took,
        "cpu": sum(usage.ru_utime + usage.ru_stime for usage in (own, workers)),
        "emails": found.findings.tally.people,
        "parent": memory_mib(os.getpid(), "VmHWM"),
        "worker": worker[0],
        "together": sum(held.values()),
    }
    print(json.dumps(document))


def main() -> None:
    """Measure every size and campaign, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--courses", type=int, default=500)
    parser.add_argument("--campaigns", nargs="+", default=["free"], choices=list(CAMPAIGNS))
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(Path(chosen.measure[0]), chosen.measure[1])
        return
    print(
        "  people  campaign   emails  seconds      cpu  emails/s  parent  worker  together  against the first"
    )
    first: dict[str, float] = {}
    for people in chosen.people:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["RECMAIL_CACHE"] = f"{folder}/models"
            os.environ["RECMAIL_DELIVERY_PLANNERS"] = "2"
            make_project(Path(folder) / "acme", people, chosen.courses)
            for campaign in chosen.campaigns:
                command = [sys.executable, __file__, "--measure", f"{folder}/acme", campaign]
                answer = subprocess.run(command, check=True, capture_output=True, text=True)
                got = json.loads(answer.stdout.splitlines()[-1])
                base = first.setdefault(campaign, got["together"])
                print(
                    f"{people:8,}  {campaign:8} {got['emails']:8,} {got['seconds']:8.1f} {got['cpu']:8.1f}"
                    f" {got['emails'] / got['seconds']:9,.0f} {got['parent']:7.0f} {got['worker']:7.0f}"
                    f" {got['together']:9.0f} {got['together'] / base:8.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
