"""Has the messages of claims written: in this process, or in others beside it while many people wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from recmail.db.connect import reading
from recmail.db.runs import find_run
from recmail.deliver.clock import Clock
from recmail.deliver.drafter import Write, Written
from recmail.engine import Processes
from recmail.errors import ConfigError, StorageError
from recmail.records import Claim
from recmail.runs.message import RunWriter
from recmail.runs.project import Project, open_project

_WORTH_PROCESSES = 1_000  # people; below, one process has written to all before another has started


@dataclass(frozen=True)
class Drafting:
    """What has messages written.

    Attributes:
        drafters: how many groups may be asked for at once.
        broken: the run whose messages could not be written, for a reason that is more than one person's.
    """

    drafters: int
    write: Write
    broken: list[int]


@contextmanager
def drafting(
    project: Project, writers: Mapping[int, RunWriter], clock: Clock, *, waiting: int
) -> Iterator[Drafting]:
    """Make ready what writes the messages of some runs.

    Args:
        waiting: people.
    """
    others = project.settings.delivery.senders - 1 if waiting >= _WORTH_PROCESSES else 0
    broken: list[int] = []
    if others < 1:

        def here(run_no: int, claims: Sequence[Claim]) -> Sequence[Written]:
            return writers[run_no].write(claims, now=clock.now())

        yield Drafting(1, _by_run(here, broken), broken)
        return
    with Processes(others) as processes:

        def elsewhere(run_no: int, claims: Sequence[Claim]) -> Sequence[Written]:
            return processes.run(_draft, _Task(project.folder, run_no, claims, clock.now()))

        # Two groups for each process: the next is there when it has finished one.
        yield Drafting(2 * others, _by_run(elsewhere, broken), broken)


def _by_run(write: Callable[[int, Sequence[Claim]], Sequence[Written]], broken: list[int]) -> Write:
    """Have the claims of each run written together."""

    def write_all(claims: Sequence[Claim]) -> list[Written]:
        places: dict[int, list[int]] = defaultdict(list)
        for place, claim in enumerate(claims):
            places[claim.run_no].append(place)
        written: dict[int, Written] = {}
        for run_no, of_run in places.items():
            try:
                found = write(run_no, [claims[place] for place in of_run])
            except (ConfigError, StorageError):
                raise  # recmail.toml, or the database: no run is to blame
            except Exception:
                broken.append(run_no)
                raise
            written |= zip(of_run, found, strict=True)
        return [written[place] for place in range(len(claims))]

    return write_all


@dataclass(frozen=True)
class _Task:
    """What another process is told; it opens the project by itself."""

    folder: Path
    run_no: int
    claims: Sequence[Claim]
    now: datetime


def _draft(task: _Task) -> list[Written]:
    return _writer(task.folder, task.run_no).write(task.claims, now=task.now)


@lru_cache(maxsize=16)
def _writer(folder: Path, run_no: int) -> RunWriter:
    project = open_project(folder)
    with reading(project.engine) as connection:
        return RunWriter(project, find_run(connection, run_no))
