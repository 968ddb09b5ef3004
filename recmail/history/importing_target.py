"""What every table that is imported into has in common: options, counts, and the contract of a target."""

from __future__ import annotations

import dataclasses
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import sqlalchemy as sa

from recmail.history.identity import Due
from recmail.history.importing_checks import Checks

FUTURE = timedelta(days=1)  # clocks and zones of other systems are wrong by less than this


@dataclass(frozen=True)
class ImportOptions:
    """How a file is read.

    Attributes:
        source: the name of where it comes from; event ids are unique within a source.
        consent_basis: why the people of a file without email_consent may be mailed; kept as proof.
        dry_run: check and count, change nothing.
        columns: theirs to ours.
        attributes: declared columns of users by name, with a type of settings.values.
        currency: of prices and amounts that name none.
        project: the folder for rejected rows when there is no file, or its own cannot be written.
        section: of recmail.toml that all this is written in; empty for a file named on the command line.
    """

    source: str = "csv"
    consent_basis: str | None = None
    dry_run: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None
    project: Path = Path()
    section: str = ""

    def renaming(self, theirs: str, ours: str) -> str:
        """How to say that a column of theirs is one of ours, where this import is described."""
        if self.section:
            return f'[{self.section}.columns] "{theirs}" = "{ours}"'
        return f"--map {shlex.quote(f'{theirs}={ours}')}"


@dataclass(frozen=True)
class Counts:
    """What became of accepted rows; all but the last three add up to them.

    Attributes:
        added: new.
        changed: known, with something else in them.
        unchanged: known already.
        unknown_people: events of people who are not imported.
        erased: about people who were erased; never brought back.
        left_out: addresses of people who said no such thing.
        left: events that may be known in another form.
        pending: events that are kept until their person and course are known.
        consents: consent rows that were written.
        linked: other ids that a person was found to have.
        settled: events that were kept before and whose person is known now.
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    unknown_people: int = 0
    erased: int = 0
    left_out: int = 0
    left: int = 0
    pending: int = 0
    consents: int = 0
    linked: int = 0
    settled: int = 0

    @property
    def written(self) -> int:
        """How many rows were not there before."""
        return self.added + self.changed + self.pending + self.linked

    def __add__(self, other: Counts) -> Counts:
        mine, theirs = dataclasses.astuple(self), dataclasses.astuple(other)
        return Counts(*(a + b for a, b in zip(mine, theirs, strict=True)))


@dataclass(frozen=True)
class Setting:
    """What a target needs to know of the import that it serves.

    Attributes:
        key: the project's key, for hashing addresses.
        present: the columns, by our names, that the source has.
        ignored: those of its columns that are none of ours.
        reread_until: events up to then may be known as the source was described before.
    """

    key: bytes
    now: datetime
    options: ImportOptions
    present: frozenset[str]
    ignored: tuple[str, ...] = ()
    reread_until: datetime | None = None

    @property
    def latest(self) -> datetime:
        """Later times are in the future and refused."""
        return self.now + FUTURE

    @property
    def stamp(self) -> dict[str, Any]:
        """The columns of a row that say where it comes from and when it came."""
        return {"source": self.options.source, "imported_at": self.now}


class Target(Protocol):
    """A table that records are imported into.

    `check` runs outside any transaction on columns by our names, cleaned; it refuses rows through `checks`
    and returns the accepted ones in any shape of its own, which `write` and `rehearse` get back in slices.
    """

    newest: int
    """The latest time among accepted rows, in microseconds since 1970; -1 where there is none."""

    def check(self, columns: Mapping[str, list[str]], checks: Checks) -> Sequence[Any]:
        """Check a chunk and return what to write of it."""

    def write(self, connection: sa.Connection, rows: Sequence[Any]) -> Counts:
        """Write some of what `check` returned; the same rows again change nothing."""

    def rehearse(self, connection: sa.Connection, rows: Sequence[Any]) -> Counts:
        """Count what `write` would do, without doing it."""


@runtime_checkable
class SettlingTarget(Target, Protocol):
    """A target after whose writing events can be brought in that were kept until their person is known."""

    due: Due
    """What is kept of people who became known; `settling.settle` empties it."""


@runtime_checkable
class ObjectionTarget(Target, Protocol):
    """A target whose rejected rows may say what must not be lost with them."""

    objections: list[Any]
    """What `check` found of that; emptied when it is recorded."""
    warnings: Counter[str]
    """What could not be recorded, with how often it came."""

    def doubt(self, ids: Sequence[str]) -> None:
        """Note the ids of records that are none: too many or too few texts."""

    def heed(self, connection: sa.Connection, rows: Sequence[Any]) -> Counts:
        """Record some of it, after the chunk's rows are written."""


@runtime_checkable
class LinkTarget(Target, Protocol):
    """A target that also learns which other ids its people have."""

    warnings: Counter[str]
    """What is odd about them, with how often it came."""

    def link(self, connection: sa.Connection, pairs: Sequence[tuple[str, str]]) -> Counts:
        """Write some of a chunk's pairs of another id and a user_id, before the chunk's rows are written."""

    def wrote(self, connection: sa.Connection) -> None:
        """Take all that its transaction has written for the import's own."""
