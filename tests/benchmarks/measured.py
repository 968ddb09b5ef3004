"""What the variants of the yardstick are given and what they report: the job and the stopwatch."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

STAGES = ("score + select", "render", "inline", "MIME", "send")
BEFOREHAND = ("read", "fit")
PICKS, POPULAR = 4, 2  # courses in an email: from the person's own history, and what many take


@dataclass(frozen=True)
class Job:
    """One campaign; users.csv, courses.csv, interactions.csv and templates/ lie in `folder`.

    Attributes:
        now: ISO 8601, after everything in interactions.csv.
        people: user_id of everybody who gets the email.
    """

    folder: str
    port: int
    now: str
    people: list[str]

    @property
    def path(self) -> Path:
        """The job's folder."""
        return Path(self.folder)

    def write(self) -> Path:
        """Write the job where another process reads it; returns the file."""
        path = self.path / "job.json"
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Job:
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass
class Measured:
    """What one variant took.

    Attributes:
        seconds: wall time by stage; of STAGES and BEFOREHAND.
        cpu_s: of this process inside STAGES.
        program_s: wall time of the whole campaign as somebody would run it, without import and training;
            0 where this process is that program.
        handed_over: messages that the mail server should have taken.
        html_bytes: of the HTML parts of one campaign's messages together, as inlined.
        peak_mib: resident, of the largest process.
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    cpu_s: float = 0.0
    program_s: float = 0.0
    messages: int = 0
    handed_over: int = 0
    html_bytes: int = 0
    peak_mib: float = 0.0

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add what happens inside to a stage."""
        start, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start
            if stage in STAGES:
                self.cpu_s += time.process_time() - cpu

    @property
    def total_s(self) -> float:
        """All stages from scores to sending."""
        return sum(self.seconds[stage] for stage in STAGES)

    def write(self, path: Path) -> None:
        """Write it down with the memory that this process and its children needed."""
        largest = max(
            resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        self.peak_mib = largest / (1024**2 if sys.platform == "darwin" else 1024)  # bytes there, else KiB
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Measured:
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
