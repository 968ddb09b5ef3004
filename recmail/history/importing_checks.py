"""Checks of whole columns of text: what is cleaned, what is read, and why a row is refused."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from recmail.db.types import to_microseconds

WARNED_LINES = 20
LONGEST_ID = 255
_SHOWN, _ID_SHOWN = 60, 40  # characters of what was found
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_SPACES = re.compile("[\t\n\r\x0b\x0c\x85\u2028\u2029]+")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:[zZ]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_NANOSECONDS = re.compile(r"(\.[0-9]{6})[0-9]{1,3}(?![0-9])")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_ANSWERS = {
    **dict.fromkeys(("yes", "y", "true", "t", "1"), True),
    **dict.fromkeys(("no", "n", "false", "f", "0"), False),
}


class Checks:
    """Which rows of a chunk are refused and why (the first reason counts), and what is worth a warning."""

    def __init__(self, lines: np.ndarray) -> None:
        self.lines = lines
        self.reasons: list[str | None] = [None] * len(lines)
        self.found: dict[int, str] = {}  # what stood there, of rows that are refused for it
        self.ids: Sequence[Sequence[str]] = ()  # columns: the first that is filled tells whose row it is
        self.id_name = "id"
        self.rejected = False  # any of them
        self.warnings: Counter[str] = Counter()
        self.warned_lines: dict[str, list[int]] = {}

    def reject(
        self, rows: Iterable[int] | np.ndarray, reason: str, found: Sequence[str] | None = None
    ) -> None:
        """Refuse these rows (indices, or a bool for each row), unless they are refused already.

        Args:
            reason: the same for all of them; they are counted by it.
            found: the cells, of all rows, that it is about.
        """
        for row in _indices(rows):
            if self.reasons[row] is None and found is not None and found[row]:
                self.found[row] = found[row]
            self.reasons[row] = self.reasons[row] or reason
            self.rejected = True

    def what_is_wrong(self, row: int) -> str:
        """What was found in a row that is refused; empty where the reason says it all."""
        return f"found {self.found[row][:_SHOWN]!r}" if row in self.found else ""

    def warn(self, rows: Iterable[int] | np.ndarray, warning: str) -> None:
        """Count a warning for these rows and remember the first lines."""
        indices = _indices(rows)
        if indices:
            self.warnings[warning] += len(indices)
            known = self.warned_lines.setdefault(warning, [])
            known.extend(int(self.lines[row]) for row in indices[: WARNED_LINES - len(known)])

    def whose(self, row: int) -> str:
        """Whose row it is, or of what; empty where that is not known."""
        found = next((column[row] for column in self.ids if column[row]), "")
        return f"{self.id_name} {found[:_ID_SHOWN]}" if found else ""

    def accepted(self) -> list[int]:
        """The rows that nothing speaks against."""
        if not self.rejected:
            return list(range(len(self.reasons)))
        return [row for row, reason in enumerate(self.reasons) if reason is None]


def _indices(rows: Iterable[int] | np.ndarray) -> list[int]:
    if isinstance(rows, np.ndarray) and rows.dtype == bool:
        found: list[int] = np.flatnonzero(rows).tolist()
        return found
    return [int(row) for row in rows]


def cleaned(values: Sequence[str]) -> list[str]:
    """Strip spaces at the ends and control characters; line ends and tabs inside become one space."""
    together = "".join(values)
    if together.isprintable():
        if " " not in together:  # nor any other, as in ids and times
            return list(values)
    elif _CONTROL.search(together):
        values = [_CONTROL.sub("", _SPACES.sub(" ", value)) for value in values]
    return [value.strip() for value in values]


def filled(values: Sequence[str]) -> list[int]:
    """The rows that hold something."""
    return [row for row, value in enumerate(values) if value]


def reject_ids(name: str, values: Sequence[str], checks: Checks) -> None:
    """Refuse empty ids, and those that PostgreSQL cannot put into an index."""
    if "" in values:
        checks.reject([row for row, value in enumerate(values) if not value], f"{name}: empty")
    checks.reject(too_long(values), f"{name}: longer than {LONGEST_ID} characters")


def too_long(values: Sequence[str]) -> list[int]:
    """The rows whose id PostgreSQL cannot put into an index."""
    if max(map(len, values), default=0) <= LONGEST_ID:
        return []
    return [row for row, value in enumerate(values) if len(value) > LONGEST_ID]


def texts(values: Sequence[str]) -> list[str | None]:
    """Text, None where empty."""
    return [value or None for value in values]


def times(name: str, values: Sequence[str], checks: Checks) -> np.ndarray:
    """Microseconds since 1970 (int64), -1 where empty; ISO 8601, UTC when no zone is written.

    Refused: what is no time, and times before 1970, which are somebody's default and not history.
    """
    found = np.full(len(values), -1, dtype=np.int64)
    rows = filled(values)
    if not rows:
        return found
    written = [values[row] for row in rows]
    matches = _TIME.fullmatch
    good = [matches(value) is not None for value in written]
    if not all(good):
        written = [_NANOSECONDS.sub(r"\1", value) for value in written]
        good = [matches(value) is not None for value in written]
    parsed = pd.to_datetime(
        [value if is_good else "" for value, is_good in zip(written, good, strict=True)],
        format="ISO8601",
        utc=True,
        errors="coerce",
    )
    micros = parsed.as_unit("us").asi8
    bad = micros < 0  # NaT is the lowest integer
    found[rows] = np.where(bad, -1, micros)
    checks.reject(np.asarray(rows)[bad], f"{name}: bad time", values)
    return found


def reject_future(
    name: str, micros: np.ndarray, latest: datetime, checks: Checks, *, written: Sequence[str] | None = None
) -> None:
    """Refuse times after `latest`."""
    checks.reject(micros > to_microseconds(latest), f"{name}: in the future", written)


def moments(micros: np.ndarray) -> list[datetime | None]:
    """Aware UTC times, None for -1."""
    index = pd.DatetimeIndex(np.maximum(micros, 0).astype("datetime64[us]"), tz=UTC)
    return [
        None if is_empty else moment
        for is_empty, moment in zip((micros < 0).tolist(), index.to_pydatetime().tolist(), strict=True)
    ]


def numbers(
    name: str, values: Sequence[str], checks: Checks, *, low: float = -np.inf, high: float = np.inf
) -> np.ndarray:
    """float64, nan where empty; refused outside low to high."""
    read, bad, outside = {"": math.nan}, set[str](), set[str]()
    for text in set(values) - {""}:  # prices, ratings and seconds are often the same
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(number):
            bad.add(text)
        elif not low <= number <= high:
            outside.add(text)
        read[text] = math.nan if text in bad or text in outside else number
    allowed = f"not from {low:,.15g} to {high:,.15g}" if np.isfinite(high) else f"below {low:,.15g}"
    for refused, reason in ((bad, "bad number"), (outside, allowed)):
        if refused:
            rows = [row for row, value in enumerate(values) if value in refused]
            checks.reject(rows, f"{name}: {reason}", values)
    return np.fromiter(map(read.__getitem__, values), dtype=np.float64, count=len(values))


def whole_numbers(name: str, values: Sequence[str], checks: Checks, *, high: int) -> list[int | None]:
    """Whole numbers from 0 to `high`, None where empty; "90.0" is one."""
    parsed = numbers(name, values, checks, low=0, high=high)
    broken = np.isfinite(parsed) & (parsed != np.round(parsed))
    checks.reject(broken, f"{name}: not a whole number", values)
    return [int(value) if np.isfinite(value) else None for value in parsed.tolist()]


def optional(values: np.ndarray) -> list[Any]:
    """A list with None for nan."""
    return [None if value != value else value for value in values.tolist()]


def answers(name: str, values: Sequence[str], checks: Checks) -> list[bool | None]:
    """Yes or no, None where empty."""
    found = [_ANSWERS.get(value.lower()) for value in values]
    bad = [row for row, value in enumerate(values) if value and found[row] is None]
    checks.reject(bad, f"{name}: neither yes nor no", values)
    return found


def known(
    values: Sequence[str], read: Callable[[str], str | None], checks: Checks, warning: str
) -> list[str | None]:
    """What `read` makes of each value; None with a warning where it knows it not."""
    memory: dict[str, str | None] = {"": None}
    for value in set(values) - {""}:
        memory[value] = read(value)
    found = [memory[value] for value in values]
    checks.warn([row for row, value in enumerate(values) if value and found[row] is None], warning)
    return found
