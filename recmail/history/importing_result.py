"""What became of a file or a query that was brought in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from recmail.history.importing_target import Counts
from recmail.history.strangers import Recognised


@dataclass(frozen=True)
class ImportResult:
    """What became of a file or a query.

    Attributes:
        rows: records read; the counts (consents aside) and the rejects add up to them.
        rejects: how many rows were refused, by reason.
        reject_examples: of each reason the first: its line, whose row it is, and what was found.
        rejects_file: where they are listed; None when there are none, or no place to write.
        warnings: what was left out of accepted rows, by kind; `warned_lines` has the first lines.
        ignored_columns: columns of the file that are none of ours.
        unmapped: names of events that no kind is given for, the most frequent first; they are no rows.
        newest: the latest time among accepted rows.
        recognised: of interactions, how many of their user_ids are those of known people.
    """

    source: str
    kind: str
    file: str
    dry_run: bool
    rows: int
    counts: Counts
    rejects: dict[str, int]
    rejects_file: Path | None
    warnings: dict[str, int]
    warned_lines: dict[str, list[int]]
    ignored_columns: tuple[str, ...]
    unmapped: dict[str, int]
    newest: datetime | None
    started_at: datetime
    finished_at: datetime
    recognised: Recognised | None = None
    reject_examples: dict[str, str] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """How many rows were refused."""
        return sum(self.rejects.values())
